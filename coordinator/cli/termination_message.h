#pragma once

#include <filesystem>
#include <string_view>

#include "common/result.h"
#include "coordinator/results/exit_code.h"

namespace kneepoint::coordinator {

/// Leaves in `file` what a supervisor shows of a process that has ended: `words`, whole lines, and then the
/// exit code with its meaning. In Kubernetes `file` is the container's terminationMessagePath, a mount of its
/// own: therefore it is written over in place. @returns one line that names the file where it cannot be
/// written.
Result<void> write_termination_message(const std::filesystem::path& file, std::string_view words,
                                       ExitCode code);

}  // namespace kneepoint::coordinator
