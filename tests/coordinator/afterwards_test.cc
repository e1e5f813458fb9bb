#include "coordinator/controllers/afterwards.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "coordinator/controllers/soak.h"
#include "coordinator/controllers/step_runner.h"
#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using scenes::known_step;

/// A hard cap of 24 slots, seen at these steps.
std::vector<Step> rows(const std::vector<std::uint32_t>& steps) {
  std::vector<Step> all;
  for (const std::uint32_t n : steps) {
    const double b = std::min(n, 24u);
    all.push_back(known_step(n, b / (0.010 + 0.0001 * b), 0.002));
  }
  return all;
}

const std::vector<std::uint32_t> kSearched = {1, 2, 4, 8, 16, 32, 64, 128, 22, 24, 46, 48, 22, 24, 1};

TEST(Afterwards, NothingUnlessAsked) {
  EXPECT_TRUE(afterwards({.steps = {1, 2}, .hold = 8s}, rows(kSearched)).empty());
}

TEST(Afterwards, TheProofRepeatsTheRowNearestToTheKneeWithEachNumberOfAgents) {
  const auto stages = afterwards({.warmup = 5s, .search = Search{}, .proof = {2, 1, 3}}, rows(kSearched));
  ASSERT_EQ(stages.size(), 3u) << "whoever has joined";
  EXPECT_EQ(stages[0].purpose.agents, 2u);
  EXPECT_EQ(stages[1].purpose.agents, 1u);
  EXPECT_EQ(stages[2].purpose.agents, 3u);
  for (const Afterwards& stage : stages) {
    EXPECT_EQ(stage.purpose.role, StepRole::kProof);
    EXPECT_EQ(stage.ramp.steps, std::vector<std::uint32_t>{22});
    EXPECT_EQ(stage.ramp.hold, 60s);
    EXPECT_EQ(stage.ramp.warmup, 5s);
  }
}

TEST(Afterwards, TheWayDownBeginsAtTwiceTheKneeAndEndsAtTheBase) {
  const auto stages = afterwards({.warmup = 5s, .search = Search{}, .descend = true}, rows(kSearched));
  ASSERT_EQ(stages.size(), 1u);
  EXPECT_EQ(stages[0].purpose.role, StepRole::kDescent);
  EXPECT_EQ(stages[0].ramp.steps, (std::vector<std::uint32_t>{46, 32, 24, 16, 8, 4, 2, 1}));
  EXPECT_EQ(stages[0].ramp.hold, 20s);
}

TEST(Afterwards, WithoutAKneeItIsTheHighestValidRow) {
  auto steps = rows({1, 2, 4, 8, 16});
  steps.back().invalidate("CLIENT_BOUND", "");
  const auto stages =
      afterwards({.steps = {1, 2, 4, 8, 16}, .warmup = 2s, .hold = 8s, .descend = true, .proof = {1}}, steps);
  ASSERT_EQ(stages.size(), 2u);
  EXPECT_EQ(stages[0].ramp.steps, std::vector<std::uint32_t>{8});
  EXPECT_EQ(stages[1].ramp.steps, (std::vector<std::uint32_t>{8, 4, 2, 1}));
  EXPECT_EQ(stages[1].ramp.hold, 8s);
  for (Step& step : steps) step.invalidate("INCOMPLETE", "");
  EXPECT_TRUE(afterwards({.steps = {1}, .descend = true, .proof = {1}}, steps).empty());
}

struct SoakDrive {
  explicit SoakDrive(Nanos hold)
      : controller(
            Cell{.id = 3},
            std::make_unique<SoakSchedule>(Ramp{.steps = {64}, .warmup = 10s, .hold = hold, .soak = true}),
            7) {}

  void until(Nanos limit) {
    for (; now < limit && !controller.done(); now += 50ms) {
      if (const auto level =
              controller.next(now, {.residence = 2s, .idle = controller.phase() == Phase::kDrain}))
        levels.push_back(*level);
    }
  }

  StepRunner controller;
  Nanos now{0};
  std::vector<LoadLevel> levels;
};

TEST(SoakSchedule, OneLevelInBinsWithoutGaps) {
  SoakDrive drive(4h);
  EXPECT_EQ(drive.controller.time_left(0s), 4h + 10s);
  drive.until(5h);
  ASSERT_TRUE(drive.controller.done());
  ASSERT_EQ(drive.levels.size(), 2u);
  EXPECT_EQ(drive.levels[0].concurrency, 64u);
  EXPECT_EQ(drive.levels[0].spread_over, 5s);
  EXPECT_EQ(drive.levels[1].concurrency, 0u);
  EXPECT_EQ(drive.controller.next_epoch(), 9u);
  const auto& windows = drive.controller.windows();
  ASSERT_EQ(windows.size(), 48u);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    EXPECT_EQ(windows[i].end - windows[i].begin, 300);
    EXPECT_EQ(windows[i].epoch, 7u);
    EXPECT_EQ(windows[i].grain, 15);
    EXPECT_EQ(windows[i].attempt, i + 1);
    EXPECT_EQ(windows[i].begin, i == 0 ? 11 : windows[i - 1].end);
  }
  EXPECT_EQ(drive.levels[1].effective_at, std::chrono::seconds(windows.back().end));
}

TEST(SoakSchedule, ShortSoaksHaveSixBinsAndBinsAreAtLeastAMinuteWhereTheyFit) {
  EXPECT_EQ(soak_bin(1min), 10s);
  EXPECT_EQ(soak_bin(10min), 60s);
  EXPECT_EQ(soak_bin(4h), 5min);
  EXPECT_EQ(soak_bin(24h), 30min);
}

TEST(SoakSchedule, AnInterruptKeepsWholeBinsAndMarksTheCutOne) {
  SoakDrive drive(1h);
  drive.until(200s);
  ASSERT_EQ(drive.controller.windows().size(), 2u);
  drive.controller.interrupt(200s);
  drive.controller.interrupt(201s);  // idempotent
  ASSERT_EQ(drive.controller.windows().size(), 3u);
  EXPECT_FALSE(drive.controller.windows()[1].interrupted);
  EXPECT_TRUE(drive.controller.windows()[2].interrupted);
  EXPECT_EQ(drive.controller.windows()[2].end, 200);
}

TEST(SoakSchedule, ALossCostsTheBinUnderWayAndNoneOfThoseBefore) {
  SoakDrive drive(1h);
  drive.until(200s);
  ASSERT_EQ(drive.controller.windows().size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) drive.controller.measured(i, Step{});
  EXPECT_TRUE(drive.controller.lose_agent(200s, 190));
  drive.until(2h);
  const auto& windows = drive.controller.windows();
  const auto lost = std::count_if(windows.begin(), windows.end(), [](auto& w) { return w.agent_lost; });
  EXPECT_EQ(lost, 1);
  EXPECT_TRUE(windows[2].agent_lost);
  std::int64_t held = 0;
  for (const StepWindow& window : windows) held += window.agent_lost ? 0 : window.end - window.begin;
  EXPECT_EQ(held, 3600);
  EXPECT_TRUE(drive.controller.done());
}

}  // namespace
}  // namespace kneepoint::coordinator
