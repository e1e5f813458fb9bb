#pragma once

#include "common/plan.h"
#include "coordinator/results/model.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

/// Cuts one step's window out of the timeline and measures it: throughput by token arrival, latencies pooled
/// over the window's seconds whatever the level under which a request began, intervals by batch means, and
/// the validity gates. State and markers need the other steps and come later (verdict/annotate.h).
///
/// A step bounded by requests is measured over its own epoch's requests, from the instant its level took
/// effect until its last request ended, with per-request spread and no intervals.
///
/// Pure: the same timeline gives the same step, live or replayed. @param cell the one that `window.cell`
/// names.
Step measure_step(const Timeline& timeline, const Plan& plan, const Cell& cell, const StepWindow& window);

}  // namespace kneepoint::coordinator
