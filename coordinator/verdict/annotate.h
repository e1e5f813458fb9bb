#pragma once

#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Gives every row its state, its markers (flags LOWEST LATENCY, QUEUEING BEGINS) and its note for a reader.
///
/// States, first match: CLIENT_BOUND, UNSTEADY, COLLAPSING (throughput surely below 0.95 of the most at
/// smaller N, or errors surely above 1 %), SATURATED (N at or above the knee), NEAR-LINEAR (the lower bound
/// of d ln X/d ln N since the step before is at least 0.8), DIMINISHING. Empty for the lowest step, which has
/// nothing to be compared with, and for rows that are not valid.
void annotate(std::vector<Step>& steps, const Saturation& saturation);

}  // namespace kneepoint::coordinator
