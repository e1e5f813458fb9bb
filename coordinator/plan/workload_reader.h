#pragma once

#include <string>

#include "common/plan.h"
#include "coordinator/datasets/library.h"
#include "coordinator/plan/yaml_tree.h"

namespace kneepoint::coordinator {

/// The name of the only class of a workload whose prompts are a plain list.
inline constexpr std::string_view kDefaultClass = "default";

/// Reads a scenario's `workload`. @param scenario e.g. "scenario 'chat'". @param library reads the datasets
/// that it names. Throws yaml::PlanError.
Workload read_workload(const yaml::Node& node, const std::string& scenario, DatasetLibrary& library);

}  // namespace kneepoint::coordinator
