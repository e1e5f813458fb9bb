#pragma once

#include <array>
#include <vector>

#include "coordinator/compare/significance.h"

namespace kneepoint::coordinator {

/// One figure at one load, of two targets that took turns, in the order in which it was measured. Values are
/// over 0.
struct Turns {
  std::array<Sample, 4> windows;
  bool base_outside = true;  ///< Base, other, other, base; else other, base, base, other.
};

/// The differences of a figure by load, other against base: each the mean of the two neighbouring pairs on
/// logarithms, so that what both hosts drift by in a line over the four windows cancels.
///
/// Their errors come from the same windows: of four, one contrast (−1, 3, −3, 1) knows nothing of level,
/// hosts and linear drift, so that only chance is in it. Over all loads, each weighed by the windows' own
/// standard errors, it tells how far these are off; the degrees of freedom are the number of loads. With
/// fewer than three the windows' own errors stand. Where a window has no standard error: the ratio
/// alone.
std::vector<Difference> paired_differences(const std::vector<Turns>& loads);

}  // namespace kneepoint::coordinator
