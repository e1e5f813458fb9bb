#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "coordinator/results/model.h"
#include "coordinator/verdict/knee.h"

namespace kneepoint::coordinator {

/// A saturation point is claimed from so many loads on: two tell that one gave more, and no more than that.
inline constexpr std::size_t kFewestLoads = 3;

/// Where throughput stops following the load (docs/method.md). Pure; rows that are not valid are never the
/// knee.
///
/// Where the scan did not reach twice the knee: no concurrency, and a lower bound.
Saturation find_saturation(const std::vector<Step>& steps, const KneeOptions& options = {});

/// "hard" where past the knee TPOT is flat and TTFT grows (slots are full, requests queue before them),
/// "soft" where TPOT grows with the load (every request is slowed), "" where the rows past the knee show
/// neither.
std::string knee_kind_of(const std::vector<Step>& steps, double knee);

}  // namespace kneepoint::coordinator
