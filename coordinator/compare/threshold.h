#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "coordinator/compare/comparison.h"

namespace kneepoint::coordinator {

/// A limit on a difference: "throughput<-5%" is missed where throughput fell by more than 5 %.
struct Threshold {
  std::string text;    ///< As written.
  std::string metric;  ///< One of metric_names().
  bool below = false;  ///< Missed below `ratio`, else above it.
  double ratio = 0;    ///< -0.05
};

/// Reads METRIC<PERCENT% or METRIC>PERCENT%. An error is one line that says what may be written.
Result<Threshold> parse_threshold(std::string_view text);

struct ThresholdResult {
  std::vector<std::string> missed;     ///< One line each, in the order of the rows.
  std::vector<std::string> undecided;  ///< Past the limit, but not significant or not tested.
  /// What both runs have and may not be compared: one line for each figure of a result, whatever the
  /// concurrency.
  std::vector<std::string> refused;
  std::size_t checked = 0;  ///< Differences that it was held against.
};

/// Holds every difference of the metric against the limit. @param only_significant others are undecided;
/// those that are only bounded are in any case where the true one may keep the limit.
ThresholdResult check(const Threshold& threshold, const Comparison& comparison, bool only_significant);

}  // namespace kneepoint::coordinator
