#pragma once

#include <cstdint>

#include "common/clock.h"
#include "common/plan.h"

namespace kneepoint::agent {

/// When things happen, as pure functions: counts and durations in, instants and waits out. Nothing here
/// sleeps.

/// When slot `slot` of `level`, which does not run here yet, may start its first request, since the run's
/// zero. The n added ones evenly over `spread_over`: added slot j at effective_at + spread_over · j / n; and
/// so over the warm ones those of them that have run elsewhere. A burst start would make a convoy that never
/// dissolves.
Nanos slot_start(const LoadLevel& level, std::uint32_t slot);

/// Until when slot `slot` of `level` may start requests, since the run's zero: Nanos::max() for a slot that
/// stays. The n surplus ones (concurrency <= slot < warm_slots) end evenly over `spread_over`, the highest
/// first: surplus slot j from the top at effective_at + spread_over · j / n. Nanos::min() for any other.
Nanos slot_end(const LoadLevel& level, std::uint32_t slot);

/// How long a slot waits after its `failures`-th failure in a row (from 1): 100 ms · 2^(failures − 1), at
/// most 5 s, times a factor of [0.8, 1] picked by `random`, so that slots that failed together do not return
/// together.
Nanos backoff(std::uint32_t failures, std::uint64_t random);

/// The number of indices below `budget` that are ≡ slot mod concurrency: what slot issues under a budget.
std::uint64_t budget_share(std::uint64_t budget, std::uint32_t slot, std::uint32_t concurrency);

}  // namespace kneepoint::agent
