#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

#include "tests/method/method_run.h"

/// A few seeds of every case, as a guard; `kneepoint_method` proves the method with a thousand.
namespace kneepoint::method {

/// How GoogleTest names a case.
void PrintTo(const Case& which, std::ostream* out) {
  *out << which.name;
}

namespace {

using namespace std::chrono_literals;

TEST(Method, OneSeedGivesOneResult) {
  const Case hard = all_cases().front();
  const Trial a = run_trial(hard, 7);
  const Trial b = run_trial(hard, 7);
  EXPECT_EQ(a.seconds, b.seconds);
  EXPECT_EQ(a.result.saturation.concurrency, b.result.saturation.concurrency);
}

class MethodCase : public testing::TestWithParam<Case> {};

TEST_P(MethodCase, FindsTheTruth) {
  const Case& of = GetParam();
  const auto truth = true_saturation(of.model, of.max);
  int covered = 0;
  constexpr int kSeeds = 4;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Trial trial = run_trial(of, seed);
    const auto& found = trial.result.saturation;
    ASSERT_EQ(found.concurrency.has_value(), truth.has_value()) << found.explanation;
    if (!truth) {
      ASSERT_TRUE(found.lower_bound);
      EXPECT_LE(2 * *found.lower_bound, of.max);
      continue;
    }
    EXPECT_NEAR(*found.concurrency, *truth, 0.15 * *truth) << "seed " << seed;
    if (found.ci95->low <= *truth && *truth <= found.ci95->high) ++covered;
  }
  EXPECT_GE(covered, truth ? kSeeds - 1 : 0);
}

const Case& case_of(const std::vector<Case>& all, const std::string& name) {
  return *std::find_if(all.begin(), all.end(), [&](const Case& each) { return each.name == name; });
}

TEST(MethodAfterwards, AHardCapComesBackFromOverloadAndItsKneeIsMeasuredAgain) {
  const std::vector<Case> all = all_cases();
  const Ramp ramp{.warmup = 5s, .search = Search{.max = 512}, .descend = true, .proof = {1}};
  const Trial trial = run_ramp(case_of(all, "hard"), ramp, 3);
  const auto& result = trial.result;
  ASSERT_TRUE(result.proof && result.descent);
  EXPECT_EQ(result.proof->state, "HOLDS") << result.proof->explanation;
  EXPECT_EQ(result.descent->state, "NO HYSTERESIS") << result.descent->explanation;
  ASSERT_GE(result.after.size(), 4u);
  EXPECT_EQ(result.after.front().role, "proof");
  EXPECT_NEAR(result.after.front().concurrency, 46.7, 5);
  EXPECT_EQ(result.after.back().concurrency, 1u);
  for (const auto& step : result.after) {
    EXPECT_TRUE(step.valid) << step.concurrency << testing::PrintToString(step.reasons);
    EXPECT_TRUE(step.role == "proof" || step.recovery_seconds) << step.concurrency;
  }
}

TEST(MethodSoak, TellsAHostThatSlowsDownFromOneThatDoesNot) {
  const std::vector<Case> all = all_cases();
  const Ramp soak{.steps = {32}, .warmup = 5s, .hold = 1h, .soak = true};
  const auto steady = run_ramp(case_of(all, "hard"), soak, 3).result.soak;
  ASSERT_TRUE(steady);
  EXPECT_EQ(steady->state, "STEADY") << steady->explanation;
  const auto drifting = run_ramp(case_of(all, "drift"), soak, 3).result.soak;
  EXPECT_EQ(drifting->state, "DRIFTS") << drifting->explanation;
  // Iterations take 40 % more base time after the hour: by how much throughput falls over it, per mean.
  EXPECT_NEAR(*drifting->trends.at(0).ratio, -0.3, 0.08);
}

INSTANTIATE_TEST_SUITE_P(All, MethodCase, testing::ValuesIn(all_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace kneepoint::method
