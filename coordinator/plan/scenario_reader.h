#pragma once

#include <cstddef>

#include "common/plan.h"
#include "coordinator/datasets/library.h"
#include "coordinator/plan/yaml_tree.h"

namespace kneepoint::coordinator {

/// Reads one item of `scenarios`. @param number from 1, for complaints about a scenario without a name.
/// @param targets the plan's, for the names that a scenario may choose. @param library reads its datasets.
/// Throws yaml::PlanError. A `matrix` is not looked at (see matrix_reader.h).
Scenario read_scenario(const yaml::Node& node, std::size_t number, const std::vector<Target>& targets,
                       DatasetLibrary& library);

}  // namespace kneepoint::coordinator
