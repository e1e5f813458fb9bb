#include "common/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace kneepoint {
namespace {

using namespace std::chrono_literals;

TEST(HistogramLayout, EveryValueLiesInItsBucketWithin39HundredthsOfAPercent) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> exponent(std::log(1e3), std::log(86'400e9));
  for (int i = 0; i < 200'000; ++i) {
    const Nanos value(static_cast<Nanos::rep>(std::exp(exponent(random))));
    const auto index = HistogramLayout::index_of(value);
    ASSERT_LE(HistogramLayout::lower_seconds(index), to_seconds(value) * (1 + 1e-12));
    ASSERT_GT(HistogramLayout::upper_seconds(index), to_seconds(value));
    const double error =
        std::abs(HistogramLayout::middle_seconds(index) - to_seconds(value)) / to_seconds(value);
    // 1/256 above 1,024 ns; below it buckets are 8 ns wide.
    ASSERT_LE(error, std::max(1.0 / 256, 4e-9 / to_seconds(value)) + 1e-12) << value.count() << " ns";
  }
}

TEST(HistogramLayout, BucketsTouchAndCoverTheRange) {
  for (std::uint32_t i = 0; i + 1 < HistogramLayout::kBucketCount; ++i) {
    ASSERT_DOUBLE_EQ(HistogramLayout::upper_seconds(i), HistogramLayout::lower_seconds(i + 1));
  }
  EXPECT_EQ(HistogramLayout::index_of(0ns), 0u);
  EXPECT_EQ(HistogramLayout::index_of(HistogramLayout::limit() - 1ns), HistogramLayout::kBucketCount - 1);
  EXPECT_GT(HistogramLayout::limit(), 24h);
}

TEST(Histogram, MomentsAndEndsAreExact) {
  Histogram histogram;
  for (const auto value : {10ms, 20ms, 30ms, 40ms}) histogram.record(value);
  EXPECT_EQ(histogram.count(), 4u);
  EXPECT_NEAR(*histogram.mean_seconds(), 0.025, 1e-12);
  EXPECT_NEAR(*histogram.stddev_seconds(), 0.0129099445, 1e-9);
  EXPECT_DOUBLE_EQ(histogram.min_seconds(), 0.010);
  EXPECT_DOUBLE_EQ(histogram.max_seconds(), 0.040);
  EXPECT_DOUBLE_EQ(*histogram.quantile_seconds(1.0), 0.040);
}

TEST(Histogram, AnEmptyOneHasNoFigures) {
  const Histogram histogram;
  EXPECT_FALSE(histogram.mean_seconds());
  EXPECT_FALSE(histogram.stddev_seconds());
  EXPECT_FALSE(histogram.quantile_seconds(0.5));
  Histogram one;
  one.record(1ms);
  EXPECT_FALSE(one.stddev_seconds());
  EXPECT_TRUE(one.mean_seconds());
}

TEST(Histogram, QuantilesFollowTheSortedSample) {
  std::mt19937_64 random(11);
  std::lognormal_distribution<double> latency(std::log(0.08), 0.9);
  std::vector<double> sample;
  Histogram histogram;
  for (int i = 0; i < 20'000; ++i) {
    const Nanos value = from_seconds(latency(random));
    sample.push_back(to_seconds(value));
    histogram.record(value);
  }
  std::sort(sample.begin(), sample.end());
  for (const double q : {0.01, 0.5, 0.9, 0.95, 0.99, 0.999}) {
    const double exact = sample[static_cast<std::size_t>(std::ceil(q * sample.size())) - 1];
    EXPECT_NEAR(*histogram.quantile_seconds(q), exact, exact * 0.0040) << q;
  }
}

TEST(Histogram, MergingManyEqualsOneOverAllSamples) {
  std::mt19937_64 random(5);
  std::exponential_distribution<double> latency(20);
  Histogram all;
  std::vector<Histogram> parts(17);
  for (int i = 0; i < 5'000; ++i) {
    const Nanos value = from_seconds(latency(random));
    all.record(value);
    parts[i % parts.size()].record(value);
  }
  Histogram merged;
  for (const Histogram& part : parts) merged.merge(part);
  EXPECT_TRUE(std::ranges::equal(merged.buckets(), all.buckets()));
  EXPECT_EQ(merged.count(), all.count());
  EXPECT_DOUBLE_EQ(merged.min_seconds(), all.min_seconds());
  EXPECT_DOUBLE_EQ(merged.max_seconds(), all.max_seconds());
  EXPECT_NEAR(merged.sum_seconds(), all.sum_seconds(), 1e-9);
}

TEST(Histogram, OverflowIsCountedAndRanksLast) {
  Histogram histogram;
  histogram.record(1s, 9);
  histogram.record(48h);
  EXPECT_EQ(histogram.count(), 10u);
  EXPECT_EQ(histogram.overflow(), 1u);
  EXPECT_DOUBLE_EQ(*histogram.quantile_seconds(1.0), 48 * 3600.0);
  EXPECT_NEAR(*histogram.quantile_seconds(0.9), 1.0, 0.004);
  EXPECT_DOUBLE_EQ(histogram.count_above(10), 1);
}

TEST(Histogram, NegativeValuesCountAsZero) {
  Histogram histogram;
  histogram.record(-5ms);
  EXPECT_DOUBLE_EQ(histogram.min_seconds(), 0);
  EXPECT_EQ(histogram.buckets().front().index, 0u);
}

TEST(Histogram, CountAboveSplitsTheStraddlingBucket) {
  Histogram histogram;
  histogram.record(100ms, 10);
  histogram.record(200ms, 5);
  EXPECT_DOUBLE_EQ(histogram.count_above(0.15), 5);
  EXPECT_DOUBLE_EQ(histogram.count_above(0.3), 0);
  EXPECT_DOUBLE_EQ(histogram.count_above(0.05), 15);
}

TEST(DenseHistogram, DrainsToTheSameHistogramAndForgets) {
  DenseHistogram dense;
  std::mt19937_64 random(3);
  std::exponential_distribution<double> latency(5);
  for (int round = 0; round < 3; ++round) {
    Histogram sparse;
    for (int i = 0; i < 1'000; ++i) {
      const Nanos value = from_seconds(latency(random));
      dense.record(value);
      sparse.record(value);
    }
    dense.record(30h * 2);
    sparse.record(30h * 2);
    const Histogram drained = dense.drain();
    EXPECT_TRUE(std::ranges::equal(drained.buckets(), sparse.buckets()));
    EXPECT_EQ(drained.overflow(), sparse.overflow());
    EXPECT_DOUBLE_EQ(drained.max_seconds(), sparse.max_seconds());
    EXPECT_DOUBLE_EQ(drained.min_seconds(), sparse.min_seconds());
    EXPECT_TRUE(dense.empty());
  }
}

}  // namespace
}  // namespace kneepoint
