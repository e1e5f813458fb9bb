#pragma once

#include <optional>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// How fast the load of a survey (rows MOVING) rose from its first row to its last, a second; negative where
/// it fell, 0 where one row tells nothing. Absent where the load stood still in each row.
std::optional<double> pace_of(const std::vector<Step>& steps);

}  // namespace kneepoint::coordinator
