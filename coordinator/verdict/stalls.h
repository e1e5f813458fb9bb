#pragma once

#include <optional>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// A host that stops for about a second, again and again.
struct Stalls {
  std::size_t count = 0;
  double first_seconds = 0;  ///< Since the run's zero.
  double apart_seconds = 0;  ///< Measured seconds over their number.
  double lost = 0;           ///< The share of throughput that they take.
};

/// Found where within rows that are even otherwise a second brings less than 55 % of the usual, three times
/// at least.
std::optional<Stalls> find_stalls(const std::vector<Step>& steps);

/// The stalls of one row.
struct RowStalls {
  std::size_t count = 0;
  double first_seconds = 0;     ///< Since the run's zero.
  double missing_seconds = 0;   ///< Of what the row would have brought without.
  std::vector<double> running;  ///< Its half seconds but those about its stalls.
};
/// Absent where the row is not even otherwise, or cannot tell.
std::optional<RowStalls> stalls_in(const Step& step);

}  // namespace kneepoint::coordinator
