#pragma once

#include <memory>
#include <string>

#include "common/dataset.h"
#include "common/plan.h"
#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {

/// Whether a `ramp` has any of the keys of an open loop.
bool is_open_loop(const yaml::MappingReader& ramp);

/// Requests a second. Throws yaml::PlanError.
double read_rate(const yaml::Node& node);

/// Reads the keys of a `ramp` that make it an open loop: `rate`, `arrival`, `burstiness`, `max_in_flight`.
/// Throws yaml::PlanError.
OpenLoop read_open_loop(const yaml::MappingReader& ramp);

/// Checks an open loop against its scenario's workload, and takes from a trace that drives it how fast and
/// how long it is. @param ramp the scenario's. @param dataset the workload's, or null. Throws
/// yaml::PlanError.
void fit_open_loop(const yaml::Node& ramp, const Dataset* dataset, Scenario& scenario);

}  // namespace kneepoint::coordinator
