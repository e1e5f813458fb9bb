#include "coordinator/measure/statistics.h"

#include <gtest/gtest.h>

#include <random>

#include "coordinator/measure/batch_means.h"

namespace kneepoint::coordinator {
namespace {

TEST(Statistics, StudentTAgreesWithPrintedTables) {
  EXPECT_NEAR(student_t(0.975, 4), 2.776, 0.001);
  EXPECT_NEAR(student_t(0.975, 9), 2.262, 0.001);
  EXPECT_NEAR(student_t(0.95, 9), 1.833, 0.001);
}

TEST(Statistics, ClopperPearsonAgreesWithPrintedTables) {
  // Two-sided 95 % limits of the tables are one-sided 97.5 % ones: 1 of 10 is 0.0025 to 0.4450.
  EXPECT_NEAR(proportion_lower(1, 10, 0.975), 0.0025, 0.0001);
  EXPECT_NEAR(proportion_upper(1, 10, 0.975), 0.4450, 0.0001);
  EXPECT_NEAR(proportion_lower(50, 100, 0.975), 0.3983, 0.0001);
  EXPECT_NEAR(proportion_upper(50, 100, 0.975), 0.6017, 0.0001);
  // None of n: 1 − 0.05^(1/n); the "rule of three".
  EXPECT_NEAR(proportion_upper(0, 59), 1 - std::pow(0.05, 1.0 / 59), 1e-12);
  EXPECT_EQ(proportion_lower(0, 59), 0);
  EXPECT_EQ(proportion_upper(7, 7), 1);
  EXPECT_EQ(proportion_upper(0, 0), 1);
  EXPECT_EQ(proportion_lower(0, 0), 0);
}

TEST(Statistics, PercentilesNeedTheirMinimumCounts) {
  EXPECT_EQ(minimum_count(0.90), 64u);
  EXPECT_EQ(minimum_count(0.95), 130u);
  EXPECT_EQ(minimum_count(0.99), 662u);
}

using Values = std::vector<double>;

TEST(Statistics, IsotonicFitPoolsAdjacentViolators) {
  const Values ones(5, 1.0);
  EXPECT_EQ(isotonic_fit(Values{1, 2, 3, 4, 5}, ones), (Values{1, 2, 3, 4, 5}));
  EXPECT_EQ(isotonic_fit(Values{5, 4, 3, 2, 1}, ones), (Values{3, 3, 3, 3, 3}));
  EXPECT_EQ(isotonic_fit(Values{1, 3, 2, 4, 3}, ones), (Values{1, 2.5, 2.5, 3.5, 3.5}));
  EXPECT_EQ(isotonic_fit(Values{1, 4, 1}, Values{1, 1, 3}), (Values{1, 1.75, 1.75}));
  // A pooled block that falls below its predecessor is pooled again.
  EXPECT_EQ(isotonic_fit(Values{2, 3, 1, 0}, Values{1, 1, 1, 1}), (Values{1.5, 1.5, 1.5, 1.5}));
  EXPECT_TRUE(isotonic_fit(Values{}, Values{}).empty());
}

TEST(Statistics, TheilSenIgnoresOutliersAndKnowsItsDoubt) {
  Values line;
  for (int i = 0; i < 20; ++i) line.push_back(100 + 0.5 * i);
  line[7] = 1e6;
  const auto trend = theil_sen(line);
  ASSERT_TRUE(trend);
  EXPECT_NEAR(trend->slope, 0.5, 1e-9);
  EXPECT_GT(trend->ci95.low, 0);
  Values alternating;
  for (int i = 0; i < 20; ++i) alternating.push_back(i % 2 == 0 ? 90 : 110);
  const auto none = theil_sen(alternating);
  EXPECT_LE(none->ci95.low, 0);
  EXPECT_GE(none->ci95.high, 0);
  EXPECT_FALSE(theil_sen(Values{1, 2, 3, 4, 5}));
  Values hours(7200);
  for (std::size_t i = 0; i < hours.size(); ++i) hours[i] = 3.0 * static_cast<double>(i);
  EXPECT_NEAR(theil_sen(hours)->slope, 3, 1e-9);
}

TEST(BatchMeans, BatchesAreAtLeastTwoResidencesLong) {
  EXPECT_EQ(plan_batches(60, 1)->count, 10);
  EXPECT_EQ(plan_batches(60, 4)->count, 7);
  EXPECT_EQ(plan_batches(60, 6)->count, 5);
  EXPECT_FALSE(plan_batches(60, 6)->short_window);
  EXPECT_EQ(plan_batches(60, 6.1)->count, 5);
  EXPECT_TRUE(plan_batches(60, 6.1)->short_window);
  EXPECT_EQ(plan_batches(8, 0.01)->count, 8);  // nor shorter than a second, where so many fit
  EXPECT_EQ(plan_batches(3, 0.01)->count, 5);
  EXPECT_FALSE(plan_batches(2, 1));  // five batches would be shorter than the finest bin
}

TEST(BatchMeans, BatchesAreOfWholeBins) {
  EXPECT_EQ(batch_means(Values{1, 2, 3, 4}, 2), (Values{1.5, 3.5}));
  EXPECT_EQ(batch_means(Values{1, 2, 3, 4, 5, 6, 7, 8}, 5), (Values{1.5, 3.5, 5, 6.5, 8}));
  EXPECT_TRUE(batch_means(Values{1, 2, 3}, 5).empty());
}

/// Eight independent bins make eight batches or five. Where batches shared bins, ten of eight covered 87 %.
TEST(BatchMeans, BatchesOfFewBinsCoverToo) {
  std::mt19937_64 random(20'261'128);
  std::normal_distribution<double> bin(100, 10);
  constexpr int kRuns = 4000;
  for (const double residence : {0.01, 0.5, 0.75}) {
    const Batches batches = *plan_batches(8, residence);
    int covered = 0;
    for (int run = 0; run < kRuns; ++run) {
      Values bins(8);
      for (double& value : bins) value = bin(random);
      const Estimate estimate = batch_estimate(moments(bins).mean, batch_means(bins, batches.count), batches);
      if (estimate.ci95->low <= 100 && 100 <= estimate.ci95->high) ++covered;
    }
    EXPECT_GE(covered, 0.935 * kRuns) << batches.count << " batches";
  }
}

/// A load that rises by `rise` over the window, and the batches of what it gave.
struct Rising {
  Values values;
  double mean;  ///< The true one.
};
Rising rising(double rise, std::size_t bins, std::mt19937_64& random) {
  std::normal_distribution<double> noise(0, 2);
  Rising series{.mean = 100};
  for (std::size_t i = 0; i < bins; ++i) {
    const double place = (static_cast<double>(i) + 0.5) / static_cast<double>(bins) - 0.5;
    series.values.push_back(100 + rise * place + noise(random));
  }
  return series;
}

TEST(BatchMeans, ARiseOfTheLoadIsNoNoise) {
  constexpr int kRuns = 2000;
  for (const int count : {5, 10}) {
    for (const double rise : {0.0, 10.0, 80.0}) {
      std::mt19937_64 random(17);
      double still = 0, moving = 0;
      int covered = 0;
      for (int run = 0; run < kRuns; ++run) {
        const Rising series = rising(rise, 20, random);
        const Values batches = batch_means(series.values, count);
        const double value = moments(series.values).mean;
        const auto half = [&](const Batches& b) {
          return batch_estimate(value, batches, b).ci95->high - value;
        };
        still += half({.count = count}) / kRuns;
        moving += half({.count = count, .moving = true}) / kRuns;
        if (std::abs(value - series.mean) <= half({.count = count, .moving = true})) ++covered;
      }
      EXPECT_NEAR(covered, 0.95 * kRuns, 0.02 * kRuns) << count << " batches, rise " << rise;
      // The line costs one degree of freedom, and is worth it from a small rise on.
      EXPECT_LT(moving, rise == 0    ? 1.2 * still
                        : rise == 10 ? still
                                     : 0.2 * still)
          << count << " batches, rise " << rise;
    }
  }
}

TEST(BatchMeans, GrowthIsThatOfTheLine) {
  const Trend exact = batch_growth(Values{10, 12, 14, 16, 18}, {.count = 5});
  EXPECT_NEAR(exact.slope, 10, 1e-12);  // five batches of 2, from edge to edge
  EXPECT_NEAR(exact.ci95.low, 10, 1e-6);
  // Residuals (1, -2, 0, 2, -1) about that line: their sum of squares 10 on 3 degrees of freedom, and Σ of
  // squared places 10.
  const Trend doubtful = batch_growth(Values{11, 10, 14, 18, 17}, {.count = 5});
  EXPECT_NEAR(doubtful.slope, 10, 1e-12);
  EXPECT_NEAR(doubtful.ci95.high - 10, 5 * student_t(0.975, 3) * std::sqrt(10.0 / 3 / 10), 1e-9);
  const Trend doubled = batch_growth(Values{11, 10, 14, 18, 17}, {.count = 5, .short_window = true});
  EXPECT_NEAR(doubled.ci95.high - 10, 2 * (doubtful.ci95.high - 10), 1e-9);
}

TEST(BatchMeans, ShortWindowsDoubleTheError) {
  const Values values = {9, 10, 11, 10, 10};
  const Estimate plain = batch_estimate(10, values, {5, false});
  const Estimate doubled = batch_estimate(10, values, {5, true});
  EXPECT_NEAR(*plain.standard_error, std::sqrt(0.5 / 5), 1e-12);
  EXPECT_NEAR(plain.ci95->high - 10, student_t(0.975, 4) * *plain.standard_error, 1e-12);
  EXPECT_NEAR(*doubled.standard_error, 2 * *plain.standard_error, 1e-12);
}

TEST(BatchMeans, BatchesThatAgreeStillHaveEdges) {
  // 24 streams that tick together each 10 ms, looked at for 10 s from any instant: the count is off by a
  // tick.
  const Values agreeing = {2400, 2400, 2400, 2400, 2400};
  EXPECT_EQ(*batch_estimate(2400, agreeing, {5, false}).standard_error, 0);
  const double edge = edge_error(24, 10);
  const Estimate estimate = batch_estimate(2400, agreeing, {5, false}, edge);
  EXPECT_NEAR(*estimate.standard_error, 2.4 / std::sqrt(6), 1e-12);
  EXPECT_NEAR(estimate.ci95->high - 2400, 1.96 * edge, 1e-4);
  // Where batches differ by more, they decide.
  const Values differing = {2300, 2500, 2400, 2350, 2450};
  EXPECT_EQ(*batch_estimate(2400, differing, {5, false}, edge).standard_error,
            *batch_estimate(2400, differing, {5, false}).standard_error);
}

TEST(BatchMeans, EdgesOfATickingCountErrAsMuch) {
  // The standard deviation over random phases of how many ticks fall into windows of random length.
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> phase(0, 1);
  double squares = 0;
  constexpr int kWindows = 20'000;
  for (int i = 0; i < kWindows; ++i) {
    const double length = 50 + phase(random);  // in ticks
    const double begin = phase(random);
    const double ticks = std::floor(begin + length) - std::floor(begin);
    squares += (ticks - length) * (ticks - length);
  }
  EXPECT_NEAR(std::sqrt(squares / kWindows), edge_error(1, 1), 0.01);
}

TEST(BatchMeans, IntervalsCoverTheMeanOfACorrelatedProcess) {
  // AR(1) with a correlation time of about 2 bins; batches of 12 bins.
  std::mt19937_64 random(20261121);
  std::normal_distribution<double> noise;
  int covered = 0;
  constexpr int kRuns = 500;
  for (int run = 0; run < kRuns; ++run) {
    Values bins(120);
    double state = 0;
    double sum = 0;
    for (double& bin : bins) {
      state = 0.6 * state + noise(random);
      bin = 100 + state;
      sum += bin;
    }
    const Estimate estimate = batch_estimate(sum / 120, batch_means(bins, 10), {10, false});
    if (estimate.ci95->low <= 100 && 100 <= estimate.ci95->high) ++covered;
  }
  EXPECT_GE(covered, kRuns * 90 / 100);
}

}  // namespace
}  // namespace kneepoint::coordinator
