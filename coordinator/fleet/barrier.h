#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/result.h"

namespace kneepoint::coordinator {

/// A run begins when `expected` agents are there at once, or at the deadline with `least` of them, or not at
/// all.
struct Barrier {
  enum class State { kClosed, kOpen, kMissed };

  std::size_t expected = 1;
  std::size_t least = expected;
  MonoTime deadline{};

  /// Whether so many agents may begin; kMissed once the deadline has passed without enough of them.
  State at(std::size_t present, MonoTime now) const;
  /// What to say when it was missed: how many came, and which.
  Error missed(const std::vector<std::string>& present) const;
};

}  // namespace kneepoint::coordinator
