#pragma once

#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// What hours at one level show: the trends of throughput, median TTFT and the agents' memory over the valid
/// bins, as changes an hour (Theil–Sen, with Sen's 95 % interval). A trend counts where that interval
/// excludes 0 and it comes to more than 3 % (throughput) or 10 % (TTFT, memory) over the whole soak. States
/// STEADY, DRIFTS (throughput or TTFT), LEAKS (only the memory of an agent) and UNDECIDED (fewer than six
/// valid bins, or half of them).
/// @param bins equally long, one after the other.
Finding judge_soak(const std::vector<Step>& bins);

}  // namespace kneepoint::coordinator
