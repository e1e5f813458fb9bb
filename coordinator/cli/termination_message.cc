#include "coordinator/cli/termination_message.h"

#include <fmt/format.h>

#include "coordinator/report/growing_file.h"
#include "coordinator/words/endings.h"

namespace kneepoint::coordinator {

Result<void> write_termination_message(const std::filesystem::path& file, std::string_view text,
                                       ExitCode code) {
  auto out = GrowingFile::create(file);
  if (!out) return out.error();
  return out->append(
      fmt::format("{}exit code {}: {}\n", text, static_cast<int>(code), words::exit_words(code)));
}

}  // namespace kneepoint::coordinator
