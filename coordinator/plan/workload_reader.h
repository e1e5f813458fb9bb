#pragma once

#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/datasets/library.h"
#include "coordinator/plan/yaml_tree.h"

namespace kneepoint::coordinator {

/// Reads a scenario's `workload`. @param scenario e.g. "scenario 'chat'". @param library reads the datasets
/// that it names. @param of_classes gets the limits that single classes have. Throws yaml::PlanError.
Workload read_workload(const yaml::Node& node, const std::string& scenario, DatasetLibrary& library,
                       std::vector<SloLimit>& of_classes);

}  // namespace kneepoint::coordinator
