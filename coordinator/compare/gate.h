#pragma once

#include <vector>

#include "common/plan.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Holds the figures of a run against limits. A metric of rows without a load is held against every row of
/// the ramp, of repeated ones against the valid one with most requests. What was not measured validly holds
/// no limit: it is unchecked, but for failures, which are counted in any row. Of several results those count
/// that have the load, or an SLO, at all. Figures of a whole result count only where the result is
/// trustworthy.
std::vector<ThresholdOutcome> hold_against(const std::vector<Threshold>& thresholds, const Report& report);

}  // namespace kneepoint::coordinator
