#pragma once

#include <cstdint>
#include <vector>

#include "coordinator/results/movement.h"
#include "tests/method/queue_model.h"

/// The cases of hosts that move. Each is a family: what it is like is drawn anew for every seed.
namespace kneepoint::method {

/// heat, wave, autoscale, warm cache, token bucket, noisy neighbour, periodic stall, slow leak; searches, and
/// the same hosts under ramps of fixed steps ("heat, ramp").
std::vector<Case> moving_cases();

/// Neighbours of these that nothing was tuned on: a pod that leaves, heat that throttles in two steps, a
/// quota for each minute of the clock, a cache that is evicted once, a square wave, two waves at once, a wave
/// of a host without slots; searches. What is asked of them is that no verdict is falsely trustworthy.
std::vector<Case> neighbour_cases();

/// The host that `seed` draws of a case; a steady one is always the same.
Case drawn(const Case& of, std::uint64_t seed);

/// Whether the movement is called what it is. @param seconds how long the run took: of a wave that it holds
/// less than twice, nobody can tell that it is one.
bool named_rightly(const Case& of, const std::optional<coordinator::Movement>& found, double seconds);

}  // namespace kneepoint::method
