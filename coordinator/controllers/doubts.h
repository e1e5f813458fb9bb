#pragma once

#include <optional>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// The load of a row that contradicts its neighbours and was measured once, to be measured again before
/// anything is made of it: surely lower than less load gave; or throughput surely rises more steeply past a
/// load than up to it, which no host does; or it moved within the row. Of rows that contradict each other it
/// is the oldest: what came later is of the host as it is.
std::optional<double> doubtful_load(const std::vector<Step>& rows);

}  // namespace kneepoint::coordinator
