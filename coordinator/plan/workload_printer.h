#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/plan.h"

namespace kneepoint::coordinator {

/// What requests ask, for people, in one line; further lines (the extra body) are indented by 15. Prompts are
/// counted, never printed.
std::string describe_workload(const Workload& workload, const Plan& plan);

/// Adds what makes a scenario's workload a weaker measurement than its author may think, one sentence each.
void warn_about_workload(const Scenario& scenario, const Plan& plan, std::vector<std::string>& warnings);

/// The most requests in flight that a ramp may come to.
std::uint32_t highest_step(const Ramp& ramp);

}  // namespace kneepoint::coordinator
