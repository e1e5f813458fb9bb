#pragma once

#include <string>

#include "common/plan.h"
#include "coordinator/datasets/library.h"
#include "coordinator/plan/yaml_tree.h"

namespace kneepoint::coordinator {

/// Reads a workload's `dataset` and the file that it names, into `dataset` and `classes` of `workload`.
/// @param scenario e.g. "scenario 'chat'". @param sessions whether the workload has conversations: a trace's
/// sessions become its entries. Throws yaml::PlanError.
void read_dataset_use(const yaml::Node& node, const std::string& scenario, bool sessions,
                      DatasetLibrary& library, Workload& workload);

}  // namespace kneepoint::coordinator
