#include "coordinator/verdict/build_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/results/exit_code.h"
#include "coordinator/words/answer.h"
#include "tests/coordinator/measured_ramp.h"

namespace kneepoint::coordinator {
namespace {

using scenes::BatchingHost;
using scenes::facts;
using scenes::KnownRun;
using scenes::MeasuredRamp;
using scenes::simple_plan;

TEST(BuildReport, FindsTheHardCapOfASimulatedHost) {
  const BatchingHost host{.a = 0.012, .c = 0.0002, .cap = 22};
  MeasuredRamp ramp(host, {1, 2, 4, 8, 16, 32, 64, 16, 32, 64, 64, 32, 16});
  for (std::size_t i = 7; i < ramp.windows.size(); ++i)
    ramp.windows[i].look = Look{.number = i < 10 ? 1u : 2u, .low = 16, .high = 32};
  const Report report = ramp.report();
  ASSERT_EQ(report.results.size(), 1u);
  const ScenarioResult& result = report.results[0];
  EXPECT_EQ(result.target, "host");
  EXPECT_EQ(result.scenario, "chat");
  EXPECT_EQ(result.model, "tiny");
  ASSERT_EQ(result.steps.size(), 7u) << "those of the ramp";
  ASSERT_EQ(result.after.size(), 6u) << "measured again";
  for (const Step& step : result.steps) {
    EXPECT_TRUE(step.valid) << step.concurrency << ::testing::PrintToString(step.reasons);
    EXPECT_NEAR(*step.output_tokens_per_second.value, host.throughput(step.concurrency),
                0.02 * host.throughput(step.concurrency));
  }
  const double most = 0.95 * host.throughput(22);
  const double truth = most * host.a / (1 - most * host.c);
  ASSERT_TRUE(result.saturation.ci95) << result.saturation.explanation;
  EXPECT_LE(result.saturation.ci95->low, truth);
  EXPECT_GE(result.saturation.ci95->high, truth);
  EXPECT_EQ(result.saturation.knee_kind, "hard");
  EXPECT_EQ(result.saturation.bottleneck, "queue_slots");
  EXPECT_EQ(result.steps[6].state, "SATURATED");
  EXPECT_EQ(result.slo.criteria.at(0).state, "BRACKETED");
  EXPECT_EQ(result.slo.criteria.at(0).ci95->high, 32);
  EXPECT_TRUE(report.verdict.valid()) << ::testing::PrintToString(report.verdict.reasons());
  EXPECT_EQ(exit_code(report), 0);
}

/// From 1 to 64 requests in flight in 126 s, one more every two seconds, in rows of 9 s.
TEST(BuildReport, AMovingLoadIsASurvey) {
  const BatchingHost host{.a = 0.012, .c = 0.0002, .cap = 22};
  KnownRun run;
  host.run(run, 1, 127, 63, {.epoch = 1}, 126);
  host.run(run, 0, 127, 1, {.epoch = 2}, 0);  // its own batch: one request more changes little
  std::vector<StepWindow> windows;
  for (std::uint32_t row = 0; row < 14; ++row) {
    const std::int64_t begin = 9 * row;
    windows.push_back(
        {.concurrency = 3 + 9 * row / 2, .epoch = 1, .begin = begin, .end = begin + 9, .moving = true});
  }
  const Report report = build_report(simple_plan(), run.timeline(140), windows, facts());
  const ScenarioResult& result = report.results.at(0);
  EXPECT_TRUE(result.moving());
  for (const Step& step : result.steps) {
    EXPECT_TRUE(step.valid) << step.concurrency << ::testing::PrintToString(step.reasons);
    EXPECT_TRUE(step.has_flag("MOVING"));
    EXPECT_FALSE(step.has_flag("DRIFTING"));
    EXPECT_NE(step.note.find("moving"), std::string::npos);
  }
  ASSERT_TRUE(result.saturation.ci95) << result.saturation.explanation;
  EXPECT_LE(result.saturation.ci95->low, 22);
  EXPECT_GE(result.saturation.ci95->high, 22);
  EXPECT_NE(saturation_sentence(result).find("A stepped ramp or a search confirms it."), std::string::npos);
  EXPECT_EQ(report.verdict.trust(), Trust::kReserved) << "every row was measured once";
  EXPECT_THAT(report.verdict.reasons(),
              ::testing::Contains(::testing::HasSubstr("none is of a steady state")));
  EXPECT_TRUE(result.recommendations.empty()) << "nothing to plan by";
}

/// What the host's own metrics would have said each second: at most 22 run, the others wait.
TEST(BuildReport, TheTargetsOwnWordsExplainTheKnee) {
  MeasuredRamp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {8, 16, 32, 64});
  TelemetrySeries telemetry;
  for (const StepWindow& window : ramp.windows) {
    for (std::int64_t second = window.begin - 2; second <= window.end; ++second) {
      const double running = std::min(22u, window.concurrency);
      telemetry.add({second,
                     "host",
                     "http://h/metrics",
                     {{Signal::kRunning, running},
                      {Signal::kWaiting, window.concurrency - running},
                      {Signal::kKvUsage, 0.4},
                      {Signal::kGpuMemoryUsed, 4.1e9 + window.concurrency}},
                     {}});
    }
  }
  RunFacts run = facts();
  run.load_seconds = {{0, 18.3}};
  const Report report =
      build_report(simple_plan(), ramp.run.timeline(ramp.end), ramp.windows, run, telemetry);
  const ScenarioResult& result = report.results.at(0);
  EXPECT_EQ(result.load_seconds, 18.3);
  EXPECT_EQ(result.peak_gpu_memory_bytes(), 4.1e9 + 64);
  ScenarioResult shared = result;  // others use the card, too
  for (Step& step : shared.steps) {
    EXPECT_EQ(shared.peak_gpu_memory_bytes(), 4.1e9 + 64) << "not known of all";
    ASSERT_TRUE(step.telemetry);
    step.telemetry->gpu.process_memory_peak_bytes = 2e9 + step.concurrency;
  }
  EXPECT_EQ(shared.peak_gpu_memory_bytes(), 2e9 + 64);
  ASSERT_TRUE(result.steps[3].telemetry);
  EXPECT_EQ(result.steps[3].telemetry->running_mean, 22);
  EXPECT_EQ(result.steps[3].telemetry->waiting_mean, 42);
  EXPECT_EQ(result.saturation.bottleneck, "queue_slots");
  EXPECT_NE(result.saturation.explanation.find("at 64 requests in flight 22 run (22 at 32) and 42 wait"),
            std::string::npos)
      << result.saturation.explanation;
  EXPECT_EQ(result.saturation.explanation.find("ruled out"), std::string::npos);
}

TEST(BuildReport, WithoutTelemetryStepsHaveNone) {
  MeasuredRamp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {8, 16});
  const Report report = ramp.report();
  ASSERT_FALSE(report.results.at(0).steps.empty());
  for (const Step& step : report.results.at(0).steps) EXPECT_FALSE(step.telemetry);
}

TEST(BuildReport, AGuardRailThatStoppedTheRunIsSaid) {
  MeasuredRamp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {2, 4});
  RunFacts run = facts();
  run.stopped_by = "guard rail: waiting of http://h/metrics was 21 at second 9, above the limit of 20";
  const Report report = build_report(simple_plan(), ramp.run.timeline(ramp.end), ramp.windows, run);
  EXPECT_FALSE(report.verdict.valid());
  EXPECT_EQ(report.verdict.reasons().at(0), "the run was stopped by a " + run.stopped_by);
  EXPECT_TRUE(report.results.at(0).steps.at(0).valid) << "what was measured before stands";
  EXPECT_EQ(exit_code(report), 6);
}

TEST(BuildReport, NamesTheFileThatTheRequestsWereMadeOf) {
  MeasuredRamp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {2, 4});
  const Plan plan = simple_plan(ramp.limits);
  EXPECT_FALSE(build_report(plan, ramp.run.timeline(ramp.end), ramp.windows, facts()).results.at(0).dataset);
  RunFacts made = facts();
  made.datasets[0] = {.file = "chats.jsonl", .sha256 = "5891b5b522d5df086d0ff0b110fbd9d2", .entries = 2};
  const Report report = build_report(plan, ramp.run.timeline(ramp.end), ramp.windows, made);
  const auto& dataset = report.results.at(0).dataset;
  ASSERT_TRUE(dataset);
  EXPECT_EQ(dataset->file, "chats.jsonl");
  EXPECT_EQ(dataset->entries, 2u);
  EXPECT_EQ(prompt_sentence(report.results[0]), "from chats.jsonl (2 entries, sha256 5891b5b522d5df08…)");
}

TEST(BuildReport, TotalsCountTheWholeRunOnceWindowsOrNot) {
  MeasuredRamp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {2, 4});
  std::uint64_t requests = 0;
  const Timeline timeline = ramp.run.timeline(ramp.end);
  for (const auto& [s, second] : timeline.seconds()) {
    for (const auto& [key, stats] : second.series) requests += stats.started;
  }
  const Report report = ramp.report();
  EXPECT_EQ(report.totals.started, requests);
  EXPECT_EQ(report.totals.completed, requests);
  EXPECT_EQ(report.totals.output_tokens, requests * 64);
  EXPECT_EQ(report.totals.failed, 0u);
}

TEST(BuildReport, TokensOfRequestsWithoutUsageAreEstimated) {
  KnownRun run;
  run.add({.start = 0.1, .chunks = {0.2, 0.3, 0.4, 0.5}, .end = 0.5, .usage_tokens = 8});
  run.add({.start = 0.6, .chunks = {0.7, 0.8, 0.9}, .end = 0.9, .outcome = Outcome::kCancelled});
  const Report report = build_report(simple_plan(), run.timeline(3), {}, facts());
  EXPECT_EQ(report.totals.output_tokens, 8u + 6u);
  EXPECT_EQ(report.totals.cancelled, 1u);
  EXPECT_EQ(report.totals.failed, 0u);
}

TEST(BuildReport, IsReproducible) {
  MeasuredRamp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {8, 16, 32, 64});
  const Report once = ramp.report();
  const Report again = ramp.report();
  EXPECT_EQ(once.results[0].saturation.ci95->low, again.results[0].saturation.ci95->low);
  EXPECT_EQ(once.results[0].saturation.ci95->high, again.results[0].saturation.ci95->high);
}

/// A target that refuses everything.
TEST(BuildReport, NothingCompletedIsNoVerdict) {
  KnownRun run;
  for (int i = 0; i < 100; ++i) {
    run.add({.start = 0.1 * i, .end = 0.1 * i + 0.001, .outcome = Outcome::kConnect, .key = {.epoch = 1}});
  }
  const Report report = build_report(simple_plan(), run.timeline(12),
                                     {{.concurrency = 1, .epoch = 1, .begin = 2, .end = 10}}, facts());
  EXPECT_FALSE(report.verdict.valid());
  EXPECT_EQ(exit_code(report), 3);
  EXPECT_EQ(report.results[0].saturation.bottleneck, "") << "a host that was never reached is no finding";
  EXPECT_TRUE(report.verdict.has("target_down"));
  EXPECT_EQ(report.verdict.reasons().at(0),
            "the host never answered: all 100 requests failed (not connected)");
  EXPECT_EQ(report.results[0].steps[0].error_ratio, 1);
  EXPECT_FALSE(report.results[0].steps[0].ttft_seconds.mean);
}

TEST(BuildReport, AScanThatIsTooShortIsMeasuredOnceUnlessItConfirmsItsLowerBound) {
  MeasuredRamp ramp({.a = 0.012, .c = 0.0001}, {1, 2, 4, 2, 4, 4, 2});
  for (std::size_t i = 3; i < ramp.windows.size(); ++i)
    ramp.windows[i].look = Look{.number = i < 5 ? 1u : 2u, .low = 2};
  const Report confirmed = ramp.report();
  EXPECT_FALSE(confirmed.results[0].saturation.ci95);
  EXPECT_EQ(confirmed.results[0].saturation.lower_bound, 2);
  EXPECT_EQ(confirmed.results[0].confirmation->state, "HOLDS")
      << confirmed.results[0].confirmation->explanation;
  EXPECT_EQ(exit_code(confirmed), 0);
  for (StepWindow& window : ramp.windows) window.look.reset();
  const Report once = ramp.report();
  EXPECT_TRUE(once.verdict.has("measured_once"));
  EXPECT_EQ(exit_code(once), 3);
}

TEST(BuildReport, AnInvalidRowAtTheKneeTakesTheTrustAway) {
  MeasuredRamp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {8, 16, 32, 64});
  ramp.windows[2].agent_lost = true;
  const Report report = ramp.report();
  EXPECT_FALSE(report.verdict.valid());
  EXPECT_EQ(exit_code(report), 3);
}

TEST(BuildReport, AnInvalidRowThatDecidesNothingOnlyWarns) {
  const BatchingHost host{.a = 0.012, .c = 0.0002, .cap = 22};
  for (const std::size_t bad : {0u, 1u, 7u}) {  // one of eight: the lowest, the next, the top
    MeasuredRamp ramp(host, {1, 2, 4, 8, 16, 32, 64, 128, 16, 32, 64, 64, 32, 16});
    for (std::size_t i = 8; i < ramp.windows.size(); ++i)
      ramp.windows[i].look = Look{.number = i < 11 ? 1u : 2u, .low = 16, .high = 32};
    ramp.windows[bad].agent_lost = true;
    const Report report = ramp.report();
    EXPECT_EQ(report.results[0].verdict.trust(), Trust::kTrustworthy)
        << bad << ": " << ::testing::PrintToString(report.results[0].verdict.reasons());
    EXPECT_TRUE(report.results[0].verdict.has("agent_lost")) << "it is told all the same";
    EXPECT_FALSE(report.results[0].recommendations.empty()) << bad;
    EXPECT_EQ(exit_code(report), 0);
  }
}

TEST(BuildReport, ARowThatLostAnAgentAndWasRunAgainDecidesNothing) {
  const BatchingHost host{.a = 0.012, .c = 0.0002, .cap = 22};
  const std::vector<std::uint32_t> whole{1, 2, 4, 8, 16, 32, 64, 128, 16, 32, 64, 64, 32, 16};
  std::vector<std::uint32_t> twice = whole;
  twice.insert(twice.begin() + 4, 16);  // below the knee, where an invalid row alone takes the trust away
  MeasuredRamp ramp(host, twice);
  for (std::size_t i = 9; i < ramp.windows.size(); ++i)
    ramp.windows[i].look = Look{.number = i < 12 ? 1u : 2u, .low = 16, .high = 32};
  ramp.windows[4].agent_lost = true;
  RunFacts run = facts();
  run.agents = {{.name = "a"}, {.name = "b", .presence = {.until = 50}}};
  const Report report = build_report(simple_plan(), ramp.run.timeline(ramp.end), ramp.windows, run);
  EXPECT_EQ(report.verdict.trust(), Trust::kTrustworthy)
      << ::testing::PrintToString(report.verdict.reasons());
  EXPECT_EQ(exit_code(report), 0);
  EXPECT_EQ(report.steps_lost, 1u);
  ASSERT_TRUE(report.verdict.has("agent_lost"));
  EXPECT_NE(report.verdict.reasons().at(0).find("one of 2 agents was lost"), std::string::npos);
  EXPECT_FALSE(report.results[0].recommendations.empty());
  const auto& steps = report.results[0].steps;
  ASSERT_EQ(steps.size(), 9u) << "it is shown";
  EXPECT_EQ(steps[4].load(), 16);
  EXPECT_FALSE(steps[4].valid);
  EXPECT_EQ(steps[4].note, "an agent was lost; run again");
  EXPECT_EQ(steps[5].load(), 16);
  EXPECT_TRUE(steps[5].valid);
  EXPECT_EQ(report.results[0].confirmation->state, "HOLDS");
}

TEST(BuildReport, ALossThatEndedTheRunIsNoVerdict) {
  MeasuredRamp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {2});
  RunFacts run = facts();
  run.agents = {{.name = "a", .presence = {.until = 50}}};
  run.fleet_failure = "no agent was left";
  const Report report = build_report(simple_plan(), ramp.run.timeline(ramp.end), ramp.windows, run);
  EXPECT_FALSE(report.verdict.valid());
  EXPECT_EQ(report.verdict.reasons().at(0), "no agent was left");
  EXPECT_EQ(exit_code(report), 5);
}

TEST(BuildReport, TheFirstRowPastTheKneeDecides) {
  MeasuredRamp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {4, 8, 16, 32});
  ramp.windows[3].agent_lost = true;
  const Report report = ramp.report();
  EXPECT_FALSE(report.results[0].saturation.concurrency);
  MeasuredRamp most({.a = 0.012, .c = 0.0002, .cap = 22}, {1, 2});
  for (StepWindow& window : most.windows) window.agent_lost = true;
  const Report none = most.report();
  EXPECT_EQ(none.results[0].verdict.trust(), Trust::kUntrusted);
  EXPECT_TRUE(none.results[0].verdict.has("no_valid_step"));
}

TEST(ExitCode, OnePlaceDecides) {
  Report report;
  EXPECT_EQ(exit_code(report), 0);
  report.verdict.refuse("no_valid_step", "no step is valid");
  EXPECT_EQ(exit_code(report), 3);
  report.agents_lost = 1;
  EXPECT_EQ(exit_code(report), 3) << "others were left";
  report.fleet_failure = "no agent was left";
  EXPECT_EQ(exit_code(report), 5);
  report.stopped_by = "guard rail: ttft_p95 of kneepoint was 9 at second 12, above the limit of 5";
  EXPECT_EQ(exit_code(report), 6);
  report.interrupted = true;
  EXPECT_EQ(exit_code(report), 130);
}

TEST(BuildReport, LostAgentsAndInterruptionsAreReasons) {
  MeasuredRamp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {2});
  RunFacts run = facts();
  run.interrupted = true;
  run.agents = {{.name = "a", .clock_round_trip = std::chrono::milliseconds(1)},
                {.name = "b", .presence = {.until = 50}}};
  const Report report = build_report(simple_plan(), ramp.run.timeline(ramp.end), ramp.windows, run);
  EXPECT_EQ(report.agents, 2u);
  EXPECT_EQ(report.agents_lost, 1u);
  EXPECT_NEAR(*report.clock_uncertainty_seconds, 0.0005, 1e-9);
  EXPECT_FALSE(report.verdict.valid());
  EXPECT_GE(report.verdict.reasons().size(), 2u);
}

}  // namespace
}  // namespace kneepoint::coordinator
