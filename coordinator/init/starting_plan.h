#pragma once

#include <string>

#include "coordinator/init/host_probe.h"

namespace kneepoint::coordinator {

/// A plan to start from, as YAML with comments: a search for saturation with a workload that fits the host's
/// context, and limits that suit a chat. It loads as it is. @param name of the plan.
/// @param hosts at least one: replicas of the first one's model.
/// @returns an error where they are not.
Result<std::string> starting_plan(const std::vector<HostFacts>& hosts, const std::string& name);

}  // namespace kneepoint::coordinator
