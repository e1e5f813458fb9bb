#pragma once

#include <optional>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// A target that takes more for a while than it takes for long: an allowance that is spent.
struct Burst {
  double at_seconds = 0;       ///< When refusals began at a load that had been taken, since the run's zero.
  double load = 0;             ///< That load, as Step::load().
  double sustained = 0;        ///< throughput_of the rows that were refused requests throughout, the median.
  double sustained_error = 0;  ///< Standard error.
  double most = 0;             ///< The most that a row had before.
  double requests_per_second = 0;  ///< Completed, of the same rows as `sustained`.
  std::size_t rows = 0;            ///< That it is told from.

  /// More than what lasts gives a row by chance: it lived on the allowance.
  double limit() const { return 1.02 * (sustained + 2 * sustained_error); }
};

/// A target that admits so much in each minute of its clock: loads at which it refused everything for five
/// seconds or more, and let everything in for ten after that. Only windows of whole minutes tell what lasts
/// there.
bool has_quota(const std::vector<Step>& steps);
/// Whether the row's window is whole minutes.
bool holds_whole_minutes(const Step& step);

/// Found where a load that was taken without refusals was later refused requests, or a smaller one was; or
/// where, within a row, refusals begin well after its level and stay. A target that refuses by load alone
/// shows neither.
std::optional<Burst> find_burst(const std::vector<Step>& steps);

}  // namespace kneepoint::coordinator
