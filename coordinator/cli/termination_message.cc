#include "coordinator/cli/termination_message.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace kneepoint::coordinator {

Result<void> write_termination_message(const std::filesystem::path& file, std::string_view words,
                                       ExitCode code) {
  std::ofstream out(file, std::ios::trunc);
  out << words << fmt::format("exit code {}: {}\n", static_cast<int>(code), exit_words(code)) << std::flush;
  if (!out) return Error{fmt::format("cannot write {}: {}", file.string(), std::strerror(errno))};
  return {};
}

}  // namespace kneepoint::coordinator
