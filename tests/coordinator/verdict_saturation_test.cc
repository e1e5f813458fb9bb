#include "coordinator/verdict/saturation.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using scenes::BatchingHost;
using scenes::known_step;

std::vector<Step> sampled_steps(const BatchingHost& host, const std::vector<std::uint32_t>& steps,
                                double noise = 0, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<Step> rows;
  for (const std::uint32_t n : steps) {
    const double x = host.throughput(n);
    rows.push_back(known_step(n, x * (1 + noise * normal(random)), noise > 0 ? noise : 0.005));
    const double b = std::min<double>(n, static_cast<double>(host.cap));
    rows.back().tpot_seconds.p50 = host.a + host.c * b;
    const double requests_per_second = x / static_cast<double>(host.tokens);
    rows.back().ttft_seconds.p50 = *rows.back().tpot_seconds.p50 + (n - b) / requests_per_second;
    rows.back().waiting = n - b;
  }
  return rows;
}

/// Hard cap: N95 = 0.95·X_max·a / (1 − 0.95·X_max·c); soft: 9·a/c.
double hard_knee(const BatchingHost& host) {
  const double most = 0.95 * host.throughput(static_cast<double>(host.cap));
  return most * host.a / (1 - most * host.c);
}

const std::vector<std::uint32_t> kDoubling = {1, 2, 4, 8, 16, 32, 64};

TEST(Saturation, HardCapsLieInTheBracketOfMeasuredSteps) {
  for (const std::size_t cap : {5u, 11u, 22u, 27u, 30u}) {
    const BatchingHost host{.a = 0.010, .c = 0.0001, .cap = cap};
    const double truth = hard_knee(host);
    const Saturation found = find_saturation(sampled_steps(host, kDoubling));
    ASSERT_TRUE(found.ci95) << cap;
    EXPECT_FALSE(found.concurrency) << "doubling steps tell a range";
    EXPECT_LE(found.ci95->low, truth) << cap;
    EXPECT_GE(found.ci95->high, truth) << cap;
    EXPECT_LE(found.ci95->high / found.ci95->low, 4) << cap;
    EXPECT_EQ(found.knee_kind, "hard") << cap;
    EXPECT_FALSE(found.lower_bound);
    EXPECT_NEAR(*found.max_output_tokens_per_second, host.throughput(64), 0.01 * host.throughput(64));
  }
}

TEST(Saturation, SoftKneesLieInTheBracketOfMeasuredSteps) {
  for (const double ratio : {0.5, 1.0, 2.0, 2.5, 3.5}) {
    const BatchingHost host{.a = 0.010, .c = 0.010 / ratio};
    const Saturation found = find_saturation(sampled_steps(host, kDoubling));
    ASSERT_TRUE(found.ci95) << ratio;
    EXPECT_LE(found.ci95->low, 9 * ratio);
    EXPECT_GE(found.ci95->high, 9 * ratio);
    EXPECT_EQ(found.knee_kind, "soft") << ratio;
  }
}

TEST(Saturation, DenseStepsGiveTheTruthWithinAFewPercent) {
  const BatchingHost soft{.a = 0.010, .c = 0.005};
  EXPECT_NEAR(*find_saturation(sampled_steps(soft, {4, 8, 12, 16, 18, 20, 24, 32, 36, 40, 48})).concurrency,
              18, 0.5);
  const BatchingHost hard{.a = 0.010, .c = 0.0001, .cap = 32};
  EXPECT_NEAR(*find_saturation(sampled_steps(hard, {8, 16, 24, 28, 30, 32, 36, 48, 64})).concurrency,
              hard_knee(hard), 1);
}

TEST(Saturation, TheEstimateDoesNotDependOnHowFarTheScanWent) {
  const BatchingHost host{.a = 0.010, .c = 0.005};
  const auto to_64 = find_saturation(sampled_steps(host, kDoubling));
  const auto to_512 = find_saturation(sampled_steps(host, {1, 2, 4, 8, 16, 32, 64, 128, 256, 512}));
  EXPECT_EQ(to_64.ci95->low, to_512.ci95->low);
  EXPECT_EQ(to_64.ci95->high, to_512.ci95->high);
}

TEST(Saturation, TheBracketCoversTheTruthUnderNoise) {
  const BatchingHost host{.a = 0.010, .c = 0.0001, .cap = 22};
  const double truth = hard_knee(host);
  int found_count = 0;
  int covered = 0;
  constexpr int kSeeds = 100;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const auto found =
        find_saturation(sampled_steps(host, kDoubling, 0.02, seed), {.bootstraps = 200, .seed = seed});
    if (!found.ci95) continue;
    ++found_count;
    if (found.ci95->low <= truth && truth <= found.ci95->high) ++covered;
  }
  EXPECT_GE(found_count, 90);  // the rest say "not reached": noise makes the top look like a gain
  EXPECT_GE(covered, found_count * 95 / 100);
}

TEST(Saturation, AScanThatBeginsPastTheKneeGivesAnUpperBoundOnly) {
  // Seen: three rows alike from 32 on, of a host that is full at 23, and a knee of "32 (31.4 to 32.6)".
  const BatchingHost host{.a = 0.010, .c = 0.0001, .cap = 22};
  for (const std::vector<std::uint32_t>& steps :
       {std::vector<std::uint32_t>{32, 64, 160}, {32, 33, 34, 64}, {24, 48, 96, 192}, {100, 110, 120, 300}}) {
    const Saturation found = find_saturation(sampled_steps(host, steps));
    ASSERT_TRUE(found.ci95) << steps.front();
    EXPECT_FALSE(found.concurrency) << steps.front();
    EXPECT_EQ(found.ci95->low, 1) << steps.front();
    EXPECT_EQ(found.ci95->high, steps.front()) << steps.front();
    EXPECT_NE(found.explanation.find("the least that was measured"), std::string::npos) << found.explanation;
  }
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Saturation noisy = find_saturation(sampled_steps(host, {32, 64, 160}, 0.02, seed), {.seed = seed});
    if (noisy.ci95) {
      EXPECT_LE(noisy.ci95->low, hard_knee(host)) << seed;
    }
  }
}

TEST(Saturation, AHostThatIsFullAtOneIsFullAtOne) {
  const Saturation found = find_saturation(sampled_steps({.a = 0.010, .c = 0.0001, .cap = 1}, {1, 2, 4, 8}));
  ASSERT_TRUE(found.ci95);
  EXPECT_LE(found.ci95->high, 2);
}

TEST(Saturation, AScanThatDoesNotReachGivesALowerBoundOnly) {
  const BatchingHost host{.a = 0.010, .c = 0.0001};  // 9·a/c = 900
  const Saturation found = find_saturation(sampled_steps(host, kDoubling));
  EXPECT_FALSE(found.concurrency);
  EXPECT_FALSE(found.ci95);
  EXPECT_EQ(found.lower_bound, 32);  // 64 has no 128 to be compared with
  EXPECT_EQ(found.knee_kind, "");
  const Saturation one = find_saturation(sampled_steps(host, {8}));
  EXPECT_FALSE(one.concurrency);
  EXPECT_FALSE(one.lower_bound);
}

TEST(Saturation, InvalidRowsAreNeverTheKnee) {
  const BatchingHost host{.a = 0.010, .c = 0.0001};
  auto rows = sampled_steps(host, kDoubling);
  // A starved generator makes the top rows look flat.
  for (std::size_t i = 4; i < rows.size(); ++i) {
    rows[i].output_tokens_per_second.value = 800;
    rows[i].invalidate("CLIENT_BOUND", "a generator thread was busy 97 % of the time");
  }
  const Saturation found = find_saturation(rows);
  EXPECT_FALSE(found.concurrency);
  EXPECT_EQ(found.lower_bound, 4);
  EXPECT_NE(found.explanation.find("saturation lies above 4 requests in flight; from"), std::string::npos);
}

TEST(Saturation, SaysWhereItWasNotLocatedInASentence) {
  const auto rows = {known_step(2, 60, 0.2), known_step(4, 100, 0.2), known_step(8, 130, 0.2)};
  const Saturation found = find_saturation(rows);
  EXPECT_FALSE(found.lower_bound);
  EXPECT_EQ(
      found.explanation.rfind("Not found: no load is surely below saturation; from 4 to 8 throughput", 0), 0u)
      << found.explanation;
}

TEST(Saturation, ACollapseDoesNotLowerThePeak) {
  std::vector<Step> rows;
  const std::vector<std::pair<std::uint32_t, double>> curve = {{1, 100},   {2, 195},   {4, 380}, {8, 720},
                                                               {16, 1000}, {32, 1010}, {64, 500}};
  for (const auto& [n, x] : curve) rows.push_back(known_step(n, x));
  const Saturation found = find_saturation(rows);
  ASSERT_TRUE(found.ci95);
  EXPECT_GE(found.ci95->low, 8);
  EXPECT_LE(found.ci95->high, 16);
  EXPECT_NEAR(*found.max_output_tokens_per_second, 1010, 1e-9);
}

TEST(Saturation, RepeatedStepsCountOnceByTheirPrecision) {
  std::vector<Step> rows = {known_step(4, 100, 0.01), known_step(4, 110, 0.1)};
  const auto points = throughput_points(rows);
  ASSERT_EQ(points.size(), 1u);
  EXPECT_NEAR(points[0].throughput, (100 / 1.0 + 110 / 121.0) / (1 / 1.0 + 1 / 121.0), 0.01);
  EXPECT_LT(points[0].standard_error, std::hypot(1.0 * 2.26 / 1.96, 0.25));  // the better row's, as t has it
}

TEST(Gain, DoublingIsExhaustedOnlyWhenSurelyBelowFivePercent) {
  const ThroughputPoint from{8, 100, 0.5};
  EXPECT_TRUE(gain(from, {16, 101, 0.5}).exhausted());
  EXPECT_FALSE(gain(from, {16, 101, 5}).exhausted());
  EXPECT_FALSE(gain(from, {16, 104.9, 0.5}).exhausted());
  EXPECT_NEAR(gain(from, {16, 150, 0}).value, 0.5, 1e-12);
  EXPECT_NEAR(elasticity(from, {16, 200, 1}).value, 1, 1e-12);
  EXPECT_LT(elasticity(from, {16, 200, 1}).lower, 1);
}

}  // namespace
}  // namespace kneepoint::coordinator
