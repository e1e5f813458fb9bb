#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// The rows that are not valid and on which the answer hangs: had they been valid, with the most or the least
/// that their neighbours allow, the saturation point would be another one; or they lie between what was seen
/// to meet a limit and what was seen to break it. Indices into `result.steps`. Rows whose load was measured
/// validly as well are never among them, nor are rows that only their target's refusals made invalid, nor
/// rows past twice the answer.
///
/// @param seed of the bootstrap, as find_saturation takes it.
std::vector<std::size_t> decisive_invalid_rows(const ScenarioResult& result, std::uint64_t seed);

}  // namespace kneepoint::coordinator
