#pragma once

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Of a closed loop: rows that gave each request in flight surely less than rows with more load did. A host
/// that stays as it is cannot do that: what was measured at the lighter load is of another host.
void judge_light_load(const ScenarioResult& result, Verdict& verdict);

}  // namespace kneepoint::coordinator
