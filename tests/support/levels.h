#pragma once

#include <cstdint>
#include <vector>

#include "common/slot_set.h"

namespace kneepoint {

/// The part of an agent of so many equal ones.
inline LoadLevel part_of(LoadLevel level, std::uint32_t agent, std::uint32_t agents,
                         std::uint32_t threads = 1) {
  level.shares = agents * threads;
  for (std::uint32_t thread = 0; thread < threads; ++thread) level.held.push_back({agent + agents * thread});
  return level;
}

/// The slots below `end` that `part` has.
inline std::vector<std::uint32_t> slots_below(const LoadLevel& part, std::uint32_t end) {
  const SlotSet slots = slots_of(part);
  std::vector<std::uint32_t> all;
  for (std::uint32_t place = 0; place < slots.below(end); ++place) all.push_back(slots.at(place));
  return all;
}

}  // namespace kneepoint
