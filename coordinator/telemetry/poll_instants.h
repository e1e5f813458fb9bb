#pragma once

#include <cstdint>

#include "common/clock.h"

namespace kneepoint::coordinator {

/// Of the interval: by so much at most a poll comes later, another time each time. What beats once a second,
/// or in any other time that divides the interval, would else be read at one phase of its beat for ever.
inline constexpr double kPollJitter = 0.4;

/// When poll k takes place: within [k, k + kPollJitter) intervals of `zero`.
inline MonoTime poll_instant(MonoTime zero, Nanos interval, std::int64_t k) {
  // Fibonacci hashing: spread evenly.
  const auto hash = (static_cast<std::uint64_t>(k) + 1) * 0x9E3779B97F4A7C15ULL;
  const double part = static_cast<double>(hash >> 11) * 0x1p-53;
  return zero + k * interval + from_seconds(part * kPollJitter * to_seconds(interval));
}

}  // namespace kneepoint::coordinator
