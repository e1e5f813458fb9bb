#pragma once

#include <string>

#include "coordinator/report/run_timeline.h"
#include "coordinator/results/model.h"

/// A made-up run with everything that a report can show: a hard knee at about 23, an invalid row, two
/// replicas, SLO limits that hold and break, failures, prompt classes, a second scenario without a saturation
/// point, telemetry with a gap. Always the same.
namespace kneepoint::coordinator::sample {

Report report();
/// The same with `kHostile` wherever a plan, a server or a run can put a name.
Report hostile_report();
inline constexpr const char* kHostile =
    "</script></style></title>--><img src=x onerror=\"document.title='pwned'\"><b>&amp;'{{data}}\"";
/// A matrix of three input lengths × three output lengths on one target: nine results, of which some break
/// their limits and one is not valid.
Report matrix_report();
/// The scenario "chat" on three targets of different speed.
Report targets_report();
RunTimeline timeline(const Report& report);
std::string plan_text();

}  // namespace kneepoint::coordinator::sample
