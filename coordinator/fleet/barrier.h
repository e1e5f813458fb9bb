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
  std::size_t expected = 1;
  std::size_t least = expected;
  MonoTime deadline{};

  /// Whether the agents that are `present` may begin; an error that says how many came, and which, once the
  /// deadline has passed without enough of them.
  Result<bool> open(const std::vector<std::string>& present, MonoTime now) const;
};

}  // namespace kneepoint::coordinator
