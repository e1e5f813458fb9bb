#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "coordinator/controllers/search_planner.h"

/// What the stages of a search share.
namespace kneepoint::coordinator {

inline constexpr int kDecidingBootstraps = 300;  ///< To decide whether to go on; the report draws more.

/// A whole number strictly between the two, near `wanted` but never close to an end; 0 where there is none.
inline std::uint32_t between(double low, double high, double wanted) {
  if (high - low < 1.5) return 0;
  const double ratio = high / low;
  const double n = std::round(std::clamp(wanted, low * std::pow(ratio, 0.25), low * std::pow(ratio, 0.75)));
  return static_cast<std::uint32_t>(std::clamp(n, low + 1, high - 1));
}

/// Neighbouring steps around what is sought lie further apart than they need to.
inline bool wide(double low, double high) {
  return high > SearchPlanner::kResolution * low && high - low > 1.5;
}

inline bool mostly_rejected(const Step& step) {
  return 2 * step.requests.by_outcome[static_cast<std::size_t>(Outcome::kRejected)] > step.requests.failed;
}

}  // namespace kneepoint::coordinator
