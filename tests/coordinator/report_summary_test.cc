#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "coordinator/report/columns.h"
#include "coordinator/report/narrow_table.h"
#include "coordinator/report/summary.h"
#include "coordinator/report/tables.h"
#include "coordinator/report/text.h"
#include "sample_report.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::size_t widest(const std::string& text) {
  std::size_t most = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) most = std::max(most, column_width(line));
  return most;
}

TEST(NarrowTable, FitsEveryWidthAndKeepsWhatMatters) {
  const Report report = testing::sample_report();
  for (const std::size_t width : {60u, 70u, 80u, 100u, 120u}) {
    EXPECT_LE(widest(narrow_header(width)), width);
    for (const Step& step : report.results[0].steps) EXPECT_LE(widest(narrow_line(step, width)), width);
    for (const char* title : {"N", "tok/s", "TTFT p95", "errors"})
      EXPECT_THAT(narrow_header(width), HasSubstr(title)) << width;
  }
  EXPECT_THAT(narrow_header(80), Not(HasSubstr("note")));
  EXPECT_THAT(narrow_header(60), Not(HasSubstr("req/s")));
}

TEST(NarrowTable, IsTheReportsWhereThereIsRoom) {
  const Report report = testing::sample_report();
  const Step& step = report.results[0].steps[1];
  EXPECT_EQ(narrow_header(120), step_header());
  EXPECT_EQ(narrow_line(step, 120), render_step_line(step));
}

TEST(Answer, FitsItsWidth) {
  const Report report = testing::sample_report();
  for (const std::size_t width : {60u, 80u, 120u}) EXPECT_LE(widest(render_answer(report, width)), width);
}

TEST(Answer, SaysWhatOneUserGets) {
  const std::string text = render_answer(testing::sample_report(), 120);
  EXPECT_THAT(text, HasSubstr("One user: first token 39.1 ms, then 65.8 tok/s\n"));
}

TEST(Answer, NamesTheLimitThatBreaks) {
  Report report = testing::sample_report();
  ScenarioResult& result = report.results[0];
  result.slo.joint.reset();
  result.slo.criteria = {
      {.name = "ttft_p95", .limit = 0.5, .concurrency = 32, .ci95 = Interval{32, 64}, .state = "BRACKETED"}};
  result.steps[3].valid = true;
  result.steps[3].slo[0].state = "FAIL";
  EXPECT_THAT(render_answer(report, 200),
              HasSubstr("Your SLO: holds up to 32, breaks at 64 (TTFT p95 2.14 s > 500 ms)\n"));
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
  ScenarioResult result = testing::sample_report().results[0];
  for (Step& step : result.steps) {
    step.requests = {.completed = 97, .failed = 3};
    step.requests.by_outcome.fill(0);
    step.requests.by_outcome[static_cast<std::size_t>(Outcome::kSuccess)] = 97;
    step.requests.by_outcome[static_cast<std::size_t>(Outcome::kRejected)] = 2;
    step.requests.by_outcome[static_cast<std::size_t>(Outcome::kStream)] = 1;
  }
  EXPECT_EQ(errors_line(result), "3 % (8 × 429 or 503, 4 × broken off)");
  for (Step& step : result.steps) step.requests = {.completed = 5};
  EXPECT_EQ(errors_line(result), "none");
}

TEST(Answer, WhatWasNotFoundIsNotGuessed) {
  Report report = testing::sample_report();
  ScenarioResult& result = report.results[0];
  result.saturation = {};
  EXPECT_THAT(render_answer(report, 120), HasSubstr("Full at:  not found\n"));
  result.saturation.lower_bound = 64;
  EXPECT_THAT(render_answer(report, 120), HasSubstr("Full at:  not reached: above 64\n"));
  result.steps.clear();
  EXPECT_THAT(render_answer(report, 120), Not(HasSubstr("One user")));
}

}  // namespace
}  // namespace kneepoint::coordinator
