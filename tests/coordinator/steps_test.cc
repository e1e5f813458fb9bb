#include "coordinator/controllers/steps.h"

#include <gtest/gtest.h>

#include "coordinator/controllers/alternating.h"
#include "tests/coordinator/step_drive.h"
#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using scenes::Drive;
using scenes::timed;

TEST(FixedSteps, ClimbsWithoutDrainingAndEndsWithZero) {
  Drive drive(timed({1, 4, 8}));
  drive.until(60s);
  ASSERT_EQ(drive.levels.size(), 4u);
  const auto& levels = drive.levels;
  EXPECT_EQ(levels[0].level.effective_at, 1s);
  EXPECT_EQ(levels[1].level.effective_at, 11s);
  EXPECT_EQ(levels[2].level.effective_at, 21s);
  EXPECT_EQ(levels[3].level.effective_at, 31s);
  EXPECT_EQ(levels[1].level.concurrency, 4u);
  EXPECT_EQ(levels[1].level.warm_slots, 1u);
  EXPECT_EQ(levels[2].level.warm_slots, 4u);
  EXPECT_EQ(levels[3].level.concurrency, 0u);
  EXPECT_TRUE(drive.controller.done());
}

TEST(FixedSteps, EpochsGrowByOneAndNameTheCell) {
  Drive drive(timed({1, 4}));
  drive.until(60s);
  std::uint64_t epoch = 7;
  for (const auto& sent : drive.levels) {
    EXPECT_EQ(sent.level.epoch, epoch++);
    EXPECT_EQ(sent.level.cell, 3u);
  }
  EXPECT_EQ(drive.controller.next_epoch(), epoch);
}

TEST(FixedSteps, LevelsAreHandedOutAheadOfTheirTime) {
  Drive drive(timed({1, 4, 8}));
  drive.until(60s);
  for (const auto& sent : drive.levels) EXPECT_LE(sent.at + 300ms, sent.level.effective_at);
}

TEST(FixedSteps, WindowsAreWholeSecondsAfterTheWarmUp) {
  Drive drive(timed({1, 4}));
  drive.until(60s);
  const auto& windows = drive.controller.windows();
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[0].begin, 3);
  EXPECT_EQ(windows[0].end, 11);
  EXPECT_EQ(windows[1].begin, 13);
  EXPECT_EQ(windows[1].end, 21);
  EXPECT_EQ(windows[1].concurrency, 4u);
  EXPECT_FALSE(windows[1].interrupted);
}

TEST(FixedSteps, AddedSlotsSpreadOverTheResidenceButNotPastHalfTheWarmUp) {
  Drive brief(timed({1, 4}));
  brief.until(60s);
  EXPECT_EQ(brief.levels[1].level.spread_over, 600ms);
  Drive lengthy(timed({1, 4}));
  lengthy.fleet.residence = 1500ms;
  lengthy.until(60s);
  EXPECT_EQ(lengthy.levels[1].level.spread_over, 1s);
}

/// Over E2E alone users would come back together after every pause.
TEST(FixedSteps, UsersWhoThinkSpreadOverTheirWholeCycleAndSettleForOne) {
  Workload thinking;
  thinking.think_time = 3;
  Workload talking;
  talking.conversation = Conversation{.think_time = 3};
  for (const Workload& workload : {thinking, talking}) {
    Drive drive(timed({1, 4}), workload);
    drive.until(60s);
    ASSERT_EQ(drive.levels.size(), 3u);
    EXPECT_EQ(drive.levels[1].level.spread_over, 3600ms);
    const Nanos begin = std::chrono::seconds(drive.controller.windows()[1].begin);
    EXPECT_EQ(begin - drive.levels[1].level.effective_at, 8s) << "3.6 s of spreading and 3.6 s of settling";
  }
}

TEST(FixedSteps, WarmUpGrowsWithTheResidence) {
  Drive drive(timed({1, 4}));
  drive.fleet.residence = 5s;
  drive.until(60s);
  // Spread over 1 s, then one residence of 5 s.
  EXPECT_EQ(drive.controller.windows()[0].begin, 1 + 6);
  EXPECT_EQ(drive.controller.windows()[0].end, 1 + 6 + 8);
}

TEST(FixedSteps, TheHoldWaitsForSlotsBeyondTheLevel) {
  Drive drive(timed({4}));
  drive.fleet.slots_in_flight = 9;
  drive.until(30s);
  EXPECT_FALSE(drive.controller.done()) << "they are left from before";
  drive.fleet.slots_in_flight = 4;
  drive.until(60s);
  EXPECT_TRUE(drive.controller.done()) << "however many requests each has in flight";
}

/// As an agent says that does not count right: no request lasts for ever.
TEST(FixedSteps, SlotsThatStayBeyondTheLevelMakeTheRowInvalidAndHoldUpNobody) {
  Drive drive(timed({4, 8}));
  drive.fleet.slots_in_flight = 9;
  drive.until(2000s);
  EXPECT_TRUE(drive.controller.done());
  ASSERT_EQ(drive.controller.windows().size(), 2u);
  EXPECT_TRUE(drive.controller.windows()[0].unsteady);
  EXPECT_TRUE(drive.controller.windows()[1].unsteady);
}

TEST(FixedSteps, WhatMayStillEndIsWaitedForAndSpoilsNothing) {
  Drive drive(timed({4}));
  drive.fleet.slots_in_flight = 9;
  drive.until(890s);
  EXPECT_FALSE(drive.controller.done());
  drive.fleet.slots_in_flight = 4;
  drive.until(1000s);
  ASSERT_TRUE(drive.controller.done());
  EXPECT_FALSE(drive.controller.windows()[0].unsteady);
}

TEST(FixedSteps, SurplusSlotsOfAFallingStepAreNotStartedAgain) {
  Drive drive(timed({8, 2}));
  drive.until(60s);
  EXPECT_EQ(drive.levels[1].level.warm_slots, 2u);
}

TEST(FixedSteps, ASpikeComesBackToItsBaseWhichIsCountedAsTheSecondVisit) {
  Drive drive(timed({8, 64, 8}));
  drive.until(60s);
  ASSERT_EQ(drive.levels.size(), 4u);
  const auto& levels = drive.levels;
  EXPECT_EQ(levels[1].level.concurrency, 64u);
  EXPECT_EQ(levels[1].level.warm_slots, 8u);
  EXPECT_EQ(levels[2].level.concurrency, 8u);
  EXPECT_EQ(levels[2].level.warm_slots, 8u) << "slots of the base go on through the spike";
  EXPECT_EQ(levels[2].level.effective_at, 21s) << "nothing is drained between";
  const auto& windows = drive.controller.windows();
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_EQ(windows[0].attempt, 1u);
  EXPECT_EQ(windows[1].attempt, 1u);
  EXPECT_EQ(windows[2].concurrency, 8u);
  EXPECT_EQ(windows[2].attempt, 2u);
  EXPECT_EQ(windows[2].begin, 23);
}

TEST(FixedSteps, AStepBoundedByRequestsWaitsForThem) {
  Drive drive({.steps = {1, 2}, .requests = 10});
  drive.until(5s);
  ASSERT_EQ(drive.levels.size(), 1u);
  EXPECT_EQ(drive.levels[0].level.budget, 10u);
  EXPECT_EQ(drive.controller.phase(), Phase::kRequests);
  drive.controller.level_done(99, 4s);  // another epoch
  drive.until(6s);
  ASSERT_EQ(drive.levels.size(), 1u);
  drive.controller.level_done(drive.levels[0].level.epoch, 5700ms);
  drive.until(7s);
  ASSERT_EQ(drive.levels.size(), 2u);
  EXPECT_EQ(drive.levels[1].level.effective_at, 7s);
  EXPECT_EQ(drive.levels[1].level.warm_slots, 0u);
  const StepWindow& window = drive.controller.windows().at(0);
  EXPECT_EQ(window.requests, 10u);
  EXPECT_EQ(window.finished_at, 5700ms);
  EXPECT_EQ(window.begin, 1);
  EXPECT_EQ(window.end, 6);
}

TEST(FixedSteps, AnInterruptKeepsTheSecondsMeasuredSoFar) {
  Drive drive(timed({1, 4}));
  drive.until(17300ms);
  ASSERT_EQ(drive.controller.phase(), Phase::kHold);
  drive.controller.interrupt(17300ms);
  drive.controller.interrupt(17400ms);  // idempotent
  drive.until(60s);
  const StepWindow& cut = drive.controller.windows().at(1);
  EXPECT_EQ(cut.begin, 13);
  EXPECT_EQ(cut.end, 17);
  EXPECT_TRUE(cut.interrupted);
  EXPECT_FALSE(cut.agent_lost);
  EXPECT_FALSE(drive.controller.windows().at(0).interrupted);
  EXPECT_TRUE(drive.controller.done());
  EXPECT_EQ(drive.levels.size(), 2u);
}

TEST(FixedSteps, AnInterruptAMomentBeforeARowEndsCutsItThoughTheNextStepHasBeenHandedOut) {
  Drive drive(timed({1, 4}));
  drive.until(10700ms);  // the first row ends at 11 s
  ASSERT_EQ(drive.levels.size(), 2u);
  ASSERT_EQ(drive.controller.windows().size(), 1u);
  drive.controller.interrupt(10700ms);
  const StepWindow& cut = drive.controller.windows()[0];
  EXPECT_TRUE(cut.interrupted);
  EXPECT_EQ(cut.begin, 3);
  EXPECT_EQ(cut.end, 10);
}

TEST(FixedSteps, AnInterruptInTheWarmUpLeavesNoWindow) {
  Drive drive(timed({1, 4}));
  drive.until(2s);
  drive.controller.interrupt(2s);
  drive.until(60s);
  EXPECT_TRUE(drive.controller.windows().empty());
  EXPECT_TRUE(drive.controller.done());
}

TEST(FixedSteps, ALostAgentHasItsStepRunAgainWhileTheSlotsOfTheOthersGoOn) {
  Drive drive(timed({1, 4}));
  drive.until(19s);
  EXPECT_TRUE(drive.controller.lose_agent(19s, 17));
  drive.fleet.fleet = 1;
  drive.fleet.not_before = 25500ms;
  drive.fleet.residence = 3s;
  drive.until(80s);
  ASSERT_EQ(drive.levels.size(), 4u);
  EXPECT_EQ(drive.levels[2].level.concurrency, 4u);
  EXPECT_EQ(drive.levels[2].level.warm_slots, 4u);
  EXPECT_EQ(drive.levels[2].level.effective_at, 26s);
  EXPECT_EQ(drive.levels[2].level.spread_over, 3s) << "slots that move start no faster than requests end";
  const auto& windows = drive.controller.windows();
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_FALSE(windows[0].agent_lost) << "its seconds had all come, though nobody had measured them yet";
  EXPECT_TRUE(windows[1].agent_lost);
}

TEST(FixedSteps, RowsThatWereMeasuredBeforeTheLossStand) {
  Drive drive(timed({1, 4}));
  drive.until(19s);
  ASSERT_EQ(drive.controller.windows().size(), 1u);
  drive.controller.measured(0, Step{.concurrency = 1});
  EXPECT_TRUE(drive.controller.lose_agent(19s, 17));
  drive.until(80s);
  const auto& windows = drive.controller.windows();
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_FALSE(windows[0].agent_lost);
  EXPECT_TRUE(windows[1].agent_lost);
  EXPECT_EQ(windows[1].begin, 13);
  EXPECT_EQ(windows[1].end, 19);
  EXPECT_FALSE(windows[2].agent_lost);
  EXPECT_EQ(windows[2].end - windows[2].begin, 8);
  EXPECT_TRUE(drive.controller.done());
}

/// A silence is noticed late: what ended in the meantime is not whole.
TEST(FixedSteps, AStepThatEndedWhileTheAgentWasSilentIsRunAgainFirst) {
  Drive drive(timed({1, 4}));
  drive.until(14s);
  EXPECT_TRUE(drive.controller.lose_agent(14s, 9));
  drive.until(80s);
  std::vector<std::uint32_t> loads;
  for (const auto& sent : drive.levels) loads.push_back(sent.level.concurrency);
  EXPECT_EQ(loads, (std::vector<std::uint32_t>{1, 4, 1, 4, 0}));
  std::vector<bool> lost;
  for (const StepWindow& window : drive.controller.windows()) lost.push_back(window.agent_lost);
  EXPECT_EQ(lost, (std::vector<bool>{true, true, false, false}));
}

TEST(FixedSteps, TheLastStepIsRunAgainOutOfTheDrain) {
  Drive drive(timed({4}));
  drive.fleet.idle = false;
  for (; drive.now < 12s; drive.now += 50ms) {
    if (auto level = drive.controller.next(drive.now, drive.fleet))
      drive.levels.push_back({drive.now, *level});
  }
  ASSERT_EQ(drive.controller.phase(), Phase::kDrain);
  EXPECT_TRUE(drive.controller.lose_agent(12s, 8));
  drive.until(80s);
  ASSERT_EQ(drive.controller.windows().size(), 2u);
  EXPECT_FALSE(drive.controller.windows()[1].agent_lost);
}

TEST(FixedSteps, AStepForMoreAgentsThanAreLeftIsNotRun) {
  Drive drive(timed({4}));
  drive.controller = StepRunner(
      Cell{.id = 3},
      std::make_unique<FixedSteps>(timed({4}), FixedSteps::Purpose{.role = StepRole::kProof, .agents = 2}),
      1);
  drive.fleet.agents = 2;
  drive.until(6s);
  EXPECT_TRUE(drive.controller.lose_agent(6s, 5));
  drive.fleet.agents = 1;
  drive.until(80s);
  EXPECT_TRUE(drive.controller.done());
  ASSERT_EQ(drive.controller.windows().size(), 1u);
  EXPECT_TRUE(drive.controller.windows()[0].agent_lost);
}

TEST(PlannedStep, WhatIsLeftOfAWayBeginsWhereItWas) {
  PlannedStep step{.concurrency = 10, .way = LinearRamp{.from = 10, .to = 70, .over = 60s}};
  step.window = {.least = 60s, .most = 60s};
  step.rows = 6;
  step.row = 10s;
  step.row_loads = {15, 25, 35, 45, 55, 65};
  const PlannedStep rest = step.from_row(2);
  EXPECT_EQ(rest.concurrency, 30u);
  ASSERT_TRUE(rest.way);
  EXPECT_EQ(*rest.way, (LinearRamp{.from = 30, .to = 70, .over = 40s}));
  EXPECT_EQ(rest.rows, 4u);
  EXPECT_EQ(rest.row_loads, (std::vector<double>{35, 45, 55, 65}));
  EXPECT_EQ(rest.window.most, 40s);
}

TEST(FixedSteps, TimeLeftShrinksToZero) {
  Drive drive(timed({1, 4}));
  EXPECT_EQ(drive.controller.time_left(0s), 20s);
  drive.until(5s);
  EXPECT_EQ(drive.controller.time_left(5s), 16s);
  drive.until(60s);
  EXPECT_EQ(drive.controller.time_left(60s), 0s);
}

/// Answers every step of a schedule at once: b/(a + c·b), b = min(n, cap).
std::vector<PlannedStep> answered(FixedSteps schedule, double cap) {
  std::vector<PlannedStep> asked;
  double second = 0;
  while (const auto step = schedule.next({})) {
    asked.push_back(*step);
    const double b = std::min(step->load(), cap);
    Step row = scenes::known_step(step->concurrency, b / (0.020 + 0.0001 * b), 0.003);
    row.look = step->look;
    row.window_begin_seconds = second += 10;
    schedule.add(*step, row);
    if (asked.size() > 64) break;
  }
  return asked;
}

TEST(FixedSteps, ThoseBesideTheKneeAreMeasuredAgainUpAndDown) {
  Ramp ramp = timed({1, 2, 4, 8, 16, 32, 64});
  EXPECT_EQ(answered(FixedSteps(ramp), 24).size(), 7u);
  ramp.confirm = true;
  const auto asked = answered(FixedSteps(ramp), 24);
  std::vector<std::uint32_t> again;
  for (std::size_t i = 7; i < asked.size(); ++i) {
    ASSERT_TRUE(asked[i].look);
    EXPECT_EQ(asked[i].look->low, 16);
    EXPECT_EQ(asked[i].look->high, 32);
    again.push_back(asked[i].concurrency);
  }
  EXPECT_EQ(again, (std::vector<std::uint32_t>{16, 32, 64, 64, 32, 16}));
}

TEST(FixedSteps, ALowerBoundIsMeasuredAgainToo) {
  Ramp ramp = timed({1, 2, 4, 8});
  ramp.confirm = true;
  const auto asked = answered(FixedSteps(ramp), 24);
  ASSERT_EQ(asked.size(), 8u);
  EXPECT_EQ(asked[4].concurrency, 4u);
  EXPECT_EQ(asked[5].concurrency, 8u);
  EXPECT_FALSE(asked[5].look->high);
}

TEST(AlternatingSteps, BothTakeEachStepForthAndBack) {
  Drive drive(timed({2, 8}));
  drive.controller =
      StepRunner({Cell{.id = 3}, Cell{.id = 4}}, std::make_unique<AlternatingSteps>(timed({2, 8})), 7);
  drive.until(120s);
  ASSERT_TRUE(drive.controller.done());
  using Row =
      std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::int64_t>;  // cell, load, attempt, begin
  std::vector<Row> rows;
  for (const StepWindow& window : drive.controller.windows())
    rows.emplace_back(window.cell, window.concurrency, window.attempt, window.begin);
  EXPECT_EQ(rows, (std::vector<Row>{{3, 2, 1, 3},
                                    {4, 2, 1, 13},
                                    {4, 2, 2, 23},
                                    {3, 2, 2, 33},
                                    {3, 8, 1, 43},
                                    {4, 8, 1, 53},
                                    {4, 8, 2, 63},
                                    {3, 8, 2, 73}}));
  std::vector<std::uint32_t> warm;
  for (const auto& sent : drive.levels) warm.push_back(sent.level.warm_slots);
  EXPECT_EQ(warm, (std::vector<std::uint32_t>{0, 0, 2, 0, 2, 0, 8, 0, 0}))
      << "nobody goes on with another's slots";
  EXPECT_EQ(drive.controller.step_count(), 8u);
}

TEST(AlternatingSteps, TellsTheTimeThatIsLeft) {
  AlternatingSteps schedule(timed({2, 8}));
  EXPECT_EQ(schedule.later(), 80s);
  ASSERT_TRUE(schedule.next({}));
  EXPECT_EQ(schedule.later(), 70s);
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(schedule.next({}));
  EXPECT_EQ(schedule.later(), 0s);
  EXPECT_FALSE(schedule.next({}));
}

}  // namespace
}  // namespace kneepoint::coordinator
