#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// A load that was measured stands for one as near as this.
inline constexpr double kNearLoad = 1.04;
/// Loads up to this are up to twice a load.
inline constexpr double kTwice = 2.1;

/// What twice the load of one end of an interval gave over what that end gave, told by looks at both in turn.
struct EndRatio {
  double load = 0,
         twice = 0;  ///< Step::load(); the second is less than twice where the scan may go no further.
  std::size_t looks = 0;
  double value = 0;  ///< Their mean.
  Interval ci95;
  double threshold = 0;  ///< Of the knee: 1/0.95 for a doubling.
  double apart = 0;      ///< Of the looks, in standard errors of their windows.
};

/// What measuring again at the ends of an interval showed.
struct Confirmation {
  Look ends;                  ///< `number`: how many looks at each end there were.
  std::size_t first_row = 0;  ///< Index of the first row of it.
  std::size_t last_row = 0;
  std::optional<EndRatio> low, high;
  /// More load surely adds nothing from the low end on, or surely still adds at the high end.
  bool low_contradicted() const { return low && low->ci95.high < low->threshold; }
  bool high_contradicted() const { return high && high->ci95.low > high->threshold; }
  bool contradicted() const { return low_contradicted() || high_contradicted(); }
  /// Two looks at least, at every end that was claimed.
  bool complete() const;
  /// The looks differ by more than their windows' errors allow.
  bool disagrees() const;
  /// What is claimed still lies between the loads that were looked at.
  bool holds_between(const Saturation& saturation) const;
  std::string text() const;  ///< What was seen, without a stop.
};

/// The confirmations that a run holds, in the order of time: rows with one `look` interval belong together.
std::vector<Confirmation> confirmations(const std::vector<Step>& steps);

/// Whether what `saturation` claims was measured again, and held: "HOLDS", "CONTRADICTED" or "MEASURED ONCE".
/// Absent where nothing is claimed.
std::optional<Finding> judge_confirmation(const std::vector<Step>& steps, const Saturation& saturation);

}  // namespace kneepoint::coordinator
