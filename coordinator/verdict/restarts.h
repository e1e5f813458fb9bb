#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/results/model.h"
#include "coordinator/telemetry/telemetry_series.h"

namespace kneepoint::coordinator {

/// The seconds by which the engine behind a page had begun anew: the page's process started later than
/// before, or, where it does not say when, several of its counters fell at once to less than half, and stayed
/// below what they had been. A page that is answered by one pod after the other shows the same, and then the
/// first one again: that is no restart.
std::vector<std::int64_t> find_restarts(const TelemetrySeries& telemetry, std::string_view target);

/// Rows in which the engine began anew are of two engines: RESTARTED, and not valid.
void mark_restarts(std::vector<Step>& steps, const std::vector<std::int64_t>& restarts);

}  // namespace kneepoint::coordinator
