#pragma once

#include <string_view>

namespace kneepoint::coordinator {

/// How Report::stopped_by begins where it was no guard rail.
inline constexpr std::string_view kStoppedByUser = "user of the live page";

}  // namespace kneepoint::coordinator
