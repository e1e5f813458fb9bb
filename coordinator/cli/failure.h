#pragma once

#include <string>

#include "coordinator/results/exit_code.h"

namespace kneepoint::coordinator {

/// Tells the user on standard error, in one line, why a command ends. @returns `code`, for the process.
int fail(ExitCode code, const std::string& message);

/// The same for what the user gave.
int refuse(const std::string& message);

}  // namespace kneepoint::coordinator
