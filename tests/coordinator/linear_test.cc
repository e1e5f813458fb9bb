#include "coordinator/controllers/linear.h"

#include <gtest/gtest.h>

#include "coordinator/controllers/step_runner.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

Ramp closed(double from, double to) {
  return {.steps = {2, 4, 7}, .warmup = 2s, .hold = 10s, .linear = LinearRamp{from, to, 32s}};
}
Ramp open(double from, double to) {
  const ArrivalProcess row{.kind = ArrivalProcess::Kind::kGamma, .rate = 7, .burstiness = 0.5};
  return {.open = OpenLoop{.steps = {row, row, row}, .max_in_flight = 40},
          .warmup = 2s,
          .hold = 10s,
          .linear = LinearRamp{from, to, 32s}};
}

/// Drives a controller in virtual time, 50 ms a tick, until it is done or `limit` has passed.
struct LinearDrive {
  explicit LinearDrive(const Ramp& ramp)
      : controller(Cell{.id = 3}, std::make_unique<LinearSchedule>(ramp), 7) {}

  void until(Nanos limit) {
    for (; now < limit && !controller.done(); now += 50ms) {
      const bool idle = controller.phase() == Phase::kDrain;
      if (const auto level = controller.next(now, {.idle = idle, .agents = agents})) {
        EXPECT_LE(now + 300ms, level->effective_at) << "handed out ahead of its time";
        levels.push_back(*level);
      }
    }
  }

  StepRunner controller;
  std::uint32_t agents = 2;
  Nanos now{0};
  std::vector<LoadLevel> levels;
};

TEST(LinearSchedule, TheWayUpIsOneLevelAfterAWarmUp) {
  LinearDrive drive(closed(1, 9));
  EXPECT_EQ(drive.controller.time_left(0s), 34s);
  drive.until(60s);
  ASSERT_TRUE(drive.controller.done());
  ASSERT_EQ(drive.levels.size(), 3u);
  // One more every four seconds, the first after two: on the mean as many as the line says.
  EXPECT_EQ(drive.levels[0],
            (LoadLevel{.epoch = 7, .cell = 3, .concurrency = 1, .effective_at = 1s, .spread_over = 1s}));
  EXPECT_EQ(drive.levels[1], (LoadLevel{.epoch = 8,
                                        .cell = 3,
                                        .concurrency = 9,
                                        .agents = 2,
                                        .effective_at = 5s,
                                        .warm_slots = 1,
                                        .spread_over = 32s}));
  EXPECT_EQ(drive.levels[2], (LoadLevel{.epoch = 9, .cell = 3, .effective_at = 35s}));
  EXPECT_EQ(drive.controller.next_epoch(), 10u);
}

TEST(LinearSchedule, ALatecomerWaitsForTheEndOfTheWay) {
  LinearDrive drive(closed(1, 9));
  drive.until(2s);
  drive.agents = 3;
  drive.until(60s);
  ASSERT_EQ(drive.levels.size(), 3u);
  EXPECT_EQ(drive.levels[0].agents, 0u) << "of all that are there";
  EXPECT_EQ(drive.levels[1].agents, 2u) << "a slot that changed hands now would start late on its way";
  EXPECT_EQ(drive.levels[2].agents, 0u);
}

TEST(LinearSchedule, TheWayDownIsTheSameTurnedOver) {
  LinearDrive drive(closed(9, 1));
  drive.until(60s);
  ASSERT_EQ(drive.levels.size(), 3u);
  EXPECT_EQ(drive.levels[0].concurrency, 9u);
  EXPECT_EQ(drive.levels[1].concurrency, 1u);
  EXPECT_EQ(drive.levels[1].warm_slots, 9u);
  EXPECT_EQ(drive.levels[1].spread_over, 32s);
}

TEST(LinearSchedule, RowsFollowEachOtherWithoutGapsAndTheLastTakesTheRest) {
  LinearDrive drive(closed(1, 9));
  drive.until(60s);
  const auto& windows = drive.controller.windows();
  ASSERT_EQ(windows.size(), 3u);
  const std::int64_t begins[] = {3, 13, 23}, ends[] = {13, 23, 35};
  for (std::size_t i = 0; i < windows.size(); ++i) {
    EXPECT_EQ(windows[i].begin, begins[i]);
    EXPECT_EQ(windows[i].end, ends[i]);
    EXPECT_EQ(windows[i].epoch, 8u);
    EXPECT_TRUE(windows[i].moving);
    EXPECT_FALSE(windows[i].interrupted || windows[i].rate);
  }
  EXPECT_EQ(windows[1].concurrency, 4u);
}

TEST(LinearSchedule, ARateMovesInTheArrivalsThemselves) {
  LinearDrive drive(open(5, 20));
  drive.until(60s);
  ASSERT_EQ(drive.levels.size(), 3u);
  const ArrivalProcess first{.kind = ArrivalProcess::Kind::kGamma, .rate = 5, .burstiness = 0.5};
  EXPECT_EQ(drive.levels[0].arrivals, first);
  EXPECT_EQ(drive.levels[0].concurrency, 40u);
  ArrivalProcess moving = first;
  moving.over = 32s;
  moving.end_rate = 20;
  EXPECT_EQ(drive.levels[1].arrivals, moving);
  EXPECT_EQ(drive.levels[1].concurrency, 40u);
  EXPECT_EQ(drive.levels[1].effective_at, 3s);
  EXPECT_EQ(drive.levels[2].concurrency, 0u);
  EXPECT_FALSE(drive.levels[2].arrivals);
  EXPECT_EQ(drive.controller.windows().at(2).rate, 7);
  EXPECT_EQ(drive.controller.windows().at(2).concurrency, 40u);
}

TEST(LinearSchedule, SaysWhatItCommands) {
  LinearDrive drive(closed(1, 9));
  EXPECT_EQ(drive.controller.concurrency(), 0u);
  drive.until(2s);
  EXPECT_EQ(drive.controller.concurrency(), 1u);
  drive.until(19s + 50ms);
  EXPECT_EQ(drive.controller.concurrency(), 5u);
  EXPECT_EQ(drive.controller.step_index(), 1u);
  EXPECT_EQ(drive.controller.step_count(), 3u);
  EXPECT_EQ(drive.controller.time_left(19s), 16s);
  EXPECT_FALSE(drive.controller.rate());
  LinearDrive rate(open(5, 21));
  rate.until(19s + 50ms);
  EXPECT_NEAR(rate.controller.rate().value_or(0), 13, 1e-9);
}

TEST(LinearSchedule, AnInterruptKeepsWholeRowsAndMarksTheCutOne) {
  LinearDrive drive(closed(1, 9));
  drive.until(17s);
  drive.controller.interrupt(17200ms);
  EXPECT_EQ(drive.controller.phase(), Phase::kDrain);
  const auto& windows = drive.controller.windows();
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_FALSE(windows[0].interrupted);
  EXPECT_TRUE(windows[1].interrupted);
  EXPECT_EQ(windows[1].end, 17);
  drive.controller.interrupt(18s);
  EXPECT_EQ(windows.size(), 2u);

  LinearDrive early(closed(1, 9));
  early.until(2s);
  early.controller.interrupt(2s);
  EXPECT_TRUE(early.controller.windows().empty()) << "nothing was measured yet";
}

}  // namespace
}  // namespace kneepoint::coordinator
