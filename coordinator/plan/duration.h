#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/clock.h"

namespace kneepoint::coordinator {

/// How durations are written in plans and flags, for error messages.
inline constexpr std::string_view kDurationHelp = "30s, 2m, 500ms or 1h30m";

/// Reads numbers with units, largest unit first and each at most once: `500ms`, `1.5s`, `1h30m`, `0s`. Units:
/// h, m, s, ms, us. A bare number, a sign or anything above 1,000 hours is no duration.
std::optional<Nanos> parse_duration(std::string_view text);

/// The same notation, exact to the microsecond: "1m30s", "500ms", "0s". @param d not negative.
std::string format_duration(Nanos d);

}  // namespace kneepoint::coordinator
