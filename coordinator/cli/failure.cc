#include "coordinator/cli/failure.h"

#include <fmt/format.h>

#include "common/printable.h"

namespace kneepoint::coordinator {

int fail(ExitCode code, const std::string& message) {
  fmt::print(stderr, "kneepoint: {}\n", printable_lines(message));
  return code;
}

int refuse(const std::string& message) {
  return fail(kBadInput, message);
}

}  // namespace kneepoint::coordinator
