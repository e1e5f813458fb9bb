#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/fleet/fleet.h"
#include "coordinator/recording/recording.h"

namespace kneepoint::coordinator {

/// "20261129T052600Z-sweep-7f3a"
std::string new_run_id(RealTime now, const std::string& plan);

/// What is known of a run when its load begins. @param agents how many were part of `fleet`, lost ones
/// included.
RunFacts facts_at_start(const Plan& plan, const std::vector<Cell>& cells, const Fleet& fleet,
                        std::size_t agents);

}  // namespace kneepoint::coordinator
