#pragma once

#include <cstdint>

#include "common/second_stats.h"

namespace kneepoint {

/// One second of one busy agent, as a recorder would hand it over: 100 streams on four replicas, 50 tokens/s
/// each, so 5,000 gaps between tokens, and answers of 200 tokens. The same seed gives the same second.
/// @param second since the run's zero. @param epoch of the level under which all of it was started.
SecondSnapshot synthetic_second(std::uint64_t seed, std::int64_t second, std::uint64_t epoch);
inline constexpr std::uint32_t kSyntheticStreams = 100;
inline constexpr std::uint32_t kSyntheticReplicas = 4;

}  // namespace kneepoint
