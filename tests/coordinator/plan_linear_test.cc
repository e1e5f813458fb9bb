#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "coordinator/plan/plan_printer.h"
#include "tests/coordinator/plan_samples.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Plan load_ramp(const std::string& ramp) {
  auto plan =
      parse_plan(Parts{.workload = "{prompts: [hi], unique: true, output_tokens: 8}", .ramp = ramp}.text(),
                 "sweep.yaml", fake_variables());
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().message);
  return plan ? *std::move(plan) : Plan{.scenarios = {{}}};
}
Ramp ramp_of(const std::string& text) {
  return load_ramp(text).scenarios[0].ramp;
}
std::string ramp_error(const std::string& ramp) {
  return error_of(Parts{.ramp = ramp}.text());
}

TEST(LinearPlan, TwentyRowsByDefault) {
  const Ramp up = ramp_of("{from: 1, to: 256, over: 10m}");
  EXPECT_EQ(up.linear, (LinearRamp{1, 256, 10min}));
  EXPECT_EQ(up.hold, 30s);
  EXPECT_EQ(up.warmup, 10s);
  ASSERT_EQ(up.steps.size(), 20u);
  EXPECT_EQ(up.steps.front(), 7u) << "1 to 13.75";
  EXPECT_EQ(up.steps.back(), 250u);
  EXPECT_EQ(planned_time(up), 10min + 10s);
  EXPECT_EQ(ramp_of("{from: 1, to: 256, over: 30s}").hold, 5s);
  EXPECT_EQ(ramp_of("{from: 1, to: 4, over: 5s}").steps, (std::vector<std::uint32_t>{3}));
}

TEST(LinearPlan, GoesDownAndInRowsOfAGivenLength) {
  EXPECT_EQ(ramp_of("{from: 9, to: 1, over: 32s, warmup: 0s, hold: 8s}"),
            (Ramp{.steps = {8, 6, 4, 2}, .hold = 8s, .linear = LinearRamp{9, 1, 32s}}));
  EXPECT_EQ(ramp_of("{from: 1, to: 11, over: 50s, hold: 20s}").steps, (std::vector<std::uint32_t>{3, 8}))
      << "20 s, and the 30 s that are left";
}

TEST(LinearPlan, NoTwoRowsHaveTheSameNumber) {
  for (const char* text : {"{from: 1, to: 4, over: 10m}", "{from: 21, to: 2, over: 97s}"}) {
    const auto steps = ramp_of(text).steps;
    EXPECT_EQ((std::set<std::uint32_t>(steps.begin(), steps.end()).size()), steps.size()) << text;
    EXPECT_GT(steps.size(), 2u);
  }
}

TEST(LinearPlan, ARateMovesToo) {
  const Ramp up = ramp_of("{rate: {from: 1, to: 41, over: 40s}, arrival: gamma, burstiness: 0.5, hold: 20s}");
  EXPECT_EQ(up.linear, (LinearRamp{1, 41, 40s}));
  ASSERT_EQ(up.step_count(), 2u);
  EXPECT_TRUE(up.steps.empty());
  const ArrivalProcess first{.kind = ArrivalProcess::Kind::kGamma, .rate = 11, .burstiness = 0.5};
  EXPECT_EQ(up.open->steps[0], first);
  EXPECT_EQ(up.open->steps[1].rate, 31);
  EXPECT_EQ(ramp_of("{rate: {from: 2, to: 0.5, over: 10m}}").step_count(), 20u)
      << "rates need no whole numbers";
}

TEST(LinearPlan, Mistakes) {
  EXPECT_EQ(ramp_error("{from: 4, to: 4, over: 1m}"),
            "sweep.yaml:7:25: 'to' is the same as 'from': nothing moves; write steps: [4]");
  EXPECT_EQ(ramp_error("{rate: {from: 4, to: 4, over: 1m}}"),
            "sweep.yaml:7:32: 'to' is the same as 'from': nothing moves; write rate: [4]");
  EXPECT_EQ(ramp_error("{from: 1, to: 9, by: 2, over: 1m}"),
            "sweep.yaml:7:35: ramp of scenario 'chat' has both 'over' and 'by'; keep one");
  EXPECT_EQ(ramp_error("{rate: {from: 1, to: 9, over: 1m, factor: 2}}"),
            "sweep.yaml:7:45: 'rate' has both 'over' and 'factor'; keep one");
  EXPECT_EQ(ramp_error("{rate: {from: 1, to: 9}, over: 1m}"),
            "sweep.yaml:7:36: of a rate 'over' stands beside its 'from' and 'to': "
            "rate: {from: 1, to: 50, over: 10m}");
  EXPECT_EQ(ramp_error("{from: 1, over: 1m}"),
            "sweep.yaml:7:11: ramp of scenario 'chat' has no 'to'; add it");
  EXPECT_THAT(ramp_error("{over: 1m}"), HasSubstr("has no steps; write steps: [1, 2, 4, 8]"));
  EXPECT_THAT(ramp_error("{steps: [1, 2], over: 1m}"), HasSubstr("7:27: ramp of scenario 'chat' has both"));
  EXPECT_THAT(ramp_error("{search: {max: 9}, over: 1m}"), HasSubstr("has both 'search' and 'over'"));
  EXPECT_THAT(ramp_error("{soak: 9, over: 1m}"), HasSubstr("has both 'soak' and 'over'"));
  EXPECT_THAT(ramp_error("{from: 1, to: 9, over: 2s}"), HasSubstr("7:34: 'over'"));
  EXPECT_EQ(ramp_error("{from: 1, to: 9, over: 1m, descend: true}"),
            "sweep.yaml:7:38: 'descend' needs steps, and a ramp with 'over' has none; give 'by' or 'factor' "
            "instead of 'over'");
  EXPECT_THAT(ramp_error("{from: 1, to: 9, over: 1m, requests: 5}"), HasSubstr("'requests' needs steps"));
  EXPECT_EQ(ramp_error("{from: 1, to: 4, over: 1m, hold: 5s}"),
            "sweep.yaml:7:44: of a ramp with 'over' 'hold' is the length of a row, here 20s to 1m");
  EXPECT_THAT(ramp_error("{from: 1, to: 256, over: 10m, hold: 1s}"), HasSubstr("here 10s to 10m"))
      << "a run has 64 rows at most";
  EXPECT_THAT(ramp_error("{rate: {from: 1, to: 9, over: 1m}, hold: 2m}"), HasSubstr("here 1s to 1m"));
}

TEST(LinearPlan, RowsCountAsStepsOfTheRun) {
  const std::string twice =
      "{from: 1, to: 256, over: 4m}\n  - name: again\n    workload: {prompts: [hi]}\n    ramp: {from: 256, "
      "to: 1, ";
  EXPECT_EQ(ramp_error(twice + "over: 4m}"), "");
  EXPECT_THAT(ramp_error(twice + "over: 4m, hold: 5s}"), HasSubstr("more than 64 steps"));
  EXPECT_THAT(ramp_error(twice + "over: 4m, hold: 5s}"), HasSubstr("use a longer hold"));
}

TEST(LinearPlan, IsDescribed) {
  EXPECT_THAT(describe_plan(load_ramp("{from: 1, to: 256, over: 10m}")),
              HasSubstr("     ramp      1 to 256 requests in flight over 10m, without a stand\n"
                        "               10s warm-up at 1, then 20 rows of 30s, flagged MOVING: a survey\n"
                        "     slo       none\n"
                        "     time      10m10s\n"
                        "\n"
                        "In all 20 steps, about 10m11s.\n"));
  EXPECT_THAT(
      describe_plan(load_ramp("{rate: {from: 50, to: 1, over: 30s}, warmup: 0s}")),
      HasSubstr(
          "     ramp      open loop: 50 to 1 requests a second over 30s, without a stand, poisson arrivals\n"
          "               at most 512 in flight; the others wait\n"
          "               6 rows of 5s, flagged MOVING: a survey\n"));
  EXPECT_THAT(plan_warnings(load_ramp("{from: 1, to: 256, over: 1m, warmup: 0s}")), IsEmpty());
}

}  // namespace
}  // namespace kneepoint::coordinator
