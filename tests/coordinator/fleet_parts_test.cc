#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "coordinator/fleet/barrier.h"
#include "coordinator/fleet/clock_sync.h"
#include "coordinator/fleet/split.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

TEST(Split, EverySlotHasExactlyOneAgent) {
  for (const std::uint32_t concurrency : {0u, 1u, 2u, 3u, 7u, 8u, 64u, 1000u}) {
    for (const std::size_t agents : {1u, 2u, 3u, 8u, 13u}) {
      std::set<std::uint32_t> slots;
      std::uint32_t counted = 0;
      for (const LoadLevel& share : split({.epoch = 4, .concurrency = concurrency}, agents)) {
        EXPECT_EQ(share.epoch, 4u);
        EXPECT_EQ(share.concurrency, concurrency);
        counted += slots_of(share);
        for (std::uint32_t s = share.slot_offset; s < share.concurrency; s += share.slot_stride) {
          EXPECT_TRUE(slots.insert(s).second) << "slot " << s << " twice";
        }
      }
      EXPECT_EQ(slots.size(), concurrency) << agents << " agents";
      EXPECT_EQ(counted, concurrency) << agents << " agents";
    }
  }
}

TEST(Split, SharesDifferByAtMostOneSlot) {
  std::uint32_t least = 1000, most = 0;
  for (const LoadLevel& share : split({.concurrency = 100}, 8)) {
    least = std::min(least, slots_of(share));
    most = std::max(most, slots_of(share));
  }
  EXPECT_EQ(least, 12u);
  EXPECT_EQ(most, 13u);
}

TEST(Split, ALevelForFewerAgentsLeavesTheOthersIdle) {
  const auto shares = split({.concurrency = 9, .agents = 2}, 3);
  ASSERT_EQ(shares.size(), 3u);
  EXPECT_EQ(slots_of(shares[0]), 5u);
  EXPECT_EQ(slots_of(shares[1]), 4u);
  EXPECT_EQ(slots_of(shares[2]), 0u);
  EXPECT_FALSE(has_requests(shares[2]));
  EXPECT_LT(shares[2].slot_offset, shares[2].slot_stride);  // what agents accept
  EXPECT_EQ(slots_of(split({.concurrency = 9, .agents = 5}, 3)[2]), 3u);
}

TEST(Split, KnowsWhoHasNothingToIssue) {
  const auto having = [](const LoadLevel& level, std::size_t agents) {
    std::vector<bool> result;
    for (const LoadLevel& share : split(level, agents)) result.push_back(has_requests(share));
    return result;
  };
  EXPECT_EQ(having({.concurrency = 1, .budget = 10}, 2), (std::vector<bool>{true, false}));
  EXPECT_EQ(having({.concurrency = 8, .budget = 2}, 3), (std::vector<bool>{true, true, false}));
  EXPECT_EQ(having({.concurrency = 8, .budget = 0}, 2), (std::vector<bool>{false, false}));
  EXPECT_EQ(having({.concurrency = 2}, 3), (std::vector<bool>{true, true, false}));
}

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
    EXPECT_EQ(estimate->round_trip, 200us) << "the time inside the agent is not part of the trip";
  }
}

TEST(ClockSync, TheFastestTripDecides) {
  const std::vector<ClockSample> samples{sample(5s, 9ms, 1ms), sample(5s, 110us, 90us),
                                         sample(5s, 100us, 8ms)};
  const auto estimate = estimate_offset(samples);
  ASSERT_TRUE(estimate);
  EXPECT_EQ(estimate->round_trip, 200us);
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

TEST(ClockSync, InstantsThatRunBackwardsAreLeftOut) {
  const std::vector<ClockSample> lies{sample(0s, 1ms, 1ms, -1us), sample(0s, -2ms, 1ms)};
  EXPECT_FALSE(estimate_offset(lies));
  EXPECT_FALSE(estimate_offset({}));
}

TEST(ClockSync, AClockHasMovedOnlyByMoreThanBothMeasurementsMayErr) {
  const ClockEstimate start{.offset = 5s, .round_trip = 200us};
  EXPECT_EQ(clock_movement(0ns, start, {.offset = 5s + 300us, .round_trip = 400us}), 0ns);
  EXPECT_EQ(clock_movement(0ns, start, {.offset = 5s + 301us, .round_trip = 400us}), 301us);
  EXPECT_EQ(clock_movement(301us, start, {.offset = 5s + 100us, .round_trip = 400us}), 301us) << "noise";
  EXPECT_EQ(clock_movement(301us, start, {.offset = 5s - 1ms, .round_trip = 400us}), -1ms) << "either way";
}

TEST(Barrier, WaitsOpensOrNamesWhoCame) {
  const Barrier barrier{.expected = 3, .deadline = MonoTime(10s)};
  EXPECT_FALSE(*barrier.open({"a", "b"}, MonoTime(9s)));
  EXPECT_TRUE(*barrier.open({"a", "b", "c"}, MonoTime(9s)));
  EXPECT_TRUE(*barrier.open({"a", "b", "c"}, MonoTime(11s))) << "complete is complete";
  const auto late = barrier.open({"a", "b"}, MonoTime(10s));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().message, "fleet not assembled: 2 of 3 agents came: a, b");
  EXPECT_EQ(barrier.open({}, MonoTime(10s)).error().message, "fleet not assembled: none of 3 agents came");
  const Barrier quorum{.expected = 3, .least = 2, .deadline = MonoTime(10s)};
  EXPECT_FALSE(*quorum.open({"a", "b"}, MonoTime(9s))) << "the third may still come";
  EXPECT_TRUE(*quorum.open({"a", "b"}, MonoTime(10s)));
  EXPECT_FALSE(quorum.open({"a"}, MonoTime(10s)));
}

}  // namespace
}  // namespace kneepoint::coordinator
