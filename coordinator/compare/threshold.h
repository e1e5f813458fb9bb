#pragma once

#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/compare/comparison.h"

namespace kneepoint::coordinator {

struct ThresholdResult {
  std::vector<std::string> missed;     ///< One line each, in the order of the rows.
  std::vector<std::string> undecided;  ///< Past the limit, but maybe by chance, or bounded only.
  std::vector<std::string> bounded;    ///< Within the limit by its bound; the true one may be past it.
  std::vector<std::string> untested;   ///< Past the limit, and nothing says whether by chance.
  /// What both runs have and may not be compared: one line for each figure of a result, whatever the
  /// concurrency.
  std::vector<std::string> refused;
  /// What the base has and another run does not: figures, rows, and rows that do not count there.
  std::vector<std::string> missing;
  std::size_t checked = 0;  ///< Differences that it was held against.
  std::size_t without_reference =
      0;  ///< Rows of the base that have no such figure, for too few requests, say.
};

/// Holds every difference of the metric, at the threshold's load where it has one, against the limit. @param
/// only_significant what may be chance is undecided: a threshold's own figures are tested one-sided and
/// corrected for each other, not for the rest of the comparison, so that where nothing differs a threshold is
/// missed in at most 5 of 100 comparisons. Those that are only bounded are undecided in any case where the
/// true one may keep the limit.
ThresholdResult check(const Threshold& threshold, const Comparison& comparison, bool only_significant);

/// The same in one line: missed; unchecked where nothing could be held against it, or a part of what the base
/// has could not or is past it untested, because a gate that was not looked at must not pass; else held, with
/// what was past it and did not count.
ThresholdOutcome judge(const Threshold& threshold, const Comparison& comparison, bool only_significant);

}  // namespace kneepoint::coordinator
