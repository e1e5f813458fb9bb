#pragma once

#include <algorithm>
#include <chrono>

#include "common/plan.h"

namespace kneepoint::coordinator {

/// The answers that a search lasts for at most where they are slow, one after the other, and the longest that
/// this makes it.
inline constexpr int kSearchCycles = 400;
inline constexpr Nanos kLongestSlowSearch = std::chrono::hours(4);

/// What a search takes at most: its `max_duration`; without one a third more than the longest usual searches
/// (docs/method.md), by the plan's warm-up and hold, and more where answers are slow. @param cycle from a
/// request of the lowest load to the next; 0 while it is not known. @param least what a step takes at least.
/// @param ramp with its `search`.
inline Nanos search_budget(const Ramp& ramp, Nanos cycle = Nanos(0), Nanos least = Nanos(0)) {
  using namespace std::chrono_literals;
  if (ramp.search->max_duration) return *ramp.search->max_duration;
  constexpr int kSteps = 40;           // of the 30 that the longest usual searches take a third more
  constexpr Nanos kUsualWindow = 83s;  // of a noisy host, whose windows are the longest
  constexpr Nanos kBetweenSteps = 2s;  // slots that start one by one, and the decision
  const Nanos usual =
      kSteps * std::max(ramp.warmup + ramp.hold.value_or(kUsualWindow) + kBetweenSteps, least);
  return std::max(usual, std::min(kSearchCycles * cycle, kLongestSlowSearch));
}

}  // namespace kneepoint::coordinator
