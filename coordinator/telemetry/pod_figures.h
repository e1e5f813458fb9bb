#pragma once

#include <vector>

#include "coordinator/telemetry/step_telemetry.h"
#include "coordinator/telemetry/telemetry_series.h"

namespace kneepoint::coordinator {

/// What each of several pages says of [begin, end), in seconds since the run's zero. In place of a page that
/// tells data parallel ranks apart stand its ranks. Empty where there is one page only, without ranks: it is
/// the target's.
std::vector<PodFigures> pod_figures(const std::vector<EnginePage>& pages, double begin, double end);

}  // namespace kneepoint::coordinator
