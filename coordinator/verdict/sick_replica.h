#pragma once

#include <optional>
#include <string>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Of several replicas the one that is clearly worse than the others at the same step: it fails, answers
/// slower, or answers less. A sentence without a stop with its name, or nothing.
std::optional<std::string> sick_replica(const ScenarioResult& result);

}  // namespace kneepoint::coordinator
