#pragma once

#include <string_view>
#include <vector>

#include "coordinator/results/model.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

/// The requests that ended in a window and waited longest for their first token, longest first, at most
/// kSlowestRows. Empty where agents hand over no rows.
std::vector<SlowRequest> slowest_in(const Timeline& timeline, const StepWindow& window,
                                    std::string_view run_id);

}  // namespace kneepoint::coordinator
