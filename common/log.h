#pragma once

#include <string>

namespace kneepoint {

/// Sets the pattern of the log (spdlog's, with "%*" for the message): what others said, and a message quotes,
/// cannot command the terminal that shows it. Call at start.
void set_log_pattern(const std::string& pattern);

}  // namespace kneepoint
