#pragma once

#include <string>
#include <string_view>

#include "common/result.h"
#include "coordinator/telemetry/telemetry_series.h"

namespace kneepoint::coordinator {

/// A line of telemetry.jsonl, without its end: one source at one second, values by signal name, numbers
/// exact.
std::string telemetry_line(const TelemetrySample& sample);

Result<TelemetrySample> parse_telemetry_line(std::string_view line);

/// A whole telemetry.jsonl, behind `before`. Unknown signals, which a newer version may have written, are
/// left out; a last line without its end, as a killed run leaves it, too. @returns the number of the first
/// line that cannot be read.
Result<TelemetrySeries> parse_telemetry(std::string_view text, TelemetrySeries before = {});

}  // namespace kneepoint::coordinator
