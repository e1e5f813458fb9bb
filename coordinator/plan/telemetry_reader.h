#pragma once

#include <vector>

#include "common/plan.h"
#include "coordinator/plan/yaml_tree.h"

/// What a plan says of metrics, readiness and limits. All throw yaml::PlanError.
namespace kneepoint::coordinator {

/// A target's `telemetry`: `off`, or a mapping of `metrics`, `gpus` and `nvml`.
TelemetryOptions read_telemetry(const yaml::Node& node);

/// A target's `wait_ready`: a duration, or a mapping of `timeout` and `started`.
WaitReady read_wait_ready(const yaml::Node& node);

/// The plan's `guard_rails`.
std::vector<GuardLimit> read_guard_rails(const yaml::Node& node);

}  // namespace kneepoint::coordinator
