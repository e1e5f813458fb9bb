#include "common/distribution.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace kneepoint {
namespace {

constexpr int kDraws = 200'000;

struct Moments {
  double mean = 0, stddev = 0, min = 1e300, max = -1e300;
};
Moments moments(const Distribution& distribution) {
  Moments m;
  double squares = 0;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    const double value = distribution.sample(mix_bits(i));
    m.mean += value / kDraws;
    squares += value * value / kDraws;
    m.min = std::min(m.min, value);
    m.max = std::max(m.max, value);
  }
  m.stddev = std::sqrt(std::max(0.0, squares - m.mean * m.mean));
  return m;
}

Distribution make(Distribution::Kind kind, double mean, double stddev, double min, double max) {
  Distribution d;
  d.kind = kind;
  d.mean = mean, d.stddev = stddev, d.min = min, d.max = max;
  return d;
}

TEST(Distribution, ANumberIsOne) {
  const Distribution d = 512;
  EXPECT_TRUE(d.fixed());
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(d.sample_whole(mix_bits(i), 1), 512u);
  EXPECT_EQ(d.expected(), 512);
  EXPECT_EQ(d.largest(), 512);
}

TEST(Distribution, NormalHasItsMoments) {
  const Moments m = moments(make(Distribution::Kind::kNormal, 1000, 100, 0, 1e9));
  EXPECT_NEAR(m.mean, 1000, 1);
  EXPECT_NEAR(m.stddev, 100, 1);
}

TEST(Distribution, LogNormalHasTheMomentsOfItsValues) {
  const Moments m = moments(make(Distribution::Kind::kLogNormal, 1000, 500, 0, 1e9));
  EXPECT_NEAR(m.mean, 1000, 10);
  EXPECT_NEAR(m.stddev, 500, 15);
  EXPECT_GT(m.min, 0);
}

TEST(Distribution, IsClippedToItsBounds) {
  const Moments m = moments(make(Distribution::Kind::kNormal, 1000, 500, 900, 1200));
  EXPECT_EQ(m.min, 900);
  EXPECT_EQ(m.max, 1200);
}

TEST(Distribution, UniformGivesEachWholeNumberTheSameChance) {
  const Distribution d = make(Distribution::Kind::kUniform, 0, 0, 1, 4);
  std::map<std::uint32_t, int> counts;
  for (std::uint64_t i = 0; i < kDraws; ++i) ++counts[d.sample_whole(mix_bits(i), 1)];
  ASSERT_EQ(counts.size(), 4u);
  for (const auto& [value, count] : counts) EXPECT_NEAR(count, kDraws / 4, kDraws / 100) << value;
  EXPECT_EQ(d.expected(), 2.5);
}

TEST(Distribution, EmpiricalFollowsItsWeights) {
  Distribution d;
  d.kind = Distribution::Kind::kEmpirical;
  d.values = {128, 4096};
  d.weights = {3, 1};
  std::map<std::uint32_t, int> counts;
  for (std::uint64_t i = 0; i < kDraws; ++i) ++counts[d.sample_whole(mix_bits(i), 1)];
  EXPECT_NEAR(counts[128], 0.75 * kDraws, 0.01 * kDraws);
  EXPECT_EQ(counts[128] + counts[4096], kDraws);
  EXPECT_EQ(d.expected(), 0.75 * 128 + 0.25 * 4096);
  EXPECT_EQ(d.largest(), 4096);
  d.weights.clear();
  EXPECT_EQ(d.expected(), (128 + 4096) / 2.0);
}

TEST(Distribution, NothingFallsBelowTheLeast) {
  const Distribution d = make(Distribution::Kind::kNormal, 1, 10, 0, 100);
  for (std::uint64_t i = 0; i < 1000; ++i) EXPECT_GE(d.sample_whole(mix_bits(i), 1), 1u);
}

}  // namespace
}  // namespace kneepoint
