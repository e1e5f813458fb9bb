#pragma once

#include <vector>

#include "coordinator/report/model.h"

namespace kneepoint::coordinator {

/// Names what gave out first from the client's own evidence and appends it to the explanation: `client`,
/// `admission` (429 and 503), `errors`, `queue_slots`, or "" with what could not be ruled out without the
/// server's telemetry.
/// @param saturation with its concurrency and knee kind found.
void attribute(Saturation& saturation, const std::vector<Step>& steps);

/// Whether more than 1 % of the requests that ended surely failed (exact lower 95 % bound).
bool surely_failing(const RequestCounts& requests);

}  // namespace kneepoint::coordinator
