#include "coordinator/words/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/report/tables.h"
#include "coordinator/verdict/saturation.h"
#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using scenes::BatchingHost;
using scenes::known_step;

/// The rows of a host at these steps, with TTFT growing by what queues.
std::vector<Step> rows_of(const BatchingHost& host, const std::vector<std::uint32_t>& steps) {
  std::vector<Step> rows;
  for (const std::uint32_t n : steps) {
    const double x = host.throughput(n);
    const double b = std::min<double>(n, static_cast<double>(host.cap));
    rows.push_back(known_step(n, x, 0.003));
    rows.back().tpot_seconds.p50 = host.a + host.c * b;
    rows.back().ttft_seconds.p50 = host.a + (n - b) * static_cast<double>(host.tokens) / x;
  }
  return rows;
}

ScenarioResult result_of(std::vector<Step> rows) {
  ScenarioResult result{.target = "host", .scenario = "chat", .steps = std::move(rows)};
  result.saturation = find_saturation(result.steps, {});
  return result;
}

std::string sentence_of(std::vector<Step> rows) {
  return saturation_sentence(result_of(std::move(rows)));
}

TEST(SaturationSentence, HardKnee) {
  EXPECT_EQ(sentence_of(rows_of({.a = 0.010, .c = 0.0001, .cap = 32}, {8, 16, 24, 28, 30, 32, 36, 48, 64})),
            "chat on host saturates at 29.9 requests in flight (between 28 and 30.7), hard knee; at most "
            "2,424 output tok/s.");
}

TEST(SaturationSentence, SoftKneeNamesNoBottleneckWithoutTelemetry) {
  EXPECT_EQ(sentence_of(rows_of({.a = 0.010, .c = 0.005}, {4, 8, 12, 16, 18, 20, 24, 32, 36, 40, 48})),
            "chat on host saturates at 18.0 requests in flight (between 16 and 19.2), soft knee; at most 192 "
            "output "
            "tok/s.");
}

TEST(SaturationSentence, NotReachedIsALowerBoundAndSaysHowFarTheScanWent) {
  EXPECT_EQ(sentence_of(rows_of({.a = 0.010, .c = 0.0001}, {1, 2, 4, 8, 16, 32, 64})),
            "chat on host was not seen to saturate up to 64 requests in flight, the most that was tried: its "
            "saturation point lies above 32; at most 3,902 output tok/s.");
}

TEST(SaturationSentence, NotReachedSaysWhatWasTriedBeyond) {
  auto rows = rows_of({.a = 0.010, .c = 0.0001}, {1, 2, 4, 8, 16, 32, 64});
  rows.back().invalidate("CLIENT_BOUND", "a generator thread was busy 92 % of the time");
  EXPECT_NE(
      sentence_of(rows).find("up to 32 requests in flight, the most of which a row is valid (64 was tried): "
                             "its saturation point lies above 16"),
      std::string::npos)
      << sentence_of(rows);
}

/// A host that is full at 24 may well look so at 40, and still nothing names the point: the scan ends too
/// early.
TEST(SaturationSentence, NotReachedSaysHowFarToScan) {
  const auto result = result_of(rows_of({.a = 0.010, .c = 0.0001, .cap = 24}, {4, 8, 16, 32, 40}));
  EXPECT_FALSE(result.saturation.concurrency);
  EXPECT_NE(saturation_text(result).find("Scan to 80 requests in flight or more: a saturation point shows "
                                         "only once twice its load was measured."),
            std::string::npos)
      << saturation_text(result);
}

TEST(SaturationSentence, WhatGivesOutBeforeTheKneeIsSeenIsNotTheKnee) {
  auto result = result_of(rows_of({.a = 0.010, .c = 0.0001}, {1, 2, 4, 8, 16, 32, 64}));
  result.saturation.bottleneck = "queue_slots";
  EXPECT_THAT(saturation_sentence(result),
              testing::HasSubstr("lies above 32; close to it already: queue_slots; at most"));
  EXPECT_THAT(saturation_text(result),
              testing::EndsWith(" The way out: more slots (vLLM: --max-num-seqs) or a replica."));
}

TEST(SaturationSentence, CollapseIsSaidAndWhereItBegins) {
  auto rows = rows_of({.a = 0.010, .c = 0.0001, .cap = 32}, {8, 16, 24, 28, 30, 32, 36, 48, 64});
  rows.push_back(rows.back());
  for (int twice = 0; twice < 2; ++twice) rows.push_back(known_step(96, 1500, 0.003));
  const ScenarioResult result = result_of(rows);
  EXPECT_EQ(result.saturation.shape, std::vector<std::string>{"collapse"});
  EXPECT_NE(saturation_sentence(result).find("; past its peak throughput collapses; at most"),
            std::string::npos);
  EXPECT_NE(
      result.saturation.explanation.find("Throughput collapses: 1,500 tok/s at 96 after 2,424 tok/s at 32."),
      std::string::npos)
      << result.saturation.explanation;
}

TEST(SaturationSentence, TwoPeaksAreSaid) {
  auto rows = rows_of({.a = 0.010, .c = 0.0001, .cap = 32}, {8, 16, 24, 28, 30, 32, 64});
  rows.push_back(rows[5]);  // every row that a peak is told by was measured again
  for (int twice = 0; twice < 2; ++twice) {
    rows.push_back(known_step(96, 1500, 0.003));
    rows.push_back(known_step(128, 2300, 0.003));
  }
  const ScenarioResult result = result_of(rows);
  EXPECT_EQ(result.saturation.shape, (std::vector<std::string>{"collapse", "two peaks"}));
  EXPECT_NE(saturation_sentence(result).find("; its throughput has two peaks;"), std::string::npos);
  EXPECT_NE(result.saturation.explanation.find("(2,424 tok/s at 32, 1,500 tok/s at 96, 2,300 tok/s at 128)"),
            std::string::npos)
      << result.saturation.explanation;
}

TEST(SaturationSentence, ACliffIsReportedByItsBracket) {
  auto rows = rows_of({.a = 0.010, .c = 0.0001, .cap = 32}, {8, 16, 24, 32, 36, 48, 64});
  rows[5].ttft_seconds.p95 = 0.45;
  rows[6].ttft_seconds.p95 = 2.5;
  const ScenarioResult result = result_of(rows);
  EXPECT_EQ(result.saturation.shape, std::vector<std::string>{"cliff"});
  EXPECT_NE(result.saturation.explanation.find("TTFT falls off a cliff: p95 450 ms at 48, 2.50 s at 64."),
            std::string::npos)
      << result.saturation.explanation;
}

TEST(SaturationSentence, ACliffIsOfOneFigure) {
  auto rows = rows_of({.a = 0.010, .c = 0.0001, .cap = 32}, {8, 16, 24, 32, 36, 48, 64});
  rows[6].ttft_seconds.p95 = 2.5;  // too few requests at 48 for one: its median says nothing of that
  rows[5].ttft_seconds.p50 = rows[6].ttft_seconds.p50 = 0.3;
  EXPECT_TRUE(result_of(rows).saturation.shape.empty());
  rows[6].ttft_seconds.p50 = 2.1;
  EXPECT_NE(result_of(rows).saturation.explanation.find("cliff: p50 300 ms at 48, 2.10 s at 64."),
            std::string::npos);
  // Of an open loop too, whose rows share their max_in_flight.
  for (Step& row : rows) {
    row.offered_rate = row.concurrency;
    row.concurrency = 512;
  }
  EXPECT_NE(result_of(rows).saturation.explanation.find("cliff: p50 300 ms at 48/s, 2.10 s at 64/s."),
            std::string::npos)
      << result_of(rows).saturation.explanation;
}

TEST(SaturationSentence, OneConcurrencyIsNoRamp) {
  Step step = known_step(8, 700);
  step.ttft_seconds.p50 = 0.05;
  EXPECT_EQ(
      sentence_of({step}),
      "chat on host gave 700 output tok/s, TTFT p50 50.0 ms at 8 requests in flight, the one load that was "
      "measured.");
  step.ttft_seconds.p50 = std::nullopt;  // without streaming
  step.e2e_seconds.p50 = 2;
  EXPECT_THAT(sentence_of({step}),
              testing::StartsWith("chat on host gave 700 output tok/s, E2E p50 2.00 s at 8"));
  Step broken = known_step(16, 700);
  broken.invalidate("INCOMPLETE", "not every agent delivered every second of it");
  EXPECT_THAT(sentence_of({step, broken}), testing::EndsWith("the one load of which a row is valid."));
}

TEST(SaturationSentence, RatesAreRates) {
  std::vector<Step> rows = {known_step(512, 700, 0.2), known_step(512, 800, 0.2)};
  rows[0].offered_rate = 10;
  rows[1].offered_rate = 15;
  EXPECT_NE(
      sentence_of(rows).find(
          "gives no clear answer: 2 valid rows between 10 and 15 requests per second show no saturation"),
      std::string::npos)
      << sentence_of(rows);
}

/// Nobody counted the tokens of answers that are not streamed and have no usage.
TEST(SaturationSentence, WithoutTokensItIsAboutRequests) {
  const auto uncounted = [](std::uint32_t n, double x) {
    Step step = known_step(n, x, 0.002);
    step.requests_per_second = step.output_tokens_per_second;
    step.output_tokens_per_second = {};
    step.e2e_seconds.p50 = 2;
    return step;
  };
  EXPECT_EQ(sentence_of({uncounted(8, 13.25)}),
            "chat on host gave 13.2 req/s, E2E p50 2.00 s at 8 requests in flight, the one load that was "
            "measured.");
  std::vector<Step> rows;
  for (const std::uint32_t n : {5, 10, 20, 40, 80}) rows.push_back(uncounted(n, std::min(n, 20u)));
  const ScenarioResult result = result_of(rows);
  ASSERT_TRUE(result.saturation.ci95);
  EXPECT_LE(result.saturation.ci95->low, 19);
  EXPECT_GE(result.saturation.ci95->high, 19);
  EXPECT_FALSE(result.saturation.max_output_tokens_per_second);
  EXPECT_NE(saturation_sentence(result).find("; at most 20 req/s."), std::string::npos)
      << saturation_sentence(result);
  rows[3].requests_per_second = {14, Interval{13.9, 14.1}, 0.05};
  rows[4].requests_per_second = {12, Interval{11.9, 12.1}, 0.05};
  rows.push_back(rows[2]);
  rows.push_back(rows[3]);
  EXPECT_NE(result_of(rows).saturation.explanation.find(
                "Throughput collapses: 14 req/s at 40 after 20 req/s at 20."),
            std::string::npos)
      << result_of(rows).saturation.explanation;
}

TEST(SaturationSentence, RepeatedLoadsAreStepsToo) {
  EXPECT_NE(sentence_of({known_step(16, 1000, 0.2), known_step(24, 1100, 0.2), known_step(16, 1010, 0.2)})
                .find(": 3 valid rows between 16 and 24 "),
            std::string::npos);
}

TEST(SaturationSentence, AMovingLoadIsASurvey) {
  Step step = known_step(8, 700);
  step.warn("MOVING", "");
  EXPECT_EQ(sentence_of({step}).substr(sentence_of({known_step(8, 700)}).size()),
            " A survey: the load moved all the time. A stepped ramp or a search confirms it.");
}

TEST(SaturationSentence, NoValidStepIsNoAnswer) {
  Step step = known_step(8, 700);
  step.invalidate("INCOMPLETE", "not every agent delivered every second of it");
  EXPECT_EQ(sentence_of({step}), "chat on host gives no answer: no step is valid.");
}

TEST(SaturationSentence, WideIntervalsAreIndeterminate) {
  const std::vector<Step> rows = {known_step(16, 1000, 0.2), known_step(24, 1100, 0.2)};
  EXPECT_EQ(sentence_of(rows),
            "chat on host gives no clear answer: 2 valid rows between 16 and 24 requests in flight show no "
            "saturation point; "
            "at most 1,100 output tok/s.");
}

TEST(SaturationSentence, ASoakHasItsOwn) {
  ScenarioResult result = result_of({known_step(8, 700)});
  result.soak = Finding{.state = "STEADY", .explanation = "8 requests in flight held for 4 h."};
  EXPECT_EQ(saturation_sentence(result), "chat on host under soak: 8 requests in flight held for 4 h.");
}

TEST(Brief, OfASearchTheLongestValidRowOfEachConcurrencyRising) {
  ScenarioResult result{.target = "host", .scenario = "chat"};
  const auto add = [&](std::uint32_t n, double seconds, bool scout, bool valid = true) {
    result.steps.push_back(known_step(n, 100.0 * n));
    result.steps.back().duration_seconds = seconds;
    result.steps.back().scout = scout;
    if (!valid) result.steps.back().invalidate("UNSTEADY", "");
  };
  add(1, 20, true);
  add(4, 20, true);
  add(2, 20, true);
  add(2, 240, false, false);
  add(2, 60, false);
  add(1, 60, false);
  const ScenarioResult shown = brief(result);
  ASSERT_EQ(shown.steps.size(), 3u);
  EXPECT_EQ(shown.steps[0].concurrency, 1u);
  EXPECT_EQ(shown.steps[0].duration_seconds, 60);
  EXPECT_EQ(shown.steps[1].duration_seconds, 60);
  EXPECT_TRUE(shown.steps[1].valid);
  EXPECT_EQ(shown.steps[2].concurrency, 4u);
  EXPECT_EQ(brief_note(result).find("3 of 6 rows are shown"), 0u);
  for (Step& step : result.steps) step.scout = false;
  EXPECT_EQ(brief(result).steps.size(), 6u);
  EXPECT_EQ(brief_note(result), "");
}

}  // namespace
}  // namespace kneepoint::coordinator
