#include "coordinator/run/run_loop.h"

#include <gtest/gtest.h>

#include <set>

#include "common/lease.h"
#include "tests/coordinator/virtual_fleet.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using scenes::plan_of;
using scenes::plan_of_turns;
using scenes::VirtualFleet;
using scenes::VirtualRun;

TEST(RunLoop, AScenarioWhoseTargetIsDownEndsEarlyAndTheNextOneIsTried) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8, 16, 32}, .warmup = 1s, .hold = 5s},
                          {.steps = {8}, .warmup = 1s, .hold = 30s}}),
                 2);
  run.fleet.host_dies_at(8s);
  std::vector<std::uint32_t> given_up;
  RunLoop::Hooks hooks;
  hooks.on_given_up = [&](std::uint32_t cell, const std::string&) { given_up.push_back(cell); };
  const RunLoop& loop = run.go(hooks);
  EXPECT_EQ(given_up, (std::vector<std::uint32_t>{0, 1}));
  EXPECT_FALSE(loop.interrupted()) << "nobody asked for it";
  ASSERT_EQ(loop.cut_short().count(0), 1u);
  std::vector<std::uint32_t> concurrency;
  for (const LoadLevel& level : run.fleet.sent) concurrency.push_back(level.concurrency);
  EXPECT_EQ(concurrency, (std::vector<std::uint32_t>{2, 4, 8, 16, 0, 8, 0}));
  EXPECT_TRUE(run.fleet.drained());
  EXPECT_LT(run.fleet.now(), 45s);
}

TEST(RunLoop, APlanMayGoOnWithATargetThatIsDown) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8, 16}, .warmup = 1s, .hold = 5s, .stop_when_down = false}}), 1);
  run.fleet.host_dies_at(8s);
  EXPECT_EQ(run.go().windows().size(), 4u);
  EXPECT_TRUE(run.loop->cut_short().empty());
}

TEST(RunLoop, RunsEveryStepOfEveryCellAndDrainsInBetween) {
  VirtualRun run(
      plan_of({{.steps = {2, 4}, .warmup = 1s, .hold = 3s}, {.steps = {8}, .warmup = 1s, .hold = 3s}}), 2);
  const RunLoop& loop = run.go();
  EXPECT_FALSE(loop.interrupted());
  EXPECT_EQ(loop.fleet_failure(), "");
  ASSERT_EQ(loop.windows().size(), 3u);
  EXPECT_EQ(run.reported.size(), 3u);
  std::vector<std::uint32_t> concurrency;
  for (const LoadLevel& level : run.fleet.sent) concurrency.push_back(level.concurrency);
  EXPECT_EQ(concurrency, (std::vector<std::uint32_t>{2, 4, 0, 8, 0}));
  EXPECT_TRUE(run.fleet.drained());
  for (const StepWindow& window : loop.windows()) {
    EXPECT_TRUE(loop.timeline().complete(window.begin, window.end));
    EXPECT_EQ(window.end - window.begin, 3);
  }
}

TEST(RunLoop, ABudgetEndsTheStepWhenTheLastAgentIsDone) {
  VirtualRun run(plan_of({{.steps = {2}, .requests = 10}}), 2);
  const RunLoop& loop = run.go();
  ASSERT_EQ(loop.windows().size(), 1u);
  EXPECT_EQ(loop.windows()[0].requests, 10u);
  EXPECT_EQ(loop.windows()[0].finished_at, run.fleet.sent[0].effective_at + 700ms);
}

TEST(RunLoop, AnInterruptDrainsAndKeepsWhatWasMeasured) {
  VirtualRun run(
      plan_of({{.steps = {2, 4}, .warmup = 1s, .hold = 30s}, {.steps = {8}, .warmup = 1s, .hold = 3s}}), 2);
  RunLoop::Hooks hooks;
  hooks.interrupts = [&] { return run.fleet.now() > 12s ? 1 : 0; };
  const RunLoop& loop = run.go(std::move(hooks));
  EXPECT_TRUE(loop.interrupted());
  ASSERT_EQ(loop.windows().size(), 1u);
  EXPECT_TRUE(loop.windows()[0].interrupted);
  EXPECT_TRUE(loop.timeline().complete(loop.windows()[0].begin, loop.windows()[0].end));
  EXPECT_TRUE(run.fleet.drained());
}

std::vector<std::uint32_t> concurrencies(const VirtualRun& run) {
  std::vector<std::uint32_t> all;
  for (const LoadLevel& level : run.fleet.sent) all.push_back(level.concurrency);
  return all;
}

TEST(RunLoop, AStepThatLosesAnAgentIsRunAgainByTheOthers) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 4s}}), 2);
  run.fleet.lose_one_at(9s);
  std::optional<std::size_t> count;
  RunLoop::Hooks hooks;
  hooks.on_progress = [&](const Progress& progress) {
    count = progress.step_count;
    const bool done = progress.phase == Phase::kDone;
    EXPECT_TRUE(done || progress.step < *count) << "no step 4 of 3";
  };
  const RunLoop& loop = run.go(std::move(hooks));
  EXPECT_EQ(count, 4u);
  EXPECT_EQ(loop.fleet_failure(), "");
  EXPECT_FALSE(loop.interrupted());
  EXPECT_EQ(concurrencies(run), (std::vector<std::uint32_t>{2, 4, 4, 8, 0}));
  ASSERT_EQ(loop.windows().size(), 4u);
  const StepWindow &before = loop.windows()[0], &lost = loop.windows()[1], &again = loop.windows()[2];
  EXPECT_FALSE(before.agent_lost);
  EXPECT_TRUE(lost.agent_lost);
  EXPECT_LT(lost.end - lost.begin, 4) << "what was measured until the loss";
  EXPECT_FALSE(again.agent_lost);
  EXPECT_EQ(again.concurrency, 4u);
  EXPECT_EQ(again.end - again.begin, 4);
  EXPECT_GT(again.attempt, lost.attempt) << "other requests: these would come out of a cache";
  EXPECT_TRUE(loop.timeline().complete(again.begin, again.end)) << "nothing is expected from who is gone";
  EXPECT_TRUE(run.fleet.drained());
}

TEST(RunLoop, NoLoadIsDealtAnewBeforeTheLostAgentsHasSurelyEnded) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 4s}}), 2);
  run.fleet.lose_one_at(9s, 17300ms);
  run.go();
  ASSERT_EQ(concurrencies(run), (std::vector<std::uint32_t>{2, 4, 4, 8, 0}));
  EXPECT_EQ(run.fleet.sent[2].effective_at, 18s);
}

TEST(RunLoop, TheNextScenarioDoesNotBeginBeforeItEither) {
  VirtualRun run(plan_of({{.steps = {2}, .requests = 10}, {.steps = {3}, .warmup = 1s, .hold = 3s}}), 2);
  run.fleet.lose_one_at(2900ms, 20s);  // while the first is drained
  run.go();
  ASSERT_GE(run.fleet.sent.size(), 2u);
  EXPECT_EQ(run.fleet.sent.back().concurrency, 0u);
  for (const LoadLevel& level : run.fleet.sent) {
    if (level.concurrency != 3) continue;
    EXPECT_GE(level.effective_at, 20s);
  }
}

TEST(RunLoop, ABudgetIsSpentAgainByTheOthers) {
  VirtualRun run(plan_of({{.steps = {2}, .requests = 10}}), 2);
  run.fleet.lose_one_at(300ms);
  const RunLoop& loop = run.go();
  ASSERT_EQ(loop.windows().size(), 2u);
  EXPECT_TRUE(loop.windows()[0].agent_lost);
  EXPECT_FALSE(loop.windows()[1].agent_lost);
  EXPECT_EQ(loop.windows()[1].requests, 10u);
  EXPECT_EQ(loop.fleet_failure(), "");
}

TEST(RunLoop, APlanMayStopAtALoss) {
  Plan plan = plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 4s}});
  plan.stop_when_agent_lost = true;
  VirtualRun run(std::move(plan), 2);
  run.fleet.lose_one_at(9s);
  const RunLoop& loop = run.go();
  EXPECT_EQ(loop.fleet_failure(), "an agent was lost, and the plan says on_agent_lost: stop");
  EXPECT_FALSE(loop.interrupted());
  ASSERT_EQ(loop.windows().size(), 2u);
  EXPECT_FALSE(loop.windows()[0].agent_lost);
  EXPECT_TRUE(loop.windows()[1].agent_lost);
  EXPECT_TRUE(run.fleet.drained());
}

TEST(RunLoop, WithFewerThanTheLeastTheRunEnds) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 4s}}), 3, 2);
  run.fleet.lose_one_at(4s);
  run.fleet.lose_one_at(13s);
  const RunLoop& loop = run.go();
  EXPECT_EQ(loop.fleet_failure(), "1 agent left, and at least 2 are needed");
  EXPECT_EQ(concurrencies(run), (std::vector<std::uint32_t>{2, 2, 4}));
}

TEST(RunLoop, WithNobodyLeftTheRunEndsAtOnce) {
  VirtualRun run(plan_of({{.steps = {2, 4}, .warmup = 1s, .hold = 4s}}), 1);
  run.fleet.lose_one_at(4s);
  const RunLoop& loop = run.go();
  EXPECT_EQ(loop.fleet_failure(), "no agent was left");
  EXPECT_LT(run.fleet.now(), 5s);
}

TEST(RunLoop, ThoseThatComeBackAfterALossAreWaitedForAndShareTheRerun) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 4s}}), 1);
  run.fleet.lose_one_at(9s);
  run.fleet.gather(9s, 14s);
  run.fleet.add_one_at(12s);
  const RunLoop& loop = run.go();
  EXPECT_EQ(loop.fleet_failure(), "");
  ASSERT_EQ(concurrencies(run), (std::vector<std::uint32_t>{2, 4, 4, 8, 0}));
  EXPECT_GE(run.fleet.sent[2].effective_at, 14s) << "others may still be on their way";
  ASSERT_EQ(loop.windows().size(), 4u);
  EXPECT_TRUE(loop.windows()[1].agent_lost);
  EXPECT_FALSE(loop.windows()[2].agent_lost);
  EXPECT_TRUE(loop.timeline().complete(loop.windows()[2].begin, loop.windows()[2].end));
}

TEST(RunLoop, NobodyIsWaitedForWithoutAnEnd) {
  VirtualRun run(plan_of({{.steps = {2, 4}, .warmup = 1s, .hold = 4s}}), 1);
  run.fleet.lose_one_at(4s);
  run.fleet.gather(4s, Nanos::max());
  EXPECT_EQ(run.go().fleet_failure(), "no agent was left");
  EXPECT_GE(run.fleet.now(), 4s + lease::kGather);
  EXPECT_LT(run.fleet.now(), 5s + lease::kGather);
}

TEST(RunLoop, ACoordinatorThatWasAwayMeasuresNoStepBeforeItsLevel) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 2s}}), 2);
  RunLoop::Hooks hooks;
  hooks.on_progress = [&, stopped = false](const Progress& progress) mutable {
    if (progress.now > 2200ms && !std::exchange(stopped, true)) run.fleet.stop_coordinator(7s);
  };
  const RunLoop& loop = run.go(std::move(hooks));
  ASSERT_EQ(concurrencies(run), (std::vector<std::uint32_t>{2, 4, 8, 0}));
  EXPECT_GT(run.fleet.sent[1].effective_at, 9s);
  ASSERT_EQ(loop.windows().size(), 3u);
  for (const StepWindow& window : loop.windows()) {
    EXPECT_GE(std::chrono::seconds(window.begin), window.level_at + 1s);
    EXPECT_EQ(window.end - window.begin, 2);
  }
}

TEST(RunLoop, AnAgentThatJoinsGetsLoadWithTheNextLevel) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 4s}}), 1);
  run.fleet.add_one_at(7500ms);
  std::vector<std::uint32_t> joined;
  RunLoop::Hooks hooks;
  hooks.on_agent_joined = [&](const AgentJoined& event) { joined.push_back(event.agent); };
  const RunLoop& loop = run.go(std::move(hooks));
  EXPECT_EQ(joined, (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(concurrencies(run), (std::vector<std::uint32_t>{2, 4, 8, 0}));
  ASSERT_EQ(loop.windows().size(), 3u);
  EXPECT_EQ(run.fleet.sent[1].warm_slots, 2u);
  EXPECT_EQ(run.fleet.sent[2].warm_slots, 4u) << "those that do not move go on";
  for (const StepWindow& window : loop.windows()) {
    EXPECT_FALSE(window.agent_lost);
    EXPECT_TRUE(loop.timeline().complete(window.begin, window.end));
  }
}

TEST(RunLoop, OneThatIsLostBeforeItHadLoadCostsNoStep) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 4s}}), 1);
  run.fleet.add_one_at(7500ms);
  run.fleet.lose_one_at(8500ms);
  const RunLoop& loop = run.go();
  EXPECT_EQ(concurrencies(run), (std::vector<std::uint32_t>{2, 4, 8, 0}));
  EXPECT_EQ(loop.fleet_failure(), "");
}

TEST(RunLoop, AStepIsRunAgainOnlySoOften) {
  VirtualRun run(plan_of({{.steps = {8}, .warmup = 1s, .hold = 20s}}), 8);
  for (int i = 1; i <= 5; ++i) run.fleet.lose_one_at(i * 10s);
  const RunLoop& loop = run.go();
  EXPECT_EQ(loop.fleet_failure(), "a step lost an agent each time it was run, 4 times in all");
  EXPECT_EQ(run.fleet.sent.size(), 4u);
}

TEST(RunLoop, AgentsThatAreLostTogetherCostOneRerun) {
  VirtualRun run(plan_of({{.steps = {8}, .warmup = 1s, .hold = 20s}}), 8);
  for (int i = 0; i < 6; ++i) run.fleet.lose_one_at(10s + i * 100ms, 19s);
  const RunLoop& loop = run.go();
  EXPECT_EQ(loop.fleet_failure(), "");
  ASSERT_EQ(loop.windows().size(), 2u);
  EXPECT_TRUE(loop.windows()[0].agent_lost);
  EXPECT_FALSE(loop.windows()[1].agent_lost);
}

TEST(RunLoop, ProgressNamesThePhaseAndTheTimeLeft) {
  VirtualRun run(
      plan_of({{.steps = {2}, .warmup = 1s, .hold = 3s}, {.steps = {8}, .warmup = 1s, .hold = 3s}}), 1);
  std::optional<Nanos> at_start;
  std::set<Phase> phases;
  RunLoop::Hooks hooks;
  hooks.on_progress = [&](const Progress& progress) {
    if (!at_start) at_start = progress.time_left;
    phases.insert(progress.phase);
  };
  run.go(std::move(hooks));
  ASSERT_TRUE(at_start);
  EXPECT_GE(*at_start, 8s);
  EXPECT_TRUE(phases.contains(Phase::kWarmUp));
  EXPECT_TRUE(phases.contains(Phase::kHold));
}

TEST(RunLoop, AReasonToStopEndsTheRunInOrder) {
  VirtualRun run(
      plan_of({{.steps = {2, 4}, .warmup = 1s, .hold = 3s}, {.steps = {8}, .warmup = 1s, .hold = 3s}}), 2);
  RunLoop::Hooks hooks;
  hooks.stop_reason = [&] { return std::string(run.fleet.now() > 7s ? "too hot" : ""); };
  const RunLoop& loop = run.go(std::move(hooks));
  EXPECT_EQ(loop.stopped_by(), "too hot");
  EXPECT_FALSE(loop.interrupted()) << "the user did not ask";
  ASSERT_EQ(loop.windows().size(), 2u);
  EXPECT_FALSE(loop.windows()[0].interrupted);
  EXPECT_TRUE(loop.windows()[1].interrupted);
}

TEST(RunLoop, TargetsThatAlternateTakeEveryStepInTurn) {
  VirtualRun run(plan_of_turns(), 2);
  run.go();
  std::vector<std::pair<std::uint32_t, std::uint32_t>> rows;
  for (const StepWindow& window : run.reported) rows.emplace_back(window.cell, window.concurrency);
  EXPECT_EQ(
      rows,
      (std::vector<std::pair<std::uint32_t, std::uint32_t>>{
          {0, 2}, {1, 2}, {1, 2}, {0, 2}, {0, 4}, {1, 4}, {1, 4}, {0, 4}, {2, 3}, {3, 3}, {3, 3}, {2, 3}}));
}

TEST(RunLoop, WhereOneOfThemIsDownBothEnd) {
  Plan plan = plan_of_turns();
  plan.scenarios[0].ramp.hold = 15s;
  VirtualRun run(plan, 1);
  run.fleet.host_dies_at(2s);
  std::vector<std::uint32_t> ended;
  RunLoop::Hooks hooks;
  hooks.on_given_up = [&](std::uint32_t cell, const std::string&) { ended.push_back(cell); };
  const RunLoop& loop = run.go(std::move(hooks));
  ASSERT_FALSE(ended.empty());
  EXPECT_EQ(ended.front(), 0u);
  EXPECT_TRUE(loop.cut_short().contains(0));
  EXPECT_TRUE(loop.cut_short().contains(1));
}

}  // namespace
}  // namespace kneepoint::coordinator
