#pragma once

#include <string>

#include "coordinator/report/model.h"
#include "coordinator/report/run_timeline.h"

/// A made-up run with everything that a report can show: a hard knee at about 23, an invalid row, two
/// replicas, SLO limits that hold and break, failures, prompt classes, a second scenario without a saturation
/// point, telemetry with a gap. Always the same.
namespace kneepoint::coordinator::sample {

Report report();
RunTimeline timeline(const Report& report);
std::string plan_text();

}  // namespace kneepoint::coordinator::sample
