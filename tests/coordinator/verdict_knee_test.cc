#include "coordinator/verdict/knee.h"

#include <gtest/gtest.h>

#include <cmath>

#include "coordinator/measure/steady_state.h"
#include "coordinator/verdict/drift.h"
#include "coordinator/verdict/token_time.h"
#include "coordinator/verdict/usl.h"
#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using scenes::known_step;

template <class Throughput>
std::vector<ThroughputPoint> sampled_points(const std::vector<double>& concurrencies, Throughput throughput,
                                            double error = 0.002) {
  std::vector<ThroughputPoint> points;
  for (const double n : concurrencies) points.push_back({n, throughput(n), error * throughput(n)});
  return points;
}

const std::vector<double> kDense = {64, 128, 180, 200, 215, 225, 240, 256, 400, 450, 512, 1024};

TEST(TokenTime, ALineGivesNineTimesItsRatio) {
  const auto line =
      fit_token_time(sampled_points(kDense, [](double n) { return n / (0.010 + 0.0004 * n); }), 90, 1125);
  ASSERT_TRUE(line);
  EXPECT_NEAR(line->intercept, 0.010, 1e-9);
  EXPECT_NEAR(line->slope, 0.0004, 1e-12);
  EXPECT_NEAR(line->knee(), 225, 1e-6);
  EXPECT_TRUE(line->plausible());
}

TEST(TokenTime, AHardCapIsNoLine) {
  const auto line = fit_token_time(
      sampled_points({24, 32, 40, 44, 47, 50, 54, 64, 94, 128, 200},
                     [](double n) { return std::min(n, 50.0) / (0.020 + 0.0001 * std::min(n, 50.0)); }),
      18, 235);
  EXPECT_TRUE(!line || !line->plausible());
}

TEST(Knee, InterpolatesTokenTimeExactlyBetweenDistantSteps) {
  // A soft curve sampled by doubling: linear in N/X, not in X over log N.
  const ThroughputCurve soft(
      sampled_points({1, 4, 16, 64, 256, 1024}, [](double n) { return n / (0.010 + 0.0004 * n); }));
  EXPECT_NEAR(*soft.knee(), 225, 1e-6);
}

TEST(Knee, ACurveThatFallsIsHeldAgainstItsPeak) {
  const auto retrograde = [](double n) {
    return n / (0.010 + 0.0004 * n + 0.00012 * std::max(0.0, n - 150));
  };
  const ThroughputCurve curve(sampled_points(
      {16, 32, 64, 91, 100, 109, 120, 128, 140, 150, 160, 181, 220, 256, 512, 1024}, retrograde));
  EXPECT_TRUE(curve.collapsed(15));
  EXPECT_NEAR(*locate_knee(curve), 109.6, 0.5);
  // A plateau with as much noise as its errors allow does not fall.
  const auto level = sampled_points({8, 16, 32, 64, 128, 256}, [](double n) { return std::min(n, 30.0); });
  auto noisy = level;
  noisy[3].throughput *= 1.002;
  noisy[5].throughput *= 0.998;
  EXPECT_FALSE(ThroughputCurve(noisy).collapsed(5));
}

TEST(Knee, TheIntervalHoldsTheNeighbouringSteps) {
  const ThroughputCurve curve(
      sampled_points({16, 32, 43, 47, 50, 54, 64, 94, 128}, [](double n) { return std::min(n, 50.0); }));
  const auto knee = estimate_knee(curve);
  ASSERT_TRUE(knee);
  EXPECT_NEAR(knee->concurrency, 47.5, 0.5);
  EXPECT_LE(knee->ci95.low, 47);
  EXPECT_GE(knee->ci95.high, 50);
  EXPECT_LT(knee->ci95.high - knee->ci95.low, 6);
}

TEST(Knee, StepsFurtherApartThanTwiceStillBoundIt) {
  // X(2) is not measured, but four requests never get more than twice what two get: 1 lies below the knee.
  const ThroughputCurve curve(
      sampled_points({1, 4, 8, 16, 32}, [](double n) { return std::min(n, 12.0) / 0.02; }));
  EXPECT_EQ(curve.below_knee(0), true);
  EXPECT_EQ(curve.below_knee(2), true);
  EXPECT_EQ(curve.below_knee(3), false);
  const auto knee = estimate_knee(curve);
  ASSERT_TRUE(knee);
  EXPECT_EQ(knee->ci95.low, 8);
  EXPECT_EQ(knee->ci95.high, 16);
}

TEST(Knee, TheIntervalIsTheSameEveryTime) {
  const ThroughputCurve curve(sampled_points(kDense, [](double n) { return std::min(n, 230.0) / 0.1; }));
  EXPECT_EQ(estimate_knee(curve)->ci95.low, estimate_knee(curve)->ci95.low);
}

TEST(ThroughputPoints, ALuckyRowIsNotTrustedMoreThanUsual) {
  std::vector<Step> rows = {known_step(1, 100, 0.004), known_step(2, 200, 0.004), known_step(4, 400, 0.004),
                            known_step(8, 800, 0)};
  rows[3].output_tokens_per_second.ci95 = Interval{800, 800};
  const auto points = throughput_points(rows);
  EXPECT_NEAR(points[3].standard_error / 800, points[0].standard_error / 100, 1e-4);
}

/// Between the repeats; what was measured before the first is carried no further than that.
TEST(ThroughputPoints, DriftThatRepeatsShowIsTakenOut) {
  std::vector<Step> rows;
  double at = 0;
  for (const std::uint32_t n : {1, 2, 4, 8, 16, 4, 8, 16, 1}) {
    rows.push_back(known_step(n, 100.0 * n * std::exp(-1e-4 * at), 0.002));
    rows.back().window_begin_seconds = at;
    at += 60;
  }
  const auto points = throughput_points(rows);
  const double level = points[2].throughput / points[2].concurrency;
  for (std::size_t i = 2; i < points.size(); ++i)
    EXPECT_NEAR(points[i].throughput / points[i].concurrency / level, 1, 0.001) << points[i].concurrency;
  EXPECT_NEAR(points[1].throughput / points[1].concurrency / level, 1, 0.008) << "a minute before the first";
  EXPECT_GT(points[1].standard_error / points[1].throughput, 0.005);
}

TEST(Drift, TheLastOfTwoRowsFarApartIsFlagged) {
  std::vector<Step> rows = {known_step(1, 100, 0.002), known_step(8, 700, 0.002), known_step(8, 660, 0.002),
                            known_step(1, 99, 0.002)};
  mark_drift(rows);
  EXPECT_FALSE(rows[1].has_flag("DRIFT"));
  EXPECT_TRUE(rows[2].has_flag("DRIFT"));  // −5.7 %
  EXPECT_FALSE(rows[3].has_flag("DRIFT"));
  EXPECT_TRUE(rows[2].valid);
  std::vector<Step> unsure = {known_step(8, 700, 0.05), known_step(8, 660, 0.05)};
  mark_drift(unsure);
  EXPECT_FALSE(unsure[1].has_flag("DRIFT"));
  // Five short batches each: what the normal distribution would call sure is one chance in ten.
  std::vector<Step> few = {known_step(8, 700), known_step(8, 670)};
  for (Step& step : few) {
    const double x = *step.output_tokens_per_second.value, error = 0.014 * x;
    step.output_tokens_per_second = {x, Interval{x - 2.78 * error, x + 2.78 * error}, error};
  }
  mark_drift(few);
  EXPECT_FALSE(few[1].has_flag("DRIFT"));
  // A number of requests, one after the other: nothing says what is chance.
  std::vector<Step> plain = {known_step(1, 100), known_step(1, 95)};
  for (Step& step : plain) step.output_tokens_per_second = {.value = step.output_tokens_per_second.value};
  mark_drift(plain);
  EXPECT_FALSE(plain[1].has_flag("DRIFT"));
}

TEST(Usl, FindsItsOwnParametersAndLeavesOutWhatWouldBeNegative) {
  const auto law = [](double n) { return 100 * n / (1 + 0.02 * (n - 1) + 0.0001 * n * (n - 1)); };
  const auto usl = fit_usl(sampled_points({1, 2, 4, 8, 16, 32, 64, 128}, law));
  ASSERT_TRUE(usl);
  EXPECT_NEAR(usl->lambda, 100, 1e-6);
  EXPECT_NEAR(usl->sigma, 0.02, 1e-9);
  EXPECT_NEAR(usl->kappa, 0.0001, 1e-10);
  const auto soft =
      fit_usl(sampled_points({1, 2, 4, 8, 16, 32}, [](double n) { return n / (0.010 + 0.0004 * n); }));
  ASSERT_TRUE(soft);
  EXPECT_NEAR(soft->kappa, 0, 1e-9);
  EXPECT_GE(soft->sigma, 0);
  EXPECT_FALSE(fit_usl(sampled_points({1, 2, 4}, law)));
  // X²/N = 1/(a + cN)² · N is largest at a/c = 25.
  EXPECT_EQ(power_concurrency(
                sampled_points({1, 8, 16, 25, 40, 64}, [](double n) { return n / (0.010 + 0.0004 * n); })),
            25);
}

TEST(SteadyState, Mser5CutsTheSettlingAndNothingElse) {
  std::vector<double> level;
  for (int i = 0; i < 100; ++i) level.push_back(98 + i % 5);
  EXPECT_EQ(mser5(level), 0u);
  std::vector<double> settling = level;
  for (int i = 0; i < 30; ++i) settling[static_cast<std::size_t>(i)] -= 3.0 * (30 - i);
  EXPECT_EQ(mser5(settling), 30u);
  EXPECT_EQ(mser5(std::vector<double>(49, 1.0)), 0u);
  EXPECT_EQ(mser5({}), 0u);
}

}  // namespace
}  // namespace kneepoint::coordinator
