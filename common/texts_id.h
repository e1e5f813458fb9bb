#pragma once

#include <cstdint>
#include <string>

#include "common/plan.h"

namespace kneepoint {

/// Equal where two runs, of plans with these seeds, ask the same texts, however they ask for the answers; ""
/// where texts are made anew in each run. Pure.
std::string texts_id(const Workload& workload, std::uint64_t seed);

}  // namespace kneepoint
