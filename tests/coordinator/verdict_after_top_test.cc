#include "coordinator/verdict/after_top.h"

#include <gtest/gtest.h>

#include "coordinator/measure/repeat.h"
#include "coordinator/measure/window.h"
#include "coordinator/verdict/soak.h"
#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using scenes::BatchingHost;
using scenes::known_step;
using scenes::KnownRun;
using scenes::simple_plan;

Step row(std::uint32_t n, double x, double ttft) {
  Step step = known_step(n, x, 0.005);
  step.ttft_seconds.p50 = ttft;
  step.ttft_seconds.p50_ci95 = Interval{ttft * 0.98, ttft * 1.02};
  return step;
}

Step proof(std::uint32_t agents, Step step) {
  step.role = "proof";
  step.agents = agents;
  return step;
}

Step descending(Step step, std::optional<double> recovery) {
  step.role = "descending";
  step.recovery_seconds = recovery;
  return step;
}

TEST(RowChange, MattersBeyondToleranceAndChanceOnly) {
  EXPECT_FALSE(row_change(row(8, 100, 0.1), row(8, 104, 0.12))->matters());
  EXPECT_TRUE(row_change(row(8, 100, 0.1), row(8, 94, 0.1))->matters());
  EXPECT_TRUE(row_change(row(8, 100, 0.1), row(8, 100, 0.13))->matters());
  Step vague = row(8, 80, 0.1);
  vague.output_tokens_per_second.ci95 = Interval{50, 110};
  EXPECT_FALSE(row_change(row(8, 100, 0.1), vague)->matters());
  Step few = row(8, 100, 0.2);
  few.ttft_seconds.p50_ci95.reset();
  EXPECT_FALSE(row_change(row(8, 100, 0.1), few)->matters());
  vague.invalidate("UNSTEADY", "");
  EXPECT_FALSE(row_change(row(8, 100, 0.1), vague));
}

TEST(Proof, SurvivesWhereOtherAgentsMeasureTheSame) {
  std::vector<Step> after = {proof(1, row(24, 2251, 0.0214)), proof(2, row(24, 2260, 0.0212))};
  const Finding found = judge_proof({row(24, 2255, 0.0213)}, after, {1, 2, 4}, 2, false);
  EXPECT_EQ(found.state, "HOLDS");
  EXPECT_EQ(
      found.explanation,
      "Measured again at N = 24: with 1 agent: throughput -0.2 %, TTFT p50 +0.5 %; with 2 "
      "agents: "
      "throughput +0.2 %, TTFT p50 -0.5 %; not with 4 agents, of which 2 joined. The verdict survives.");
  EXPECT_EQ(after[0].note, "proof with 1 agent; agrees: throughput -0.2 %, TTFT p50 +0.5 %");
}

TEST(Proof, FailsWhereTheNumberOfAgentsMatters) {
  std::vector<Step> after = {proof(1, row(24, 1800, 0.05))};
  const Finding found = judge_proof({row(24, 2255, 0.0213)}, after, {1}, 2, false);
  EXPECT_EQ(found.state, "FAILS");
  EXPECT_NE(found.explanation.find("what was measured depends on the agents"), std::string::npos);
}

TEST(Proof, FailsWithoutBlamingTheAgentsWhereAsManyDifferToo) {
  std::vector<Step> after = {proof(2, row(24, 2050, 0.024)), proof(1, row(24, 1900, 0.026))};
  const Finding found = judge_proof({row(24, 2255, 0.0213)}, after, {2, 1}, 2, false);
  EXPECT_EQ(found.state, "FAILS");
  EXPECT_NE(found.explanation.find("the host did not repeat itself"), std::string::npos);
  EXPECT_EQ(found.explanation.find("depends on the agents"), std::string::npos);
}

TEST(Proof, FailsWithoutBlamingTheAgentsOfAHostThatMoves) {
  std::vector<Step> after = {proof(1, row(24, 1800, 0.05))};
  const Finding found = judge_proof({row(24, 2255, 0.0213)}, after, {1}, 2, true);
  EXPECT_EQ(found.state, "FAILS");
  EXPECT_NE(found.explanation.find("the agents need not be the cause"), std::string::npos);
  EXPECT_EQ(found.explanation.find("depends on the agents"), std::string::npos);
}

TEST(Proof, IsUndecidedWhereItsRowsAreInvalid) {
  std::vector<Step> after = {proof(1, row(24, 1800, 0.05))};
  after[0].invalidate("CLIENT_BOUND", "a generator thread was busy 97 % of the time");
  const Finding found = judge_proof({row(24, 2255, 0.0213)}, after, {1}, 2, false);
  EXPECT_EQ(found.state, "UNDECIDED");
  EXPECT_NE(found.explanation.find("a generator thread was busy 97 %"), std::string::npos);
  std::vector<Step> none;
  EXPECT_EQ(judge_proof({}, none, {1}, 1, false).state, "UNDECIDED");
}

TEST(Descent, WithoutHysteresisSaysHowFastItRecovers) {
  const std::vector<Step> ramp = {row(1, 100, 0.01), row(16, 1500, 0.02), row(32, 2000, 0.2),
                                  row(64, 2000, 1.1)};
  std::vector<Step> after = {descending(row(64, 2010, 1.1), 0), descending(row(32, 1990, 0.14), 4),
                             descending(row(16, 1490, 0.02), 3), descending(row(1, 100, 0.0102), 0)};
  const Finding found = judge_descent(ramp, after, 22);
  EXPECT_EQ(found.state, "NO HYSTERESIS");
  EXPECT_EQ(
      found.explanation,
      "Back down from 64, all 4 steps were as on the way up: no hysteresis. Once the load had fallen from 32 "
      "to "
      "16, below saturation, throughput and TTFT were back after 3.00 s. At the base, 1, they were back at "
      "once.");
  EXPECT_EQ(after[2].note, "descending; as on the way up; recovered after 3.00 s");
}

TEST(Descent, HysteresisNamesTheStepsThatDiffer) {
  const std::vector<Step> ramp = {row(1, 100, 0.01), row(16, 1500, 0.02), row(64, 2000, 1.1)};
  std::vector<Step> after = {descending(row(64, 2000, 1.1), 0), descending(row(16, 1200, 0.05), std::nullopt),
                             descending(row(1, 100, 0.01), 2)};
  const Finding found = judge_descent(ramp, after, std::nullopt);
  EXPECT_EQ(found.state, "HYSTERESIS");
  EXPECT_NE(found.explanation.find(
                "1 of 3 steps differ from the way up: 16 (throughput -20.0 %, TTFT p50 +150.0 %)"),
            std::string::npos)
      << found.explanation;
  EXPECT_NE(after[1].note.find("recovered not within the step"), std::string::npos);
  std::vector<Step> none;
  EXPECT_EQ(judge_descent(ramp, none, 22).state, "UNDECIDED");
}

/// 40 requests queue for 10 slots, then 4 are kept in flight: the queue takes its time to drain.
TEST(Recovery, LastsAsLongAsTheQueueOfTheOverload) {
  const BatchingHost host{.a = 0.010, .c = 0.001, .cap = 10, .tokens = 64};
  KnownRun run;
  host.run(run, 0, 40, 4, {.epoch = 1}, 0.5);
  // Sixty more at once, each with one answer: they are in the system when the level falls at 60.
  host.run(run, 59.9, 60, 60, {.epoch = 2}, 0.05);
  host.run(run, 70, 100, 4, {.epoch = 3}, 0.5);
  const Timeline timeline = run.timeline(110);
  const Plan plan = simple_plan();
  const Cell cell = cells_of(plan)[0];
  const Step before = measure_step(timeline, plan, cell, {.concurrency = 4, .begin = 5, .end = 35});
  const StepWindow down{
      .concurrency = 4, .epoch = 3, .level_at = std::chrono::seconds(60), .begin = 75, .end = 95};
  const auto recovered = recovery_seconds(timeline, down, before);
  ASSERT_TRUE(recovered);
  EXPECT_GE(*recovered, 8);
  EXPECT_LE(*recovered, 13);
  StepWindow short_window = down;
  short_window.end = 66;
  EXPECT_FALSE(recovery_seconds(timeline, short_window, before));
}

std::vector<Step> bins(int count, double per_bin, double memory_per_bin = 0) {
  std::vector<Step> rows;
  for (int i = 0; i < count; ++i) {
    rows.push_back(row(64, 2000 * (1 + per_bin * i + 0.001 * (i % 3)), 0.05));
    rows.back().duration_seconds = 300;
    rows.back().window_begin_seconds = 300.0 * i;
    rows.back().generator.resident_bytes = 2e7 * (1 + memory_per_bin * i);
  }
  return rows;
}

TEST(Soak, SteadyWhereNothingMoves) {
  const Finding found = judge_soak(bins(48, 0));
  EXPECT_EQ(found.state, "STEADY") << found.explanation;
  EXPECT_EQ(
      found.explanation.find("64 requests in flight held for 240 min 0 s; all 48 bins of 300 s are valid."),
      0u)
      << found.explanation;
  ASSERT_EQ(found.trends.size(), 3u);
  EXPECT_EQ(found.trends[0].name, "throughput");
}

TEST(Soak, DriftIsTheSlopeAnHour) {
  const Finding found = judge_soak(bins(48, -0.002));
  EXPECT_EQ(found.state, "DRIFTS") << found.explanation;
  EXPECT_NEAR(*found.trends[0].ratio, -0.024 / 0.953, 0.001);
  EXPECT_LT(found.trends[0].ci95->high, 0);
}

TEST(Soak, InvalidBinsLeaveGaps) {
  auto rows = bins(48, -0.002);
  for (std::size_t i = 1; i < rows.size(); i += 2) rows[i].invalidate("INCOMPLETE", "");
  EXPECT_NEAR(*judge_soak(rows).trends[0].ratio, -0.024 / 0.953, 0.001);
}

TEST(Soak, ADriftThatIsSmallIsNotCalledChance) {
  const Finding found = judge_soak(bins(48, -0.0005));  // 2.4 %, surely
  EXPECT_EQ(found.state, "STEADY");
  EXPECT_LT(found.trends[0].ci95->high, 0);
  EXPECT_NE(found.explanation.find("No drift: throughput moved by less than 3 %"), std::string::npos)
      << found.explanation;
}

TEST(Soak, GrowingMemoryIsALeak) {
  EXPECT_EQ(judge_soak(bins(48, 0, 0.01)).state, "LEAKS");
  EXPECT_EQ(judge_soak(bins(48, 0, -0.001)).state, "STEADY");
}

TEST(Soak, FoldingTheTimelineChangesNoFigure) {
  const BatchingHost host{.a = 0.010, .c = 0.001, .cap = 10, .tokens = 64, .length_spread = 0.3};
  KnownRun run;
  host.run(run, 0, 70, 8, {.epoch = 1}, 0.5);
  Timeline timeline = run.timeline(80);
  const Plan plan = simple_plan();
  const Cell cell = cells_of(plan)[0];
  const StepWindow window{.concurrency = 8, .begin = 5, .end = 65, .grain = 3};
  const Step before = measure_step(timeline, plan, cell, window);
  timeline.fold(5, 65, 3);
  EXPECT_EQ(timeline.seconds().size(), 80u - 60 + 20);
  const Step after = measure_step(timeline, plan, cell, window);
  EXPECT_TRUE(before.valid) << ::testing::PrintToString(before.reasons);
  EXPECT_EQ(after.reasons, before.reasons);
  EXPECT_EQ(after.output_tokens_per_second.value, before.output_tokens_per_second.value);
  EXPECT_EQ(after.output_tokens_per_second.standard_error, before.output_tokens_per_second.standard_error);
  EXPECT_EQ(after.ttft_seconds.p50, before.ttft_seconds.p50);
  EXPECT_NEAR(*after.achieved_concurrency, *before.achieved_concurrency, 1e-9);
  EXPECT_EQ(after.generator.busiest_thread_ratio, before.generator.busiest_thread_ratio);
  EXPECT_NEAR(*after.output_tokens_per_second.value, host.throughput(8), 0.03 * host.throughput(8));
}

TEST(Soak, TooFewBinsDecideNothing) {
  EXPECT_EQ(judge_soak(bins(5, -0.1)).state, "UNDECIDED");
  EXPECT_EQ(judge_soak({}).state, "UNDECIDED");
}

}  // namespace
}  // namespace kneepoint::coordinator
