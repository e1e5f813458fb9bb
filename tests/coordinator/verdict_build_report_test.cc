#include "coordinator/verdict/build_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/report/sentences.h"
#include "coordinator/results/exit_code.h"
#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using testing::BatchingHost;
using testing::KnownRun;
using testing::simple_plan;

RunFacts facts() {
  return {
      .run_id = "r1", .version = "0.1.0", .duration = std::chrono::seconds(70), .agents = {{.name = "a"}}};
}

/// A whole ramp against the batching host, each step on its own stretch of the run, warm-up 2 s, hold 8 s.
struct Ramp {
  std::vector<SloLimit> limits = {{SloMetric::kTtft, 0.95, std::chrono::milliseconds(500)}};
  KnownRun run{limits};
  std::vector<StepWindow> windows;
  std::int64_t end = 0;

  Ramp(const BatchingHost& host, const std::vector<std::uint32_t>& steps) {
    std::uint64_t epoch = 0;
    for (const std::uint32_t n : steps) {
      const double begin = static_cast<double>(end);
      host.run(run, begin, begin + 10, n, {.epoch = ++epoch}, 0.5);
      windows.push_back({.concurrency = n, .epoch = epoch, .begin = end + 2, .end = end + 10});
      end += 30;  // the last requests of a step end before the next begins
    }
  }
  Report report() { return build_report(simple_plan(limits), run.timeline(end), windows, facts()); }
};

TEST(BuildReport, FindsTheHardCapOfASimulatedHost) {
  const BatchingHost host{.a = 0.012, .c = 0.0002, .cap = 22};
  Ramp ramp(host, {1, 2, 4, 8, 16, 32, 64, 16, 32, 64, 64, 32, 16});
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
  Ramp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {8, 16, 32, 64});
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
  ASSERT_TRUE(shared.steps.front().telemetry);
  shared.steps.front().telemetry->gpu.process_memory_peak_bytes = 2e9;
  EXPECT_EQ(shared.peak_gpu_memory_bytes(), 2e9);
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
  Ramp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {8, 16});
  const Report report = ramp.report();
  for (const Step& step : report.results.at(0).steps) EXPECT_FALSE(step.telemetry);
}

TEST(BuildReport, AGuardRailThatStoppedTheRunIsSaid) {
  Ramp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {2, 4});
  RunFacts run = facts();
  run.stopped_by = "guard rail: waiting of http://h/metrics was 21 at second 9, above the limit of 20";
  const Report report = build_report(simple_plan(), ramp.run.timeline(ramp.end), ramp.windows, run);
  EXPECT_FALSE(report.verdict.valid());
  EXPECT_EQ(report.verdict.reasons().at(0), "the run was stopped by a " + run.stopped_by);
  EXPECT_TRUE(report.results.at(0).steps.at(0).valid) << "what was measured before stands";
  EXPECT_EQ(exit_code(report), 6);
}

TEST(BuildReport, NamesTheFileThatTheRequestsWereMadeOf) {
  Ramp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {2, 4});
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
  Ramp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {2, 4});
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
  Ramp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {8, 16, 32, 64});
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
            "the host never answered: 100 of 100 requests failed (connect 100)");
  EXPECT_EQ(report.results[0].steps[0].error_ratio, 1);
  EXPECT_FALSE(report.results[0].steps[0].ttft_seconds.mean);
}

TEST(BuildReport, AScanThatIsTooShortIsMeasuredOnceUnlessItConfirmsItsLowerBound) {
  Ramp ramp({.a = 0.012, .c = 0.0001}, {1, 2, 4, 2, 4, 4, 2});
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
  Ramp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {8, 16, 32, 64});
  ramp.windows[2].agent_lost = true;
  const Report report = ramp.report();
  EXPECT_FALSE(report.verdict.valid());
  EXPECT_EQ(exit_code(report), 3);
}

TEST(BuildReport, AnInvalidRowThatDecidesNothingOnlyWarns) {
  const BatchingHost host{.a = 0.012, .c = 0.0002, .cap = 22};
  for (const std::size_t bad : {0u, 1u, 7u}) {  // one of eight: the lowest, the next, the top
    Ramp ramp(host, {1, 2, 4, 8, 16, 32, 64, 128, 16, 32, 64, 64, 32, 16});
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
  Ramp ramp(host, twice);
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
  Ramp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {2});
  RunFacts run = facts();
  run.agents = {{.name = "a", .presence = {.until = 50}}};
  run.fleet_failure = "no agent was left";
  const Report report = build_report(simple_plan(), ramp.run.timeline(ramp.end), ramp.windows, run);
  EXPECT_FALSE(report.verdict.valid());
  EXPECT_EQ(report.verdict.reasons().at(0), "no agent was left");
  EXPECT_EQ(exit_code(report), 5);
}

TEST(BuildReport, TheFirstRowPastTheKneeDecides) {
  Ramp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {4, 8, 16, 32});
  ramp.windows[3].agent_lost = true;
  const Report report = ramp.report();
  EXPECT_FALSE(report.results[0].saturation.concurrency);
  Ramp most({.a = 0.012, .c = 0.0002, .cap = 22}, {1, 2});
  for (StepWindow& window : most.windows) window.agent_lost = true;
  const Report none = most.report();
  EXPECT_EQ(none.results[0].verdict.trust(), Trust::kUntrusted);
  EXPECT_TRUE(none.results[0].verdict.has("no_valid_step"));
}

/// A host that is killed at `death`, in the ramp's time, and refuses connections from then on.
struct DyingRamp : Ramp {
  DyingRamp(std::int64_t death, std::int64_t until, const std::vector<std::uint32_t>& before,
            const std::vector<std::uint32_t>& after)
      : Ramp({.a = 0.012, .c = 0.0002, .cap = 22}, before) {
    for (const std::uint32_t n : after) {
      windows.push_back({.concurrency = n, .epoch = 100 + n, .begin = end + 2, .end = end + 10});
      end += 10;
    }
    for (std::int64_t s = death; s < std::min(until, end); ++s) {
      for (int i = 0; i < 5; ++i) {
        const double at = static_cast<double>(s) + 0.2 * i;
        run.add({.start = at, .end = at + 0.001, .outcome = Outcome::kConnect, .key = {.epoch = 101}});
      }
    }
  }
};

TEST(BuildReport, AHostThatIsGoneIsNoFinding) {
  DyingRamp ramp(120, 1000, {1, 2, 4, 8}, {16, 32});
  const Report report = ramp.report();
  const ScenarioResult& result = report.results.at(0);
  EXPECT_EQ(result.verdict.trust(), Trust::kUntrusted);
  EXPECT_EQ(result.verdict.remarks().at(0).code, "target_down");
  EXPECT_EQ(result.verdict.remarks().at(0).text,
            "the host stopped answering at 02:00: 100 of 100 requests since failed (connect 100)");
  EXPECT_FALSE(result.saturation.concurrency);
  EXPECT_EQ(result.saturation.bottleneck, "");
  EXPECT_TRUE(result.recommendations.empty());
  EXPECT_FALSE(result.verdict.has("not_saturated")) << "no higher load would tell";
  for (const Step& step : result.steps) {
    EXPECT_EQ(step.valid, step.concurrency <= 8) << step.concurrency;
    EXPECT_EQ(step.has_flag("TARGET_DOWN"), step.concurrency > 8) << step.concurrency;
    EXPECT_EQ(step.state == "COLLAPSING", false) << step.concurrency;
  }
  EXPECT_NE(result.slo.criteria.at(0).state, "BRACKETED") << "no limit fails because a host is gone";
  EXPECT_EQ(exit_code(report), 3);
}

/// A page whose counters grow by `rate` a second, and begin anew at `restart`; of a page that shows two pods
/// in turn the other one is far behind.
TelemetrySeries page_of(std::int64_t end, std::int64_t restart, bool two_pods) {
  TelemetrySeries telemetry;
  for (std::int64_t second = 0; second < end; ++second) {
    const std::int64_t age = second < restart ? second + 1000 : second - restart;
    const double count = static_cast<double>(two_pods && second % 3 == 0 ? second : age);
    telemetry.add({second,
                   "host",
                   "http://h/metrics",
                   {{Signal::kGenerationTokens, 64 * count}, {Signal::kPromptTokens, 9 * count}},
                   {}});
  }
  return telemetry;
}

TEST(BuildReport, AnEngineThatBeganAnewMakesTwoHostsOfARow) {
  Ramp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {4, 8, 16, 32, 64});
  const std::int64_t restart = ramp.windows[1].begin + 3;
  const Report report = build_report(simple_plan(), ramp.run.timeline(ramp.end), ramp.windows, facts(),
                                     page_of(ramp.end, restart, false));
  const ScenarioResult& result = report.results.at(0);
  EXPECT_FALSE(result.steps[1].valid);
  EXPECT_TRUE(result.steps[1].has_flag("RESTARTED"));
  EXPECT_TRUE(result.steps[2].valid);
  EXPECT_TRUE(result.verdict.has("restarted"));
  EXPECT_EQ(result.verdict.trust(), Trust::kReserved);
}

TEST(BuildReport, AProcessThatStartedLaterIsAnother) {
  Ramp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {4, 8, 16, 32, 64});
  const std::int64_t restart = ramp.windows[1].begin + 3;
  for (const bool rotating : {false, true}) {
    TelemetrySeries telemetry;
    for (std::int64_t second = 0; second < ramp.end; ++second) {
      const bool later = rotating ? second % 3 == 0 : second >= restart;
      telemetry.add(
          {second, "host", "http://h/metrics", {{Signal::kProcessStart, later ? 1.7e9 + 60 : 1.7e9}}, {}});
    }
    const Report report =
        build_report(simple_plan(), ramp.run.timeline(ramp.end), ramp.windows, facts(), telemetry);
    EXPECT_EQ(report.results.at(0).verdict.has("restarted"), !rotating);
    EXPECT_EQ(report.results.at(0).steps[1].valid, rotating);
  }
}

/// Histograms of milliseconds: the engine would hold a thousand requests for each that was sent.
TEST(BuildReport, TimesThatAreLongerThanTheRequestsAreNone) {
  Ramp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {4, 8, 16, 32, 64});
  for (const double unit : {1.0, 1000.0}) {
    TelemetrySeries telemetry;
    const Timeline timeline = ramp.run.timeline(ramp.end);
    double tokens = 0, held = 0;
    for (const auto& [second, data] : timeline.seconds()) {
      telemetry.add({second,
                     "host",
                     "http://h/metrics",
                     {{Signal::kGenerationTokens, tokens}, {Signal::kInferenceTimeSum, held * unit}},
                     {}});
      for (const auto& [key, stats] : data.series) {
        for (const int half : {0, 1})
          tokens += static_cast<double>(stats.reported_tokens.at(half) + stats.unreported_chunks.at(half));
        held += stats.in_flight;
      }
    }
    const Report report = build_report(simple_plan(), timeline, ramp.windows, facts(), telemetry);
    const Step& step = report.results.at(0).steps.at(2);
    ASSERT_TRUE(step.telemetry);
    EXPECT_EQ(step.telemetry->page.state, "covered");
    EXPECT_EQ(step.has_flag("PAGE_TIMES"), unit > 1);
    EXPECT_EQ(step.telemetry->running_by_time.has_value(), unit == 1);
  }
}

/// A process that says since when it runs is the better witness: a page may begin its counters anew for
/// itself.
TEST(BuildReport, CountersThatBeginAnewInTheSameProcessAreNoRestart) {
  Ramp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {4, 8, 16, 32, 64});
  TelemetrySeries telemetry;
  for (TelemetrySample sample : page_of(ramp.end, ramp.windows[1].begin + 3, false).samples()) {
    sample.values[Signal::kProcessStart] = 1.7e9;
    telemetry.add(std::move(sample));
  }
  const Report report =
      build_report(simple_plan(), ramp.run.timeline(ramp.end), ramp.windows, facts(), telemetry);
  EXPECT_FALSE(report.results.at(0).verdict.has("restarted"));
  EXPECT_TRUE(report.results.at(0).steps[1].valid);
}

TEST(BuildReport, APageOfOnePodAfterTheOtherIsNoRestart) {
  Ramp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {4, 8, 16, 32, 64});
  const Report report = build_report(simple_plan(), ramp.run.timeline(ramp.end), ramp.windows, facts(),
                                     page_of(ramp.end, 100000, true));
  EXPECT_FALSE(report.results.at(0).verdict.has("restarted"));
  for (const Step& step : report.results.at(0).steps) EXPECT_FALSE(step.has_flag("RESTARTED"));
}

TEST(BuildReport, AnotherResultIsNotTouched) {
  DyingRamp ramp(120, 1000, {1, 2, 4, 8}, {16, 32});
  Plan plan = simple_plan(ramp.limits);
  plan.scenarios.push_back(plan.scenarios[0]);
  plan.scenarios[1].name = "batch";
  BatchingHost{.a = 0.012, .c = 0.0002, .cap = 22}.run(ramp.run, 200, 210, 4, {.cell = 1, .epoch = 200}, 0.5);
  ramp.windows.push_back({.cell = 1, .concurrency = 4, .epoch = 200, .begin = 202, .end = 210});
  const Report report = build_report(plan, ramp.run.timeline(230), ramp.windows, facts());
  ASSERT_EQ(report.results.size(), 2u);
  EXPECT_EQ(report.results[0].verdict.trust(), Trust::kUntrusted);
  EXPECT_EQ(report.results[1].verdict.trust(), Trust::kTrustworthy);
  EXPECT_EQ(report.verdict.trust(), Trust::kUntrusted) << "the exit code is that of the worst";
  EXPECT_EQ(report.verdict.reasons().at(0).find("chat on host: the host stopped answering"), 0u)
      << report.verdict.reasons()[0];
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
  Ramp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {2});
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
