#include "coordinator/timeline/timeline.h"

#include <gtest/gtest.h>

#include <array>

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

SnapshotBatch batch(std::int64_t second, std::uint64_t started, std::int64_t complete_through) {
  SecondSnapshot part{.second = second};
  part.series[SeriesKey{.cell = 1}].started = started;
  part.generator.cpu_user = 0.25;
  return {.complete_through = complete_through, .seconds = {part}};
}

TEST(Timeline, PartsOfOneSecondAddUpOverAgentsAndTime) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  timeline.add_agent(1, 0);
  timeline.add(0, batch(4, 10, 4));
  timeline.add(1, batch(4, 5, 4));
  timeline.add(0, batch(4, 1, 5));  // a late event
  const TimelineSecond& second = timeline.seconds().at(4);
  EXPECT_EQ(second.series.at(SeriesKey{.cell = 1}).started, 16u);
  EXPECT_DOUBLE_EQ(second.generator.cpu_user, 0.75)
      << "of the whole fleet: a second costs no memory per agent";
}

/// The slots of a timeline's rows in second 4, by cell.
std::array<std::vector<std::uint32_t>, 2> slots_of(const Timeline& timeline) {
  std::array<std::vector<std::uint32_t>, 2> slots;
  for (const RequestRow& row : timeline.seconds().at(4).rows) slots[row.key.cell].push_back(row.slot);
  return slots;
}

TEST(Timeline, KeepsTheTenSlowestRequestsOfEachSecondAndCellAndFiveByLot) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  SnapshotBatch first = batch(4, 1, 4), second = batch(5, 1, 5);
  for (std::uint32_t slot = 0; slot < 30; ++slot) {
    const Nanos sent = slot * 1ms;
    (slot % 2 == 0 ? first : second)
        .seconds[0]
        .requests.push_back({.key = {.cell = slot % 3 == 0 ? 1u : 0u},
                             .slot = slot,
                             .sent = sent,
                             .first = sent + slot * 10ms});
  }
  first.seconds[0].requests.push_back({.slot = 99, .sent = 0s});  // no first token
  timeline.add(0, first);
  timeline.add(0, second);
  timeline.fold(4, 6, 2);
  const auto slots = slots_of(timeline);
  ASSERT_GT(slots[0].size(), 10u) << "of twenty, five by lot, whichever they are";
  EXPECT_LE(slots[0].size(), 15u);
  EXPECT_EQ(std::vector(slots[0].begin(), slots[0].begin() + 10),
            (std::vector<std::uint32_t>{29, 28, 26, 25, 23, 22, 20, 19, 17, 16}));
  EXPECT_EQ(slots[1], (std::vector<std::uint32_t>{27, 24, 21, 18, 15, 12, 9, 6, 3, 0})) << "all of them";
  // In one batch, or in two that are folded: the same.
  Timeline whole;
  whole.add_agent(0, 0);
  first.seconds[0].requests.insert(first.seconds[0].requests.end(), second.seconds[0].requests.begin(),
                                   second.seconds[0].requests.end());
  whole.add(0, first);
  EXPECT_EQ(slots_of(whole), slots);
}

TEST(Timeline, LotsFallOnSlowAndFastAlike) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  std::size_t fast = 0, drawn = 0;
  for (std::int64_t at = 0; at < 100; ++at) {
    SnapshotBatch made = batch(at, 1, at);
    for (std::uint32_t slot = 0; slot < 100; ++slot) {
      made.seconds[0].requests.push_back({.key = {.epoch = static_cast<std::uint64_t>(at)},
                                          .slot = slot,
                                          .sent = Nanos(0),
                                          .first = Nanos(slot * 1ms)});
    }
    timeline.add(0, made);
    for (const RequestRow& row : timeline.seconds().at(at).rows) {
      if (row.slot >= 90) continue;  // one of the ten slowest
      ++drawn;
      fast += row.slot < 45 ? 1 : 0;
    }
  }
  EXPECT_NEAR(static_cast<double>(drawn), 450, 45) << "five of a hundred, less those among the slowest";
  EXPECT_NEAR(static_cast<double>(fast), 225, 45);
}

TEST(Timeline, ABatchThatNeverCameLeavesItsSecondsIncomplete) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  const auto numbered = [](std::uint64_t sequence, std::int64_t second) {
    SnapshotBatch made = batch(second, 1, second);
    made.sequence = sequence;
    return made;
  };
  timeline.add(0, numbered(1, 0));
  timeline.add(0, numbered(2, 1));
  timeline.add(0, numbered(5, 4));
  timeline.add(0, numbered(6, 5));
  EXPECT_EQ(timeline.complete_through(), 5) << "nothing more is to come for them";
  EXPECT_TRUE(timeline.complete(0, 1));
  EXPECT_FALSE(timeline.complete(2, 4)) << "those of the third and the fourth batch";
  EXPECT_FALSE(timeline.complete(0, 6));
  EXPECT_TRUE(timeline.complete(5, 6));
}

TEST(Timeline, TheFirstBatchesMayBeMissingToo) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  SnapshotBatch third = batch(2, 1, 2);
  third.sequence = 3;
  timeline.add(0, third);
  EXPECT_FALSE(timeline.complete(0, 1));
}

TEST(Timeline, IsCompleteWhenTheSlowestAgentIs) {
  Timeline timeline;
  EXPECT_EQ(timeline.complete_through(), -1);
  timeline.add_agent(0, 0);
  timeline.add_agent(1, 0);
  timeline.add(0, batch(4, 1, 4));
  EXPECT_EQ(timeline.complete_through(), -1);
  timeline.add(1, batch(2, 1, 2));
  EXPECT_EQ(timeline.complete_through(), 2);
  EXPECT_TRUE(timeline.complete(0, 3));
  EXPECT_FALSE(timeline.complete(0, 4));
}

TEST(Timeline, ALostAgentHoldsNobodyUpButLeavesItsSecondsIncomplete) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  timeline.add_agent(1, 0);
  timeline.add(0, batch(9, 1, 9));
  timeline.add(1, batch(3, 1, 3));
  timeline.lose_agent(1, 12);
  EXPECT_EQ(timeline.complete_through(), 9);
  EXPECT_TRUE(timeline.complete(0, 4));
  EXPECT_FALSE(timeline.complete(2, 5));
}

TEST(Timeline, NothingIsExpectedFromALostAgentOnceItsLoadHasEnded) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  timeline.add_agent(1, 0);
  timeline.add(0, batch(29, 1, 29));
  timeline.add(1, batch(3, 1, 3));
  timeline.lose_agent(1, 12);
  EXPECT_FALSE(timeline.complete(11, 20));
  EXPECT_TRUE(timeline.complete(12, 20));
  // It comes back, and says late what it had measured: that makes nothing incomplete that was complete.
  SnapshotBatch late = batch(25, 0, 25);
  late.sequence = 40;
  timeline.add(1, late);
  EXPECT_TRUE(timeline.complete(12, 20)) << "a gap in what it says is none of the others'";
  EXPECT_TRUE(timeline.complete(20, 30));
}

TEST(Timeline, WhatALostAgentMeasuredAfterwardsIsNoPartOfWhatTheOthersDid) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  timeline.add_agent(1, 0);
  timeline.lose_agent(1, 12);
  timeline.add(0, batch(20, 1, 20));
  timeline.add(1, batch(20, 10, 20));
  EXPECT_EQ(timeline.seconds().at(20).series.at(SeriesKey{.cell = 1}).started, 1u);
  EXPECT_EQ(timeline.seconds().at(11).series.at(SeriesKey{.cell = 1}).started, 10u) << "it is counted";
}

TEST(Timeline, WhatOneWithoutLoadHandsOverBeginsNoSecondBeforeTheRun) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  timeline.add_agent(1, 0);
  timeline.lose_agent(1, 0);
  timeline.add(1, batch(3, 1, 3));
  EXPECT_EQ(timeline.seconds().begin()->first, 0);
}

TEST(Timeline, OneThatJoinsLateHoldsUpNothingFromBefore) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  timeline.add(0, batch(29, 1, 29));
  timeline.add_agent(1, 20);
  EXPECT_EQ(timeline.complete_through(), 19);
  EXPECT_TRUE(timeline.complete(10, 20));
  EXPECT_FALSE(timeline.complete(10, 21));
  timeline.add(1, batch(24, 1, 24));
  EXPECT_TRUE(timeline.complete(10, 25));
}

TEST(Timeline, WhatComesLateForFoldedSecondsIsAddedToThem) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  for (std::int64_t second = 0; second < 8; ++second) timeline.add(0, batch(second, 1, second));
  timeline.fold(0, 8, 4);
  timeline.add(0, batch(6, 10, 8));
  ASSERT_EQ(timeline.seconds().size(), 2u);
  EXPECT_EQ(timeline.seconds().at(4).series.at(SeriesKey{.cell = 1}).started, 14u);
}

TEST(Timeline, OfFoldedSecondsTheGeneratorsFiguresLieInTheFirst) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  for (std::int64_t second = 0; second < 8; ++second) timeline.add(0, batch(second, 1, second));
  timeline.fold(0, 8, 4);
  EXPECT_DOUBLE_EQ(timeline.seconds().at(0).generator.cpu_user, 8 * 0.25);
  EXPECT_EQ(timeline.seconds().at(4).generator, GeneratorStats());
  EXPECT_EQ(timeline.seconds().at(4).busiest_threads().size(), 4u) << "but that of its busiest threads";
}

TEST(Timeline, AnotherCoordinatorsAgentsAnswerForItsSecondsOnly) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  timeline.add_agent(1, 0);
  timeline.add(0, batch(9, 1, 9));
  timeline.add(1, batch(9, 1, 7));
  timeline.lose_agent(1, 12);
  timeline.resume(20);
  timeline.add_agent(0, 0);
  EXPECT_EQ(timeline.complete_through(), 19) << "nothing before is awaited";
  timeline.add(0, batch(21, 1, 21));
  EXPECT_EQ(timeline.complete_through(), 21);
  EXPECT_TRUE(timeline.complete(0, 8));
  EXPECT_FALSE(timeline.complete(0, 10)) << "one of those that made the load then never said so";
  EXPECT_FALSE(timeline.complete(5, 22)) << "nothing is whole over the gap";
  EXPECT_TRUE(timeline.complete(20, 22));
}

TEST(Timeline, NumbersOfBatchesBeginAnewWithAnotherCoordinator) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  SnapshotBatch first = batch(0, 1, 0);
  first.sequence = 7;
  timeline.resume(5);
  timeline.add_agent(0, 0);
  SnapshotBatch again = batch(5, 1, 5);
  again.sequence = 1;
  timeline.add(0, again);
  EXPECT_TRUE(timeline.complete(5, 6));
}

/// Two coordinators; of their agents one came late, one was lost, one did not hand over everything.
TEST(Timeline, WhatIsWholeCanBeSaidWithoutTheAgents) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  timeline.add_agent(1, 5);
  timeline.lose_agent(0, 12);
  timeline.add(0, batch(8, 1, 8));
  timeline.add(1, batch(15, 1, 15));
  timeline.resume(20);
  timeline.add_agent(0, 0);
  timeline.add_agent(1, 30);
  SnapshotBatch numbered = batch(24, 1, 24);
  numbered.sequence = 1;
  timeline.add(0, numbered);
  numbered = batch(40, 1, 40);
  numbered.sequence = 3;
  timeline.add(0, numbered);
  timeline.add(1, batch(38, 1, 38));
  const Coverage coverage = timeline.coverage();
  EXPECT_EQ(coverage.from, 20);
  EXPECT_EQ(coverage.complete_through, 38);
  EXPECT_EQ(coverage.missing,
            (std::vector<std::pair<std::int64_t, std::int64_t>>{{9, 12}, {16, 20}, {24, Presence::kOpen}}));

  Timeline restored;
  restored.add_agent(0, 0);
  restored.restore(coverage);
  EXPECT_EQ(restored.coverage(), coverage);
  EXPECT_EQ(restored.from(), timeline.from());
  EXPECT_EQ(restored.complete_through(), timeline.complete_through());
  for (std::int64_t begin = 0; begin < 50; ++begin) {
    // No window lies in the time of two coordinators.
    for (std::int64_t end = begin; end <= (begin < 20 ? 20 : 50); ++end)
      EXPECT_EQ(restored.complete(begin, end), timeline.complete(begin, end)) << begin << " to " << end;
  }
}

}  // namespace
}  // namespace kneepoint::coordinator
