#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "common/plan.h"

namespace kneepoint {

/// The slots of some of a level's shares: slot s, numbered over the whole fleet, belongs to share s mod `of`.
class SlotSet {
 public:
  /// None.
  SlotSet() = default;
  /// @param of how many shares there are; above 0. @param shares ascending, below `of`.
  SlotSet(std::uint32_t of, std::vector<std::uint32_t> shares) : of_(of), shares_(std::move(shares)) {}

  bool has(std::uint32_t slot) const;
  /// How many of them are below `end`.
  std::uint32_t below(std::uint32_t end) const;
  /// The one at this place, from 0, of all of them in ascending order. Not where there is none.
  std::uint32_t at(std::uint32_t place) const;

 private:
  std::uint32_t of_ = 1;
  std::vector<std::uint32_t> shares_;
};

/// The slots of thread `thread` of an agent with so many of them.
SlotSet slots_of(const LoadLevel& level, std::uint32_t thread, std::uint32_t threads);
/// Those of the whole agent.
SlotSet slots_of(const LoadLevel& level);

/// How many of `slots` have anything to do under `level`: under a budget slot s issues the indices ≡ s mod
/// concurrency, so s itself is the first.
std::uint32_t wanted(const LoadLevel& level, const SlotSet& slots);

}  // namespace kneepoint
