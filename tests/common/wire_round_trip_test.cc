#include "kneepoint/v1/measurement.pb.h"
#include "kneepoint/v1/plan.pb.h"
#include "tests/common/wire_values.h"

namespace kneepoint {
namespace {

TEST(WireRoundTrip, HistogramsArriveAsTheyWere) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    const Histogram sent = Random(seed).histogram();
    const auto received = round_trip<v1::Histogram>(sent);
    ASSERT_TRUE(received) << "seed " << seed << ": " << received.error().message;
    EXPECT_TRUE(*received == sent) << "seed " << seed;
  }
}

TEST(WireRoundTrip, BatchesArriveAsTheyWere) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    const SnapshotBatch sent = Random(seed).batch();
    const auto received = round_trip<v1::SnapshotBatch>(sent);
    ASSERT_TRUE(received) << "seed " << seed << ": " << received.error().message;
    EXPECT_EQ(received->sequence, sent.sequence);
    EXPECT_EQ(received->complete_through, sent.complete_through);
    EXPECT_TRUE(received->seconds == sent.seconds) << "seed " << seed;
    EXPECT_EQ(received->in_flight, sent.in_flight);
    EXPECT_EQ(received->backing_off, sent.backing_off);
    EXPECT_EQ(received->active_slots, sent.active_slots);
    EXPECT_TRUE(received->replica_names == sent.replica_names) << "seed " << seed;
  }
}

TEST(WireRoundTrip, RecordingsOfOldKnowFewerOutcomes) {
  SnapshotBatch batch{.sequence = 1, .complete_through = 0};
  batch.seconds.emplace_back().series[{}].outcomes.fill(7);
  v1::SnapshotBatch sent;
  to_wire(batch, sent);
  auto* const outcomes = sent.mutable_seconds(0)->mutable_series(0)->mutable_outcomes();
  outcomes->Truncate(kFirstOutcomes);
  const auto received = from_wire(sent);
  ASSERT_TRUE(received) << received.error().message;
  const SeriesStats& stats = received->seconds[0].series.begin()->second;
  EXPECT_EQ(stats.outcomes[static_cast<std::size_t>(Outcome::kCancelled)], 7u);
  EXPECT_EQ(stats.outcomes[static_cast<std::size_t>(Outcome::kEmpty)], 0u);
  outcomes->Truncate(kFirstOutcomes - 1);
  EXPECT_FALSE(from_wire(sent));
}

TEST(WireRoundTrip, AssignmentsArriveAsTheyWere) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    const Assignment sent = Random(seed).assignment();
    const auto received = round_trip<v1::Assignment>(sent);
    ASSERT_TRUE(received) << "seed " << seed << ": " << received.error().message;
    EXPECT_EQ(received->run_id, sent.run_id);
    EXPECT_TRUE(received->targets == sent.targets) << "seed " << seed;
    EXPECT_TRUE(received->cells == sent.cells) << "seed " << seed;
    EXPECT_EQ(received->seed, sent.seed);
    EXPECT_EQ(received->zero, sent.zero);
  }
}

TEST(WireRoundTrip, AZeroBeforeTheMachineStartedArrivesAndOneThatCannotBeSubtractedDoesNot) {
  Assignment sent = Random(1).assignment();
  sent.zero = MonoTime(-std::chrono::hours(10));
  const auto received = round_trip<v1::Assignment>(sent);
  ASSERT_TRUE(received) << received.error().message;
  EXPECT_EQ(received->zero, sent.zero);
  for (const MonoTime zero : {MonoTime::min(), MonoTime::max()}) {
    sent.zero = zero;
    const auto refused = round_trip<v1::Assignment>(sent);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message.find("zero_nanos: "), 0u) << refused.error().message;
  }
}

TEST(WireRoundTrip, LevelsArriveAsTheyWere) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    const LoadLevel sent = Random(seed).level();
    const auto received = round_trip<v1::LoadLevel>(sent);
    ASSERT_TRUE(received) << "seed " << seed << ": " << received.error().message;
    EXPECT_TRUE(*received == sent) << "seed " << seed;
  }
}

TEST(WireRoundTrip, RoundingBelowZeroInAnIntegralIsZero) {
  SnapshotBatch batch{.sequence = 1, .complete_through = 0};
  batch.seconds.emplace_back().series[{}].in_flight = -1e-17;
  const auto received = round_trip<v1::SnapshotBatch>(batch);
  ASSERT_TRUE(received);
  EXPECT_EQ(received->seconds[0].series.begin()->second.in_flight, 0);
}

TEST(WireHostile, NoBytesBreakTheConversion) {
  // Every prefix and every flipped byte of a real batch either fails to parse, is refused, or stays
  // convertible.
  v1::SnapshotBatch message;
  to_wire(Random(5).batch(), message);
  const std::string bytes = message.SerializeAsString();
  std::mt19937 engine(1);
  std::size_t refused = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string spoiled = bytes;
    spoiled[engine() % spoiled.size()] = static_cast<char>(engine());
    v1::SnapshotBatch parsed;
    if (!parsed.ParseFromString(spoiled)) continue;
    const auto result = from_wire(parsed);
    if (!result) {
      ++refused;
      continue;
    }
    EXPECT_TRUE(round_trip<v1::SnapshotBatch>(*result));
  }
  EXPECT_GT(refused, 0u);
}

}  // namespace
}  // namespace kneepoint
