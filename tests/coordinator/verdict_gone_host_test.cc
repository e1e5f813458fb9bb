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
using scenes::MeasuredRamp;
using scenes::simple_plan;

/// A host that is killed at `death`, in the ramp's time, and refuses connections from then on.
struct DyingRamp : MeasuredRamp {
  DyingRamp(std::int64_t death, std::int64_t until, const std::vector<std::uint32_t>& before,
            const std::vector<std::uint32_t>& after)
      : MeasuredRamp({.a = 0.012, .c = 0.0002, .cap = 22}, before) {
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
            "the host stopped answering at 02:00: all 100 requests since then failed (not connected)");
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
  MeasuredRamp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {4, 8, 16, 32, 64});
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
  MeasuredRamp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {4, 8, 16, 32, 64});
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
  MeasuredRamp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {4, 8, 16, 32, 64});
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
  MeasuredRamp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {4, 8, 16, 32, 64});
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
  MeasuredRamp ramp({.a = 0.012, .c = 0.0002, .cap = 22}, {4, 8, 16, 32, 64});
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
  EXPECT_EQ(report.verdict.reasons().at(0).find("in chat on host: the host stopped answering"), 0u)
      << report.verdict.reasons()[0];
}

}  // namespace
}  // namespace kneepoint::coordinator
