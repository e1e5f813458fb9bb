#include "coordinator/compare/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "coordinator/compare/metrics.h"
#include "coordinator/plan/threshold.h"
#include "coordinator/results/exit_code.h"
#include "sample_report.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;

/// Its rows: 1, 16, 32 and an invalid 64 with failures.
ThresholdOutcome held(const std::string& text, const Report& report) {
  const auto threshold = parse_threshold(text, ThresholdUse::kRun);
  EXPECT_TRUE(threshold) << text;
  return threshold ? hold_against({*threshold}, report).front() : ThresholdOutcome{};
}

std::string state(const std::string& text, const Report& report = scenes::sample_report()) {
  return held(text, report).state;
}

TEST(Gate, HoldsARowAgainstItsLimit) {
  EXPECT_EQ(state("ttft_p95@32>700ms"), "HELD");
  const ThresholdOutcome missed = held("ttft_p95@32>600ms", scenes::sample_report());
  EXPECT_EQ(missed.state, "MISSED");
  EXPECT_EQ(missed.expression, "ttft_p95@32>600ms");
  EXPECT_THAT(missed.explanation, HasSubstr("660 ms at 32"));
  EXPECT_EQ(state("throughput@32<1000"), "HELD");
  EXPECT_EQ(state("throughput@32<1400"), "MISSED");
}

TEST(Gate, WithoutALoadEveryRowIsHeld) {
  Report report = scenes::sample_report();
  report.results[0].steps.pop_back();
  EXPECT_EQ(state("tpot_p50>20ms", report), "HELD");
  EXPECT_THAT(held("ttft_p50>50ms", report).explanation, HasSubstr("62.2 ms ± 1.87 ms at 16; 412 ms"));
}

TEST(Gate, WhatCannotBeCheckedIsNoPass) {
  const Report report = scenes::sample_report();
  const auto why = [&](const std::string& text) {
    const ThresholdOutcome outcome = held(text, report);
    EXPECT_EQ(outcome.state, "UNCHECKED") << text;
    return outcome.explanation;
  };
  EXPECT_THAT(why("ttft_p95@48>1s"), HasSubstr("at 48: no row was measured"));
  EXPECT_THAT(why("ttft_p95@1>1s"), HasSubstr("at 1: n/a (n=9), too few requests"));
  EXPECT_THAT(why("ttft_p95@64>9s"), HasSubstr("at 64: the row is invalid: only 51.2 of 64"));
}

TEST(Gate, ARowThatLaterOnesHaveRefutedHoldsNothing) {
  Report report = scenes::sample_report();
  Step& row = report.results[0].steps[2];
  ASSERT_EQ(row.load(), 32);
  row.warn("SUPERSEDED", "the host has moved on since");
  EXPECT_EQ(state("ttft_p95@32>700ms", report), "UNCHECKED");
  EXPECT_THAT(held("ttft_p95@32>700ms", report).explanation, HasSubstr("later rows have refuted the row"));
}

TEST(Gate, ScenariosWithoutTheLoadAreLeftOut) {
  Report report = scenes::sample_report();
  report.results.push_back(report.results[0]);
  report.results[1].scenario = "long";
  std::erase_if(report.results[1].steps, [](const Step& step) { return step.concurrency == 32; });
  EXPECT_EQ(held("ttft_p95@32>600ms", report).explanation, "chat on host, 660 ms at 32");
}

TEST(Gate, AnInvalidRowNeverPasses) {
  EXPECT_EQ(state("ttft_p50>10s"), "UNCHECKED");
  EXPECT_EQ(state("errors@64>1%"), "MISSED") << "failures are counted whatever else is wrong";
  EXPECT_EQ(state("errors@64>50%"), "UNCHECKED");
  EXPECT_EQ(state("errors@32>0%"), "HELD");
}

TEST(Gate, ARangeMustLieOnOneSide) {
  const Report report = scenes::sample_report();  // 16 to 32
  EXPECT_EQ(state("n_sat<16", report), "HELD");
  EXPECT_EQ(state("n_sat<32", report), "MISSED") << "at 32 it is saturated";
  EXPECT_EQ(state("n_sat<20", report), "UNCHECKED");
}

TEST(Gate, TheSloHoldsUpToALoad) {
  Report report = scenes::sample_report();
  SloCriterion& all = *report.results[0].slo.joint;
  all = {.name = "joint", .concurrency = 16, .ci95 = Interval{16, 32}, .state = "BRACKETED"};
  EXPECT_EQ(state("n_slo<16", report), "HELD");
  EXPECT_EQ(state("n_slo<32", report), "MISSED");
  EXPECT_EQ(state("n_slo<24", report), "UNCHECKED");
  all = {.name = "joint", .concurrency = 64, .state = "PASS"};
  EXPECT_EQ(state("n_slo<32", report), "HELD");
  EXPECT_EQ(state("n_slo<128", report), "UNCHECKED");
  all = {.name = "joint", .concurrency = 16, .state = "INDETERMINATE"};
  EXPECT_EQ(state("n_slo<16", report), "HELD");
  EXPECT_EQ(state("n_slo<32", report), "UNCHECKED");
  all = {.name = "joint", .state = "FAIL"};
  EXPECT_EQ(state("n_slo<1", report), "MISSED");
  report.results[0].slo = {};
  EXPECT_THAT(held("n_slo<1", report).explanation, HasSubstr("no slo"));
}

TEST(Gate, AResultThatIsNotTrustworthyHoldsNothing) {
  Report report = scenes::sample_report();
  report.results[0].verdict.refuse("moved", "the host moved");
  EXPECT_THAT(held("n_sat<1", report).explanation, HasSubstr("not trustworthy: the host moved"));
  EXPECT_EQ(state("ttft_p95@32>700ms", report), "HELD") << "a valid row is what it is";
}

TEST(Gate, EveryMetricHasAFigure) {
  for (const ThresholdMetric& metric : threshold_metrics()) {
    const auto same = [&](const auto& each) { return each.name == metric.name; };
    const bool of_rows = std::any_of(step_metrics().begin(), step_metrics().end(), same);
    const bool of_results = std::any_of(result_metrics().begin(), result_metrics().end(), same);
    EXPECT_EQ(of_rows, metric.of_rows) << metric.name;
    EXPECT_TRUE(of_rows || of_results || metric.name == "n_slo") << metric.name;
  }
  EXPECT_EQ(threshold_metrics().size(), step_metrics().size() + result_metrics().size() + 1);
}

TEST(Gate, DecidesWhatTheRunExitsWith) {
  Report report = scenes::sample_report();
  report.thresholds = {{"a", "HELD", ""}};
  EXPECT_EQ(exit_code(report), kDone);
  EXPECT_EQ(exit_reason(report), "done");
  report.thresholds.push_back({"b", "UNCHECKED", ""});
  EXPECT_EQ(exit_code(report), kNoVerdict);
  EXPECT_EQ(exit_reason(report), "threshold_unchecked");
  report.thresholds.push_back({"c", "MISSED", ""});
  EXPECT_EQ(exit_code(report), kThreshold);
  EXPECT_EQ(exit_reason(report), "threshold_missed");
  report.agents_lost = 1;
  EXPECT_EQ(exit_code(report), kThreshold) << "others were left";
  report.fleet_failure = "no agent was left";
  EXPECT_EQ(exit_code(report), kFleetFailed);
}

TEST(Gate, ARunWithoutAVerdictSaysWhy) {
  const auto reason = [](const char* code) {
    Report report = scenes::sample_report();
    report.verdict.refuse("no_valid_step", "no step is valid");
    report.verdict.refuse(code, "a sentence");
    return std::string(exit_reason(report));
  };
  EXPECT_EQ(reason("target_down"), "target_down");
  EXPECT_EQ(reason("client_bound"), "client_bound");
  EXPECT_EQ(reason("unsteady"), "unsteady");
  EXPECT_EQ(reason("contradicted"), "inconclusive");
}

}  // namespace
}  // namespace kneepoint::coordinator
