#pragma once

#include <optional>
#include <vector>

#include "coordinator/report/tables.h"
#include "coordinator/results/model.h"

/// What the rows of a result come to, taken together: requests that failed, and those that waited longest.
namespace kneepoint::coordinator {

/// What the requests in the windows of a result came to, taken together.
RequestCounts all_requests(const std::vector<Step>& steps);

/// The longest time between two chunks of one answer, in seconds; absent where no answer had two.
std::optional<double> longest_silence(const std::vector<Step>& steps);

/// The ten requests of the result that waited longest for their first token; no rows without `records`.
Table slowest_table(const ScenarioResult& result);

}  // namespace kneepoint::coordinator
