#include "agent/session/batch_outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "kneepoint/v1/measurement.pb.h"

namespace kneepoint::agent {
namespace {

using testing::ElementsAre;

/// One second, with so many lines of requests.
std::unique_ptr<v1::SnapshotBatch> batch(std::uint64_t sequence, int records = 0) {
  auto made = std::make_unique<v1::SnapshotBatch>();
  made->set_sequence(sequence);
  v1::SecondSnapshot& second = *made->add_seconds();
  second.set_second(static_cast<std::int64_t>(sequence));
  for (int i = 0; i < records; ++i) second.add_requests()->set_chunks(1'000'000);
  return made;
}

std::vector<std::uint64_t> sent(BatchOutbox& outbox) {
  std::vector<std::uint64_t> sequences;
  while (const v1::SnapshotBatch* next = outbox.next()) sequences.push_back(next->sequence());
  return sequences;
}

TEST(BatchOutbox, SendsEachOnceInOrderUntilTheLinkIsLost) {
  BatchOutbox outbox({});
  for (std::uint64_t i = 1; i <= 3; ++i) outbox.add(batch(i));
  EXPECT_FALSE(outbox.sent(1));
  EXPECT_THAT(sent(outbox), ElementsAre(1, 2, 3));
  EXPECT_TRUE(outbox.sent(3));
  EXPECT_THAT(sent(outbox), ElementsAre());
  outbox.acknowledged(1);
  outbox.add(batch(4));
  EXPECT_THAT(sent(outbox), ElementsAre(4));
  outbox.link_lost();
  EXPECT_THAT(sent(outbox), ElementsAre(2, 3, 4)) << "what was not acknowledged goes again";
  outbox.acknowledged(9);
  outbox.link_lost();
  EXPECT_TRUE(outbox.sent(4));
}

TEST(BatchOutbox, OnlySoMuchIsOnItsWayAtATime) {
  const std::size_t one = batch(1, 100)->ByteSizeLong();
  BatchOutbox outbox({.bytes_on_the_way = 2 * one});
  for (std::uint64_t i = 1; i <= 5; ++i) outbox.add(batch(i, 100));
  EXPECT_FALSE(outbox.waits()) << "nothing is on its way yet";
  EXPECT_THAT(sent(outbox), ElementsAre(1, 2));
  EXPECT_TRUE(outbox.waits());
  outbox.acknowledged(1);
  EXPECT_THAT(sent(outbox), ElementsAre(3));
  outbox.acknowledged(3);
  EXPECT_TRUE(outbox.sent(3));
  EXPECT_FALSE(outbox.sent(4));
  EXPECT_THAT(sent(outbox), ElementsAre(4, 5));
  outbox.acknowledged(5);
  outbox.add(batch(6, 1000));
  outbox.add(batch(7));
  EXPECT_THAT(sent(outbox), ElementsAre(6)) << "one that is too large goes by itself";
}

TEST(BatchOutbox, BeyondItsBytesTheOldestGiveUpTheirRecordsButNoSecond) {
  const std::size_t one = batch(1, 100)->ByteSizeLong();
  BatchOutbox outbox({.bytes = 3 * one});
  for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_EQ(outbox.add(batch(i, 100)), 0u);
  EXPECT_EQ(outbox.add(batch(4, 100)), 200u) << "one is not enough: its second stays";
  std::vector<int> records;
  for (std::uint64_t i = 1; i <= 4; ++i) {
    const v1::SnapshotBatch* next = outbox.next();
    ASSERT_NE(next, nullptr);
    EXPECT_EQ(next->sequence(), i);
    ASSERT_EQ(next->seconds_size(), 1);
    EXPECT_EQ(next->seconds(0).second(), static_cast<std::int64_t>(i));
    records.push_back(next->seconds(0).requests_size());
  }
  EXPECT_THAT(records, ElementsAre(0, 0, 100, 100));
}

TEST(BatchOutbox, WhatHasArrivedMakesRoomOnTheWayAndIsKeptUntilItIsSafe) {
  const std::size_t one = batch(1, 100)->ByteSizeLong();
  BatchOutbox outbox({.bytes_on_the_way = 2 * one});
  for (std::uint64_t i = 1; i <= 5; ++i) outbox.add(batch(i, 100));
  EXPECT_THAT(sent(outbox), ElementsAre(1, 2));
  outbox.taken(2);
  EXPECT_THAT(sent(outbox), ElementsAre(3, 4)) << "a slow disk over there holds up nothing here";
  outbox.acknowledged(1);
  outbox.taken(3);
  EXPECT_THAT(sent(outbox), ElementsAre(5));
  outbox.link_lost();
  EXPECT_THAT(sent(outbox), ElementsAre(2, 3)) << "what had only arrived goes again: its taker may be gone";
}

TEST(BatchOutbox, CountsWhatIsDroppedUnheard) {
  BatchOutbox outbox({.batches = 2});
  for (std::uint64_t i = 1; i <= 2; ++i) outbox.add(batch(i));
  EXPECT_THAT(sent(outbox), ElementsAre(1, 2));
  outbox.taken(1);
  outbox.add(batch(3));
  EXPECT_EQ(outbox.dropped(), 0u) << "the first had arrived";
  outbox.add(batch(4));
  EXPECT_EQ(outbox.dropped(), 1u);
}

TEST(BatchOutbox, TheOldestGoWhereNothingElseHelps) {
  BatchOutbox few({.batches = 2});
  for (std::uint64_t i = 1; i <= 3; ++i) few.add(batch(i));
  EXPECT_THAT(sent(few), ElementsAre(2, 3));
  BatchOutbox small({.bytes = 1});
  for (std::uint64_t i = 1; i <= 3; ++i) small.add(batch(i));
  EXPECT_THAT(sent(small), ElementsAre(3)) << "the latest is kept whatever its size";
}

}  // namespace
}  // namespace kneepoint::agent
