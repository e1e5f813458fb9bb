#pragma once

#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {

/// A mapping of metrics to percentiles to limits. @param whose "scenario 'chat'", for the complaint.
/// @param streamed whether anything but E2E is measured. Throws PlanError.
std::vector<SloLimit> read_slo(const yaml::Node& node, const std::string& whose, bool streamed);

}  // namespace kneepoint::coordinator
