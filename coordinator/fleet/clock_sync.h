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

/// How far a clock has moved since `start`, when it was taken to have moved by `before`: what is measured
/// now, where that differs by more than both measurements may err; else as before, so that noise moves
/// nothing.
Nanos clock_movement(Nanos before, const ClockEstimate& start, const ClockEstimate& now);

}  // namespace kneepoint::coordinator
