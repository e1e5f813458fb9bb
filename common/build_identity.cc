#include "common/build_identity.h"

#include <fmt/format.h>

#include "common/version.h"
#include "kneepoint_build.h"

namespace kneepoint {

std::string build_identity() {
  return fmt::format("{}+{}", version(), KNEEPOINT_COMMIT);
}

Build this_build() {
  return {.version = std::string(version()), .commit = KNEEPOINT_COMMIT};
}

std::string build_description() {
  return fmt::format("{} (commit {}, {})", version(), KNEEPOINT_COMMIT, KNEEPOINT_BUILD_TYPE);
}

}  // namespace kneepoint
