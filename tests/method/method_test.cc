#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "tests/method/claims.h"
#include "tests/method/method_run.h"
#include "tests/method/moving_cases.h"

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

/// From one request in flight to `to`, in rows as the plan reader makes them.
Ramp survey(double to, std::chrono::seconds over) {
  Ramp ramp{.warmup = 5s, .hold = std::max(over / 20, 5s), .linear = LinearRamp{1, to, over}};
  for (Nanos begin{0}; begin + *ramp.hold <= over; begin += *ramp.hold) {
    const bool last = begin + 2 * *ramp.hold > over;
    const double mean = ramp.linear->mean(begin, last ? over : begin + *ramp.hold);
    ramp.steps.push_back(static_cast<std::uint32_t>(std::lround(mean)));
  }
  return ramp;
}

TEST(MethodSurvey, AQuickOneBracketsTheKnee) {
  struct Scan {
    const char* name;
    double to;
    std::chrono::seconds over;
    double widest;  // of the interval, over the truth
  };
  const std::vector<Case> all = all_cases();
  for (const Scan& scan : {Scan{"hard", 141, 50s, 2},
                           {"hard", 141, 120s, 0.8},
                           {"staircase", 273, 120s, 0.5},
                           {"collapse", 183, 50s, 0.6},
                           {"soft25", 675, 600s, 0.8}}) {
    const Case& of = case_of(all, scan.name);
    const double truth = *true_saturation(of.model, of.max);
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const Trial trial = run_ramp(of, survey(scan.to, scan.over), seed);
      const auto& found = trial.result.saturation;
      ASSERT_TRUE(found.ci95) << scan.name << ": " << found.explanation;
      EXPECT_LE(found.ci95->low, truth) << scan.name << " to " << scan.to << ", seed " << seed;
      EXPECT_GE(found.ci95->high, truth) << scan.name << " to " << scan.to << ", seed " << seed;
      EXPECT_LE((found.ci95->high - found.ci95->low) / truth, scan.widest) << scan.name << " to " << scan.to;
    }
  }
}

/// With the rise in them rows were known to a quarter, and no saturation point below 0.77 of the truth.
TEST(MethodSurvey, RowsAreKnownBetterThanTheirLoadMoved) {
  const std::vector<Case> all = all_cases();
  const Trial trial = run_ramp(case_of(all, "hard"), survey(103, 50s), 1);
  ASSERT_FALSE(trial.result.steps.empty());
  for (const auto& step : trial.result.steps) {
    const auto& x = step.output_tokens_per_second;
    ASSERT_TRUE(x.ci95) << step.concurrency;
    EXPECT_LE(x.ci95->high - *x.value, 0.15 * *x.value) << step.concurrency;
  }
}

class MethodMoving : public testing::TestWithParam<Case> {};

/// One miss is allowed: `kneepoint_method` asks for nine of ten.
TEST_P(MethodMoving, IsSaidToMoveAsItDoes) {
  constexpr std::uint64_t kSeeds = 4;
  std::uint64_t named = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Trial trial = run_trial(GetParam(), seed);
    const auto& found = trial.result.movement;
    if (named_rightly(GetParam(), found, trial.seconds)) ++named;
    if (found) {
      EXPECT_NE(found->explanation, "");
    }
  }
  EXPECT_GE(named, kSeeds - 1);
}

/// Hosts of the same kinds that nothing was tuned on: what is trusted of them is so.
TEST(MethodNeighbours, NothingFalseIsTrusted) {
  for (const Case& of : neighbour_cases()) {
    if (of.model.movement.how == Moving::kQuota) continue;  // hours of its time for a search
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      const Trial trial = run_trial(of, seed);
      const Case one = drawn(of, seed);
      EXPECT_TRUE(!trial.trusted || false_claims(one, truth_of(one), trial.result).empty())
          << of.name << ", seed " << seed << ": " << trial.result.saturation.explanation;
      EXPECT_TRUE(trial.result.movement) << of.name << ", seed " << seed;
    }
  }
}

std::vector<Case> moving_searches() {
  std::vector<Case> searches;
  for (const Case& of : moving_cases()) {
    if (of.steps.empty()) searches.push_back(of);
  }
  return searches;
}

std::string test_name(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Moving, MethodMoving, testing::ValuesIn(moving_searches()),
                         [](const auto& info) { return test_name(info.param.name); });

INSTANTIATE_TEST_SUITE_P(All, MethodCase, testing::ValuesIn(all_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace kneepoint::method
