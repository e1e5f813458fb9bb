#include <gtest/gtest.h>

#include "tests/method/method_run.h"

/// A few seeds of every case, as a guard; `kneepoint_method` proves the method with a thousand.
namespace kneepoint::method {
namespace {

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

INSTANTIATE_TEST_SUITE_P(All, MethodCase, testing::ValuesIn(all_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace kneepoint::method
