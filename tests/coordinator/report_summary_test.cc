#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "coordinator/report/columns.h"
#include "coordinator/report/ending.h"
#include "coordinator/report/failures.h"
#include "coordinator/report/narrow_table.h"
#include "coordinator/report/summary.h"
#include "coordinator/report/tables.h"
#include "coordinator/report/text.h"
#include "coordinator/words/bottlenecks.h"
#include "coordinator/words/failures.h"
#include "sample_report.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::size_t widest(const std::string& text) {
  std::size_t most = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) most = std::max(most, column_width(line));
  return most;
}

TEST(NarrowTable, FitsEveryWidthAndKeepsWhatMatters) {
  const Report report = scenes::sample_report();
  for (const std::size_t width : {60u, 70u, 80u, 100u, 120u}) {
    EXPECT_LE(widest(narrow_header(width)), width);
    for (const Step& step : report.results[0].steps) EXPECT_LE(widest(narrow_line(step, width)), width);
    for (const char* title : {"N", "tok/s", "TTFT p95", "errors"})
      EXPECT_THAT(narrow_header(width), HasSubstr(title)) << width;
  }
  EXPECT_THAT(narrow_header(80), Not(HasSubstr("note")));
  EXPECT_THAT(narrow_header(60), Not(HasSubstr("req/s")));
}

TEST(Answer, FitsItsWidth) {
  const Report report = scenes::sample_report();
  for (const std::size_t width : {60u, 80u, 120u}) EXPECT_LE(widest(render_answer(report, width)), width);
}

TEST(Answer, SaysWhatOneUserGets) {
  const std::string text = render_answer(scenes::sample_report(), 120);
  EXPECT_THAT(text, HasSubstr("One user: first token 39.1 ms, then 65.8 tok/s\n"));
}

TEST(Answer, NamesTheLimitThatBreaks) {
  Report report = scenes::sample_report();
  ScenarioResult& result = report.results[0];
  result.slo.joint.reset();
  result.slo.criteria = {
      {.name = "ttft_p95", .limit = 0.5, .concurrency = 32, .ci95 = Interval{32, 64}, .state = "BRACKETED"}};
  result.steps[3].valid = true;
  result.steps[3].slo[0].state = "FAIL";
  EXPECT_THAT(render_answer(report, 200),
              HasSubstr("Your SLO: holds up to 32, breaks at 64 (TTFT p95 2.14 s > 500 ms)\n"));
  // What was measured between the two and not decided must not read as good.
  result.slo.criteria[0].concurrency = 8;
  result.slo.criteria[0].ci95 = Interval{8, 64};
  EXPECT_THAT(
      render_answer(report, 200),
      HasSubstr("Your SLO: holds up to 8, surely breaks at 64 (TTFT p95 2.14 s > 500 ms); not decided "
                "between them\n"));
  result.slo.criteria[0].concurrency = 32;
  result.slo.criteria[0].ci95 = Interval{32, 64};
  // Requests that never answered miss the limit and are in no percentile.
  result.steps[3].ttft_seconds.p95 = 0.4;
  EXPECT_THAT(render_answer(report, 200), HasSubstr("breaks at 64 (TTFT p95 over 500 ms)\n"));
  result.steps[3].valid = false;
  EXPECT_THAT(render_answer(report, 200), HasSubstr("breaks at 64\n"));
  result.slo.criteria[0] = {
      .name = "ttft_p95", .limit = 0.5, .ci95 = Interval{1, 32}, .state = "INDETERMINATE"};
  EXPECT_THAT(render_answer(report, 200), HasSubstr("breaks at 32; not decided below: too few requests\n"));
}

TEST(Answer, FailuresAreCountedByKind) {
  RequestCounts counts{.completed = 388, .failed = 12};
  counts.by_outcome[static_cast<std::size_t>(Outcome::kSuccess)] = 388;
  counts.by_outcome[static_cast<std::size_t>(Outcome::kRejected)] = 8;
  counts.by_outcome[static_cast<std::size_t>(Outcome::kStream)] = 4;
  EXPECT_EQ(errors_words(counts), "3 % (8 × 429 or 503, 4 × broken off)");
  EXPECT_EQ(errors_words({.completed = 5}), "none");
  // It was "1e+02 %", of a host that answered nothing but errors.
  EXPECT_THAT(errors_words({.failed = 3}), testing::StartsWith("100 % ("));
  EXPECT_THAT(errors_words({.completed = 1, .failed = 999}), testing::StartsWith("over 99 % ("));
  EXPECT_THAT(errors_words({.completed = 1, .failed = 1}), testing::StartsWith("50 % ("));
}

TEST(Answer, FailuresThatCameWithAStatusAreCountedByIt) {
  RequestCounts counts{.completed = 388, .failed = 12};
  counts.by_outcome[static_cast<std::size_t>(Outcome::kRejected)] = 8;
  counts.by_outcome[static_cast<std::size_t>(Outcome::kStream)] = 4;
  counts.failures = {{.outcome = "stream", .status = 200, .count = 3},
                     {.outcome = "rejected", .status = 429, .count = 5, .said = "slow down"},
                     {.outcome = "stream", .count = 1}};
  // Of three nobody knows the status: there were too many kinds to tell apart.
  EXPECT_EQ(errors_words(counts), "3 % (5 × 429, 4 × broken off, 3 × 429 or 503)");
  EXPECT_EQ(example_of(counts), "429: slow down");
}

TEST(Answer, WhatAHostSaidStandsBelowTheErrorsInOneLine) {
  const Report report = scenes::sample_report();
  EXPECT_THAT(render_answer(report, 200),
              HasSubstr("Errors:   1.8 % (20 × 429, 8 × 503, 1 × timed out); longest"));
  EXPECT_THAT(render_answer(report, 200),
              HasSubstr("\n          429: {\"error\": \"<b>too many</b> | requests\"}\n"));
  EXPECT_THAT(render_answer(report, 40), HasSubstr("\n          429: {\"error\": \"<b>too …\n"));
}

TEST(Failures, EachKindHasASentence) {
  EXPECT_THAT(
      failure_sentences(scenes::sample_report().results[0],
                        all_requests(scenes::sample_report().results[0].steps)),
      ElementsAre("20 × 429 at 64; one said: {\"error\": \"<b>too many</b> | requests\"}; X-Request-Id "
                  "7f3a-0-4-63-11",
                  "8 × 503 at 64", "1 × timed out at 64; X-Request-Id 7f3a-0-4-2-9"));
}

TEST(Failures, TheSlowestOfAllRowsComeFirst) {
  const Table table = slowest_table(scenes::sample_report().results[0]);
  EXPECT_THAT(table.rows, ElementsAre(ElementsAre("7f3a-0-4-2-8", "3.25 s", "64", "51.5 s"),
                                      ElementsAre("7f3a-0-2-1-4", "700 ms", "16", "20.2 s")));
}

TEST(Answer, WhatWasNotFoundIsNotGuessed) {
  Report report = scenes::sample_report();
  ScenarioResult& result = report.results[0];
  result.saturation = {};
  EXPECT_THAT(render_answer(report, 120),
              HasSubstr("Full at:  not found: the rows from 1 to 32 show no saturation point\n"));
  result.saturation.lower_bound = 64;
  EXPECT_THAT(render_answer(report, 120),
              HasSubstr("Full at:  above 64 (not reached): scan to 128 to see where\n"));
  result.verdict.refuse("target_down", "it is gone");
  EXPECT_THAT(render_answer(report, 120), HasSubstr("Full at:  above 64 (not reached)\n"));
  result.steps.clear();
  EXPECT_THAT(render_answer(report, 120), Not(HasSubstr("One user")));
  ScenarioResult& short_words = report.results[0];
  short_words.slo.joint.reset();
  short_words.slo.criteria = {
      {.name = "ttft_p95", .limit = 0.5, .concurrency = 16, .state = "INDETERMINATE"}};
  EXPECT_EQ(answer_words(short_words), "full above 64 (not reached), SLO holds up to 16 at least");
  short_words.slo.criteria[0].state = "PASS";
  EXPECT_EQ(answer_words(short_words), "full above 64 (not reached), SLO holds up to 16 at least");
}

TEST(Answer, SessionsAreCalledSo) {
  Report report = scenes::sample_report();
  ScenarioResult& result = report.results[0];
  for (Step& step : result.steps) step.thinking = 0.5 * step.concurrency;
  result.saturation = {.concurrency = 45, .ci95 = Interval{44, 46}};
  EXPECT_THAT(render_answer(report, 120), HasSubstr("Full at:  45 sessions"));
  result.saturation.concurrency.reset();
  EXPECT_THAT(render_answer(report, 120), HasSubstr("Full at:  between 44 and 46 sessions"));
  result.saturation = {.lower_bound = 64};
  EXPECT_THAT(render_answer(report, 120), HasSubstr("Full at:  above 64 sessions (not reached)"));
}

/// The engine's queue shows before twice the knee's load was scanned, which is where a knee shows.
TEST(Answer, WhatGivesOutBeforeTheKneeIsSeenComesWithHowFarToScan) {
  Report report = scenes::sample_report();
  ScenarioResult& result = report.results[0];
  result.saturation = {.lower_bound = 16, .bottleneck = "queue_slots"};
  for (Step& step : result.steps) step.valid = true;
  Step& top = result.steps.back();
  top.telemetry = StepTelemetry{};
  top.telemetry->page.state = "covered";
  top.telemetry->running_mean = 48;
  top.telemetry->waiting_mean = 16;
  EXPECT_THAT(render_answer(report, 300),
              HasSubstr("Full at:  above 16 (not reached): scan to 128 to see where; close to it already: "
                        "queue_slots; at 64 the engine had 48 running and 16 waiting → more slots (vLLM: "
                        "--max-num-seqs) or a replica\n"));
}

TEST(Answer, OneLoadAsksForNoSaturationPoint) {
  Report report = scenes::sample_report();
  ScenarioResult& result = report.results[0];
  result.saturation = {};
  result.steps[1].valid = false;
  result.steps.resize(2);
  EXPECT_THAT(render_answer(report, 120), HasSubstr("Full at:  not found: only the row at 1 is valid\n"));
  result.steps.resize(1);
  EXPECT_THAT(render_answer(report, 120),
              HasSubstr("Full at:  not asked: 1 is the only load; it takes several\n"));
}

TEST(Answer, EveryBottleneckHasAWayOut) {
  // As docs/report.md lists them.
  for (const char* name :
       {"client", "network", "before_engine", "front_end", "scheduler", "prefill", "admission", "errors",
        "router", "kv_transfer", "decode", "queue_slots", "kv_cache", "compute", "memory_bandwidth"})
    EXPECT_FALSE(way_out(name).empty()) << name;
  EXPECT_EQ(bottlenecks().size(), 15u);
  EXPECT_EQ(way_out(""), "");
}

/// A run of many cells, with sentences that are longer than a terminal is wide.
Report long_report(std::size_t results) {
  Report report = scenes::sample_report();
  ScenarioResult result = report.results[0];
  result.recommendations[0].basis = std::string(400, 'w');
  for (std::size_t at = 10; at < 400; at += 10) result.recommendations[0].basis[at] = ' ';
  report.verdict.refuse("moved", result.recommendations[0].basis);
  report.results.assign(results, result);
  return report;
}

TEST(Ending, IsAtMostFifteenLinesThatFit) {
  for (const std::size_t results : {1u, 2u, 9u, 40u}) {
    for (const std::size_t width : {60u, 80u, 120u}) {
      const std::string text = render_ending(long_report(results), "runs/x", Detail::kAnswer, width);
      EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 15) << text;
      EXPECT_LE(widest(text), width) << text;
    }
  }
}

TEST(Ending, SaysWhatItIsWorthAndWhatToDo) {
  Report report = scenes::sample_report();
  report.verdict.reserve("measured_once", "what is claimed was measured once");
  const std::string text = render_ending(report, "runs/x", Detail::kAnswer, 120);
  EXPECT_THAT(text, HasSubstr("VERDICT:  with reservations: what is claimed was measured once\n"));
  EXPECT_THAT(text, HasSubstr("Next:     leave out 'confirm: false'"));
  EXPECT_THAT(text, HasSubstr("Plan by:  interactive; 16 requests in flight: meets all limits together\n"));
  EXPECT_TRUE(text.ends_with("report: runs/x/report.html\n")) << text;
  EXPECT_THAT(text, Not(HasSubstr("Definitions")));
}

TEST(Ending, WithNothingToDoNamesTheTables) {
  Report report = scenes::sample_report();
  report.verdict = {};
  EXPECT_THAT(render_ending(report, "runs/x", Detail::kAnswer, 120),
              HasSubstr("VERDICT:  trustworthy\nNext:     every table: kneepoint report --full runs/x\n"));
}

TEST(Ending, SeveralResultsAreALineEach) {
  const std::string text = render_ending(long_report(9), "runs/x", Detail::kAnswer, 100);
  EXPECT_THAT(text, HasSubstr("full at  SLO"));
  EXPECT_THAT(text, HasSubstr("and 4 more in the report\n"));
}

TEST(Ending, OfASoakIsWhatItFound) {
  Report report = scenes::sample_report();
  report.results[0].soak = Finding{.state = "STEADY", .explanation = "8 requests in flight held for 60 s."};
  EXPECT_THAT(render_ending(report, "runs/x", Detail::kAnswer, 100),
              HasSubstr("Soak:     8 requests in flight held for 60 s.\n"));
}

TEST(Ending, BeginsWithTheThresholds) {
  Report report = scenes::sample_report();
  report.thresholds = {{"n_slo<16", "HELD", "16 to 32"},
                       {"n_sat<20", "UNCHECKED", "too wide"},
                       {"ttft_p95@32>600ms", "MISSED", "660 ms at 32"}};
  EXPECT_THAT(render_ending(report, "runs/x", Detail::kAnswer, 80),
              ::testing::StartsWith("✓ n_slo<16: 16 to 32\n? n_sat<20: UNCHECKED: too wide\n"
                                    "✗ ttft_p95@32>600ms: 660 ms at 32\nOne user:"));
  EXPECT_THAT(
      render_ending(report, "runs/x", Detail::kLine, 80),
      ::testing::StartsWith("✗ ttft_p95@32>600ms: 660 ms at 32 (and 1 threshold more); trustworthy: full"));
  report.thresholds.resize(1);
  EXPECT_THAT(render_ending(report, "runs/x", Detail::kLine, 80),
              ::testing::StartsWith("✓ 1 threshold held; "));
}

TEST(Ending, InOneLineForALog) {
  const std::string text = render_ending(scenes::sample_report(), "runs/x", Detail::kLine, 60);
  EXPECT_THAT(text, ::testing::StartsWith("trustworthy: full 22.3"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST(Ending, InFullIsTheWholeText) {
  const Report report = scenes::sample_report();
  EXPECT_THAT(render_ending(report, "runs/x", Detail::kAll, 120), ::testing::StartsWith(render_text(report)));
  EXPECT_LE(widest(render_ending(report, "runs/x", Detail::kAll, 60)), 60u);
}

}  // namespace
}  // namespace kneepoint::coordinator
