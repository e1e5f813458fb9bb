#pragma once

#include "common/plan.h"
#include "coordinator/plan/yaml_tree.h"

namespace kneepoint::coordinator {

/// The plan's `bystander`: true, or a mapping. @throws yaml::PlanError.
std::optional<BystanderPlan> read_bystander(const yaml::Node& node);

}  // namespace kneepoint::coordinator
