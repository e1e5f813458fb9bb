#include "coordinator/cli/termination_message.h"

#include <fmt/format.h>

#include "coordinator/report/growing_file.h"

namespace kneepoint::coordinator {

Result<void> write_termination_message(const std::filesystem::path& file, std::string_view words,
                                       ExitCode code) {
  auto out = GrowingFile::create(file);
  if (!out) return out.error();
  return out->append(fmt::format("{}exit code {}: {}\n", words, static_cast<int>(code), exit_words(code)));
}

}  // namespace kneepoint::coordinator
