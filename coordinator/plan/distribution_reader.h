#pragma once

#include <string>

#include "common/clock.h"
#include "common/distribution.h"
#include "coordinator/plan/yaml_tree.h"

namespace kneepoint::coordinator {

/// Reads a whole number from `min` to `max` that may vary from request to request: `512`, or
/// `{distribution: normal, mean: 512, stddev: 128}`. Throws yaml::PlanError.
Distribution read_varying_count(const yaml::Node& node, const std::string& what, std::uint64_t min,
                                std::uint64_t max);

/// The same for a duration of at most `max`; the distribution is of seconds.
Distribution read_varying_duration(const yaml::Node& node, const std::string& what, Nanos max);

}  // namespace kneepoint::coordinator
