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
/// What no other run has: of its random words.
std::uint64_t new_text_seed();

RunFacts::Agent fact_of(const AgentInfo& agent);

/// What is known of a run when its load begins, and of its agents as of now.
RunFacts facts_of(const Plan& plan, const std::vector<Cell>& cells, const Fleet& fleet);

}  // namespace kneepoint::coordinator
