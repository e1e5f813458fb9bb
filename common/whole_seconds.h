#pragma once

#include <chrono>
#include <cstdint>

#include "common/clock.h"

namespace kneepoint {

/// Everything is measured in whole seconds since the run's zero.

/// The first of them that does not begin before `t`.
inline Nanos ceil_second(Nanos t) {
  return std::chrono::ceil<std::chrono::seconds>(t);
}

/// The last of them that has begun at `t`.
inline Nanos floor_second(Nanos t) {
  return std::chrono::floor<std::chrono::seconds>(t);
}

/// The number of the one that `t` lies in.
inline std::int64_t second_of(Nanos t) {
  return std::chrono::floor<std::chrono::seconds>(t).count();
}

}  // namespace kneepoint
