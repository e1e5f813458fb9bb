#pragma once

#include <string>

#include "coordinator/init/host_probe.h"

namespace kneepoint::coordinator {

/// A plan to start from, as YAML with comments: a search for saturation with a workload that fits the host's
/// context, and limits that suit a chat. It loads as it is. @param name of the plan.
std::string starting_plan(const HostFacts& facts, const std::string& name);

}  // namespace kneepoint::coordinator
