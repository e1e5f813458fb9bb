#pragma once

#include <cstdint>

namespace kneepoint::coordinator {

/// The most that a workload may ask for.
inline constexpr std::uint64_t kMostInputTokens = 1 << 20;
inline constexpr std::uint64_t kMostOutputTokens = 1'000'000;
/// Of a class or of a pair of lengths.
inline constexpr std::uint64_t kHighestWeight = 1000;

}  // namespace kneepoint::coordinator
