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

}  // namespace kneepoint::coordinator
