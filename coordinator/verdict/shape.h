#pragma once

#include <span>
#include <string>
#include <vector>

#include "coordinator/results/model.h"
#include "coordinator/verdict/throughput_curve.h"

namespace kneepoint::coordinator {

/// What is not plain about how a host takes load.
struct Shape {
  std::vector<std::string> kinds;
  std::vector<std::string> sentences;  ///< One for each of `kinds`, and what is too doubtful to be one.
};

/// Whether point `i` is surely below 95 % of one at less load, in a fall that was measured again.
bool falls_surely(std::span<const ThroughputPoint> points, std::size_t i);

/// Nothing is named from one row: both ends of a fall were measured more than once.
///
/// collapse: throughput surely falls below 95 % of what fewer requests had; two peaks: it surely falls by
/// more than 5 % and surely rises by more than 5 % again, so that "the" knee is that of the fitted curve
/// only; cliff: TTFT p95 (the median where one of the two has too few requests for it) jumps from below 0.5 s
/// to above 2 s from one step to the next. @param points rising in concurrency. @param moved the host moved
/// in time, which a fall may be as well: none is named then.
Shape shape_of(const std::vector<Step>& steps, std::span<const ThroughputPoint> points, bool moved = false);

}  // namespace kneepoint::coordinator
