#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kneepoint::coordinator::html {

/// What a row's state or flag means, in a sentence; absent for one that is not known here.
std::optional<std::string_view> explain_flag(std::string_view flag);

/// What gave out first, as it reads after "limited by": "batch slots: requests queue in the server". The name
/// itself where it is not one of measurement.md §7.
std::string explain_bottleneck(std::string_view bottleneck);

}  // namespace kneepoint::coordinator::html
