#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/plan/plan_printer.h"
#include "coordinator/plan/threshold.h"
#include "tests/coordinator/plan_samples.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;
using Unit = Threshold::Unit;

std::string complaint(std::string_view text, ThresholdUse use) {
  const auto threshold = parse_threshold(text, use);
  return threshold ? "" : threshold.error().message;
}

TEST(PlanThreshold, OfARunIsAFigure) {
  const auto time = parse_threshold("ttft_p95 @ 32 > 500ms", ThresholdUse::kRun);
  ASSERT_TRUE(time);
  EXPECT_EQ(*time, (Threshold{.text = "ttft_p95 @ 32 > 500ms",
                              .metric = "ttft_p95",
                              .load = 32,
                              .limit = 0.5,
                              .unit = Unit::kSeconds}));
  const auto share = parse_threshold("errors>1%", ThresholdUse::kRun);
  ASSERT_TRUE(share);
  EXPECT_EQ(share->metric, "error_ratio");
  EXPECT_DOUBLE_EQ(share->limit, 0.01);
  const auto number = parse_threshold("throughput@2.5<1000", ThresholdUse::kRun);
  ASSERT_TRUE(number);
  EXPECT_TRUE(number->below);
  EXPECT_EQ(number->load, 2.5);
  EXPECT_EQ(number->limit, 1000);
}

TEST(PlanThreshold, OfAComparisonIsADifference) {
  const auto percent = parse_threshold("throughput<-5%", ThresholdUse::kComparison);
  ASSERT_TRUE(percent);
  EXPECT_DOUBLE_EQ(percent->limit, -0.05);
  const auto points = parse_threshold("error_ratio>+1pt", ThresholdUse::kComparison);
  ASSERT_TRUE(points);
  EXPECT_EQ(points->unit, Unit::kPoints);
  EXPECT_DOUBLE_EQ(points->limit, 0.01);
}

TEST(PlanThreshold, RefusesWithWhatMayBeWritten) {
  for (const auto use : {ThresholdUse::kRun, ThresholdUse::kComparison}) {
    for (const char* text : {"", "throughput", "throughput<", "throughput<x%", "<5%", "throughput<nan%",
                             "ttft_p95@>500ms", "ttft_p95@-1>500ms", "ttft_p95>=500ms"})
      EXPECT_THAT(complaint(text, use), HasSubstr("is no threshold; write METRIC>LIMIT")) << text;
    EXPECT_THAT(complaint("speed<5%", use), HasSubstr("there are throughput, requests, "));
  }
  EXPECT_THAT(complaint("ttft_p95>0.5", ThresholdUse::kRun),
              HasSubstr("the limit of ttft_p95 is a duration; write it as in ttft_p95>500ms"));
  EXPECT_THAT(complaint("errors>0.01", ThresholdUse::kRun), HasSubstr("error_ratio>1%"));
  EXPECT_THAT(complaint("throughput<-5%", ThresholdUse::kRun), HasSubstr("a plain number"));
  EXPECT_THAT(complaint("ttft_p95>500ms", ThresholdUse::kComparison), HasSubstr("ttft_p95>+10%"));
  EXPECT_THAT(complaint("errors>1%", ThresholdUse::kComparison), HasSubstr("error_ratio>+1pt"));
  EXPECT_THAT(complaint("n_slo@32<32", ThresholdUse::kRun), HasSubstr("leave out @32"));
}

/// Line 2 has them.
std::string with_thresholds(const std::string& list) {
  std::string text = Parts{}.text();
  return text.insert(text.find('\n') + 1, "thresholds: " + list + "\n");
}

TEST(PlanThreshold, StandsInAPlan) {
  const auto plan =
      parse_plan(with_thresholds("['n_slo<32', \"errors>${most:-1}%\"]"), "p.yaml", fake_variables());
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->thresholds.size(), 2u);
  EXPECT_EQ(plan->thresholds[1].text, "errors>1%");
  EXPECT_THAT(describe_plan(*plan), HasSubstr("The run exits with 4 where\n  n_slo<32\n  errors>1%\n"));
  EXPECT_THAT(error_of(with_thresholds("['n_slo<x']")),
              HasSubstr("sweep.yaml:2:14: 'n_slo<x' is no threshold"));
  EXPECT_THAT(error_of(with_thresholds("'n_slo<3'")), HasSubstr("sweep.yaml:2:13"));
}

// It ended unchecked after a quarter of an hour.
TEST(PlanThreshold, MeansALoadThatIsMeasured) {
  const auto complaint_of = [](std::string_view ramp, std::string_view threshold) {
    std::string text = Parts{.ramp = std::string(ramp)}.text();
    text.insert(text.find('\n') + 1, fmt::format("thresholds: ['n_slo<1', '{}']\n", threshold));
    return error_of(text);
  };
  EXPECT_EQ(complaint_of("{steps: [8, 1, 8]}", "ttft_p95@33>1s"),
            "sweep.yaml:2:25: 'ttft_p95@33>1s': no step of the plan has a load of 33; there are 1, 8");
  EXPECT_EQ(complaint_of("{steps: [8, 1, 8]}", "ttft_p95@8>1s"), "");
  EXPECT_THAT(complaint_of("{rate: [0.5, 2.5]}", "ttft_p95@2>1s"), HasSubstr("there are 0.5, 2.5"));
  EXPECT_EQ(complaint_of("{rate: [0.5, 2.5]}", "ttft_p95@2.5>1s"), "");
  EXPECT_EQ(complaint_of("{search: {max: 64}}", "ttft_p95@33>1s"), "") << "nobody knows yet";
}

}  // namespace
}  // namespace kneepoint::coordinator
