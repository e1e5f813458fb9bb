#pragma once

#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Compares the first and the last valid row of each concurrency that was measured more than once (A-B-A):
/// where throughput moved by more than 3 %, and by more than both 95 % intervals together allow (none where a
/// row has no interval), the last one is flagged DRIFT. Rows
/// between were then measured on a host that was changing, and so was the curve that they make up.
void mark_drift(std::vector<Step>& steps);

}  // namespace kneepoint::coordinator
