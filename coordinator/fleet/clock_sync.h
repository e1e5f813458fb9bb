#pragma once

#include <optional>
#include <span>

#include "common/clock.h"

namespace kneepoint::coordinator {

/// The four instants of one probe: two of the coordinator's monotonic clock around two of the agent's.
struct ClockSample {
  MonoTime probe_sent{};
  MonoTime probe_received{};  ///< Agent.
  MonoTime reply_sent{};      ///< Agent.
  MonoTime reply_received{};
};

/// Where an agent's monotonic clock stands. The true offset lies within ± round_trip / 2 of `offset`.
struct ClockEstimate {
  Nanos offset{0};  ///< Agent minus coordinator.
  Nanos round_trip{
      0};  ///< Of the best sample, without the time spent in the agent but for its clock's error.
};

/// The offset of the sample with the least round trip (NTP's clock filter, RFC 5905 section 10): queueing
/// only ever adds to a trip, so the fastest one has the least room for asymmetry. Samples whose instants run
/// backwards are left out; absent when none remains.
std::optional<ClockEstimate> estimate_offset(std::span<const ClockSample> samples);

/// How far a clock has moved since `start`, when it was taken to have moved by `before`: as far as `now`
/// proves, and no further. The true offset lies within half a round trip of what is measured; a belief
/// outside of that moves to its edge. So noise moves nothing away from the truth, and what a slow link hid at
/// the start is made good once the link is quick.
Nanos clock_movement(Nanos before, const ClockEstimate& start, const ClockEstimate& now);

}  // namespace kneepoint::coordinator
