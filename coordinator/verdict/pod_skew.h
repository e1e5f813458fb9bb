#pragma once

#include <optional>
#include <string>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Whether, of several pods or ranks, one is dealt clearly more requests than an equal share, by all pods'
/// own pages, or gets none while requests wait for the others: a sentence without a stop, or nothing.
std::optional<std::string> pod_skew(const ScenarioResult& result);

}  // namespace kneepoint::coordinator
