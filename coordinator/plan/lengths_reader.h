#pragma once

#include "common/dataset.h"
#include "common/plan.h"
#include "coordinator/datasets/library.h"
#include "coordinator/plan/yaml_tree.h"

namespace kneepoint::coordinator {

/// Reads a workload's `lengths`: pairs of input and output lengths in tokens, "1024/128" or a mapping with a
/// weight. One pair becomes the `synthetic` and `output_tokens` of `workload`; several become a dataset of
/// ours, each pair a class of its own, named like the pair.
/// Throws yaml::PlanError.
void read_lengths(const yaml::Node& node, DatasetLibrary& library, Workload& workload);

/// Whether a dataset is that of read_lengths(): it has no arrivals to replay, and its classes are its pairs.
bool is_pairs_of_lengths(const Dataset& dataset);

}  // namespace kneepoint::coordinator
