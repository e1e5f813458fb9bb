#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/fleet/barrier.h"
#include "coordinator/fleet/clock_sync.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

/// A probe over a path with these delays to an agent whose clock is `offset` ahead and that answers after
/// `inside`.
ClockSample sample(Nanos offset, Nanos there, Nanos back, Nanos inside = 50us) {
  const MonoTime sent(1h);
  return {.probe_sent = sent,
          .probe_received = sent + there + offset,
          .reply_sent = sent + there + inside + offset,
          .reply_received = sent + there + inside + back};
}

TEST(ClockSync, ASymmetricTripGivesTheOffsetExactly) {
  for (const Nanos offset : {Nanos(0), Nanos(3h), Nanos(-40min)}) {
    const std::vector<ClockSample> samples{sample(offset, 100us, 100us)};
    const auto estimate = estimate_offset(samples);
    ASSERT_TRUE(estimate);
    EXPECT_EQ(estimate->offset, offset);
    EXPECT_EQ(estimate->round_trip, 200us + 25ns) << "of the time inside only what its clock may be wrong by";
  }
}

TEST(ClockSync, TheFastestTripDecides) {
  const std::vector<ClockSample> samples{sample(5s, 9ms, 1ms), sample(5s, 110us, 90us),
                                         sample(5s, 100us, 8ms)};
  const auto estimate = estimate_offset(samples);
  ASSERT_TRUE(estimate);
  EXPECT_EQ(estimate->round_trip, 200us + 25ns);
  EXPECT_EQ(estimate->offset, 5s + 10us);
}

TEST(ClockSync, TheErrorNeverExceedsHalfTheTrip) {
  for (const auto& [there, back] : {std::pair<Nanos, Nanos>{0ns, 1ms}, {1ms, 0ns}, {300us, 700us}}) {
    const std::vector<ClockSample> samples{sample(-2s, there, back)};
    const auto estimate = estimate_offset(samples);
    ASSERT_TRUE(estimate);
    EXPECT_LE(std::chrono::abs(estimate->offset + 2s), estimate->round_trip / 2);
  }
}

TEST(ClockSync, AClockThatGainsWhileTheReplyWaitsIsStillMeasured) {
  // It gains 400 ppm, so that the reply seems to have left later than it did: by more than the whole trip
  // took.
  const Nanos gained = 200ms * 400 / 1'000'000;
  ClockSample fast = sample(5s, 20us, 20us, 200ms);
  fast.reply_sent += gained;
  const auto estimate = estimate_offset(std::vector{fast});
  ASSERT_TRUE(estimate);
  EXPECT_LE(std::chrono::abs(estimate->offset - 5s), estimate->round_trip / 2 + gained);
}

TEST(ClockSync, InstantsThatRunBackwardsAreLeftOut) {
  const std::vector<ClockSample> lies{sample(0s, 1ms, 1ms, -1us), sample(0s, -2ms, 1ms)};
  EXPECT_FALSE(estimate_offset(lies));
  EXPECT_FALSE(estimate_offset({}));
}

TEST(ClockSync, AClockHasMovedAsFarAsIsProven) {
  const ClockEstimate start{.offset = 5s, .round_trip = 200us};
  EXPECT_EQ(clock_movement(0ns, start, {.offset = 5s + 200us, .round_trip = 400us}), 0ns);
  EXPECT_EQ(clock_movement(0ns, start, {.offset = 5s + 301us, .round_trip = 400us}), 101us);
  EXPECT_EQ(clock_movement(101us, start, {.offset = 5s + 100us, .round_trip = 400us}), 101us) << "noise";
  EXPECT_EQ(clock_movement(101us, start, {.offset = 5s - 1ms, .round_trip = 400us}), -800us) << "either way";
}

TEST(ClockSync, WhatASlowLinkHidIsMadeGood) {
  // All of two seconds were on the way back, so the clock seems to be a second behind where it is.
  const ClockEstimate start{.offset = 5s - 1s, .round_trip = 2s};
  const Nanos moved = clock_movement(0ns, start, {.offset = 5s, .round_trip = 200us});
  EXPECT_LE(std::chrono::abs(start.offset + moved - 5s), 100us);
}

TEST(Barrier, WaitsOpensOrNamesWhoCame) {
  using enum Barrier::State;
  const Barrier barrier{.expected = 3, .deadline = MonoTime(10s)};
  EXPECT_EQ(barrier.at(2, MonoTime(9s)), kClosed);
  EXPECT_EQ(barrier.at(3, MonoTime(9s)), kOpen);
  EXPECT_EQ(barrier.at(3, MonoTime(11s)), kOpen) << "complete is complete";
  EXPECT_EQ(barrier.at(2, MonoTime(10s)), kMissed);
  EXPECT_EQ(barrier.missed({"a", "b"}).message, "fleet not assembled: 2 of 3 agents came: a, b");
  EXPECT_EQ(barrier.missed({}).message, "fleet not assembled: none of 3 agents came");
  const Barrier quorum{.expected = 3, .least = 2, .deadline = MonoTime(10s)};
  EXPECT_EQ(quorum.at(2, MonoTime(9s)), kClosed) << "the third may still come";
  EXPECT_EQ(quorum.at(2, MonoTime(10s)), kOpen);
  EXPECT_EQ(quorum.at(1, MonoTime(10s)), kMissed);
}

}  // namespace
}  // namespace kneepoint::coordinator
