#include "coordinator/verdict/slo.h"

#include "coordinator/measure/slo_check.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using scenes::known_step;

SloCheck checked(std::uint64_t met, std::uint64_t missed, const std::vector<double>& batches = {}) {
  return check_slo("ttft_p95", {met, missed, batches, {.count = static_cast<int>(batches.size())}}, 0.05);
}

TEST(SloCheck, NeedsEnoughRequestsToPass) {
  EXPECT_EQ(checked(58, 0).state, "INDETERMINATE");  // 1 − 0.05^(1/58) = 5.03 %
  EXPECT_EQ(checked(59, 0).state, "PASS");           // 4.95 %
  EXPECT_EQ(checked(0, 0).state, "INDETERMINATE");
  EXPECT_FALSE(checked(0, 0).missed_ratio);
}

TEST(SloCheck, FailsOnlyWhereTheLowerBoundIsOver) {
  EXPECT_EQ(checked(9, 1).state, "INDETERMINATE");
  EXPECT_EQ(checked(900, 100).state, "FAIL");
  EXPECT_EQ(checked(950, 50).state, "INDETERMINATE");
  EXPECT_EQ(checked(980, 20).state, "PASS");
}

TEST(SloCheck, BatchesThatDisagreeWidenTheBounds) {
  // 2 % of misses, but all in one batch: the binomial bound does not know that they come together.
  EXPECT_EQ(checked(980, 20, {0.02, 0.02, 0.02, 0.02, 0.02}).state, "PASS");
  EXPECT_EQ(checked(980, 20, {0, 0, 0, 0, 0.1}).state, "INDETERMINATE");
}

TEST(SloCheck, PassesWronglyInAtMostOneRunOfTwenty) {
  std::mt19937_64 random(7);
  std::binomial_distribution<std::uint64_t> misses(200, 0.0501);
  int passed = 0;
  constexpr int kRuns = 2000;
  for (int i = 0; i < kRuns; ++i) {
    const std::uint64_t missed = misses(random);
    if (checked(200 - missed, missed).state == "PASS") ++passed;
  }
  EXPECT_LE(passed, kRuns * 5 / 100);
}

std::vector<Step> rows(const std::vector<std::pair<std::uint32_t, std::string>>& states) {
  std::vector<Step> steps;
  for (const auto& [n, state] : states) {
    Step step = known_step(n, 100);
    step.slo.push_back({.name = "ttft_p95", .state = state});
    step.slo_joint = SloCheck{.name = "joint", .state = state};
    steps.push_back(std::move(step));
  }
  return steps;
}

SloCriterion criterion(const std::vector<Step>& steps) {
  const SloLimit limit{.metric = SloMetric::kTtft, .quantile = 0.95, .limit = std::chrono::milliseconds(500)};
  return find_slo(steps, {limit}).criteria.at(0);
}

TEST(SloResult, ManyMissesInBurstsAreNoWantOfRequests) {
  // Of a real vLLM at 256: 195 of 871 answers late, all in two of five batches.
  auto steps = rows({{64, "PASS"}, {128, "PASS"}, {256, "INDETERMINATE"}});
  steps[2].slo[0].met = 676;
  steps[2].slo[0].missed = 195;
  EXPECT_EQ(criterion(steps).state, "INDETERMINATE");
  EXPECT_EQ(criterion(steps).doubt,
            "at 256 195 of 871 missed it, but in bursts: a longer window would decide");
  steps[2].slo[0] = {.name = "ttft_p95", .met = 9, .missed = 1, .state = "INDETERMINATE"};
  EXPECT_EQ(criterion(steps).doubt, "") << "these are too few requests";
}

TEST(SloResult, BracketsTheLargestPassAndTheSmallestFail) {
  const auto found =
      criterion(rows({{1, "PASS"}, {2, "PASS"}, {4, "INDETERMINATE"}, {8, "FAIL"}, {16, "FAIL"}}));
  EXPECT_EQ(found.name, "ttft_p95");
  EXPECT_EQ(found.limit, 0.5);
  EXPECT_EQ(found.state, "BRACKETED");
  EXPECT_EQ(found.concurrency, 2);
  EXPECT_EQ(found.ci95->low, 2);
  EXPECT_EQ(found.ci95->high, 8);
}

/// A window that passed beside others of the same load in which far too many missed, in bursts.
TEST(SloResult, OneWindowThatPassesDoesNotOutweighWhatAllOfThemMissed) {
  std::vector<Step> steps = rows({{8, "PASS"}, {16, "PASS"}, {16, "INDETERMINATE"}, {32, "FAIL"}});
  const auto counted = [&](std::size_t row, std::uint64_t met, std::uint64_t missed) {
    steps[row].slo[0].met = steps[row].slo_joint->met = met;
    steps[row].slo[0].missed = steps[row].slo_joint->missed = missed;
  };
  counted(1, 94, 0);
  counted(2, 78, 16);
  const std::vector<SloLimit> limits{{.metric = SloMetric::kTtft, .quantile = 0.95}};
  EXPECT_EQ(find_slo(steps, limits).criteria[0].concurrency, 8.0);
  EXPECT_EQ(find_slo(steps, limits).joint->concurrency, 8.0);
  counted(2, 91, 3);
  EXPECT_EQ(find_slo(steps, limits).criteria[0].concurrency, 16.0);
}

TEST(SloResult, NothingAboveAFailureCounts) {
  const auto found = criterion(rows({{1, "PASS"}, {2, "FAIL"}, {4, "PASS"}}));
  EXPECT_EQ(found.concurrency, 1);
  EXPECT_EQ(found.ci95->high, 2);
  EXPECT_EQ(criterion(rows({{1, "FAIL"}, {2, "PASS"}})).state, "FAIL");
  EXPECT_FALSE(criterion(rows({{1, "FAIL"}, {2, "PASS"}})).concurrency);
  const auto unknown_below = criterion(rows({{1, "INDETERMINATE"}, {2, "FAIL"}}));
  EXPECT_EQ(unknown_below.state, "INDETERMINATE") << "1 was not shown to fail";
  ASSERT_TRUE(unknown_below.ci95);
  EXPECT_EQ(unknown_below.ci95->high, 2);
}

/// It was met by the host as it was.
TEST(SloResult, RowsThatWereRefutedHoldNoLimit) {
  std::vector<Step> steps = rows({{1, "PASS"}, {8, "PASS"}, {16, "FAIL"}});
  steps[1].warn("SUPERSEDED", "the host changed afterwards");
  const SloResult result = find_slo(steps, {{.metric = SloMetric::kTtft}});
  ASSERT_TRUE(result.criteria.at(0).concurrency);
  EXPECT_EQ(*result.criteria.at(0).concurrency, 1);
}

TEST(SloResult, EdgesHaveTheirOwnStates) {
  EXPECT_EQ(criterion(rows({{1, "INDETERMINATE"}, {2, "PASS"}})).state, "PASS");
  EXPECT_EQ(criterion(rows({{1, "INDETERMINATE"}, {2, "PASS"}})).concurrency, 2);
  const auto open = criterion(rows({{1, "PASS"}, {2, "INDETERMINATE"}}));
  EXPECT_EQ(open.state, "INDETERMINATE");
  EXPECT_EQ(open.concurrency, 1);
  EXPECT_EQ(criterion(rows({{1, "INDETERMINATE"}})).state, "INDETERMINATE");
  auto silent = rows({{1, "PASS"}, {2, "PASS"}});
  silent[1].slo.clear();  // nothing came of it, and yet it was tried
  EXPECT_EQ(criterion(silent).state, "INDETERMINATE");
  EXPECT_TRUE(find_slo(rows({{1, "PASS"}}), {}).criteria.empty());
  EXPECT_FALSE(find_slo(rows({{1, "PASS"}}), {}).joint);
}

TEST(SloResult, InvalidRowsNeverPassAndFailOnlyByTheTargetsFault) {
  auto steps = rows({{1, "PASS"}, {2, "PASS"}});
  steps[1].invalidate("CLIENT_BOUND", "");
  EXPECT_EQ(criterion(steps).concurrency, 1);
  steps = rows({{1, "PASS"}, {2, "FAIL"}});
  steps[1].invalidate("CLIENT_BOUND", "");
  EXPECT_EQ(criterion(steps).state, "INDETERMINATE");
  steps = rows({{1, "PASS"}, {2, "FAIL"}});
  steps[1].requests.failed = 100;
  steps[1].invalidate("LOW_OCCUPANCY", "");
  EXPECT_EQ(criterion(steps).state, "BRACKETED");
}

TEST(FindSlo, AllLimitsHoldOnlyWhereEveryClassHolds) {
  const std::vector<SloLimit> limits = {
      {.quantile = 0.9, .limit = std::chrono::milliseconds(500)},
      {.quantile = 0.9, .limit = std::chrono::milliseconds(500), .prompt_class = "slow"}};
  std::vector<Step> steps = rows({{1, "PASS"}, {8, "PASS"}, {64, "FAIL"}});
  const std::vector<std::string> of_slow = {"PASS", "FAIL", "FAIL"};
  for (std::size_t i = 0; i < steps.size(); ++i)
    steps[i].slo.push_back({.name = limits[1].name(), .state = of_slow[i]});
  const SloResult found = find_slo(steps, limits);
  ASSERT_EQ(found.criteria.size(), 2u);
  EXPECT_EQ(found.criteria[0].concurrency, 8);
  EXPECT_EQ(found.criteria[1].name, "ttft_p90 of slow");
  EXPECT_EQ(found.criteria[1].concurrency, 1);
  ASSERT_TRUE(found.joint);
  EXPECT_EQ(found.joint->concurrency, 1) << "its requests are few among the others', and still users";
}

}  // namespace
}  // namespace kneepoint::coordinator
