#pragma once

#include <vector>

#include "coordinator/telemetry/guard_rails.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

/// The tool's own figures for guard rails, over the last ten seconds that the whole fleet has completed:
/// `error_ratio` (of five requests that ended or more), `ttft_p50` and `ttft_p95` in seconds (of 5 and 20
/// first tokens or more). What there is too little of is left out.
std::vector<GuardReading> guard_figures(const Timeline& timeline);

}  // namespace kneepoint::coordinator
