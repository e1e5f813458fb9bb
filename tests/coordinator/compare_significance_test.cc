#include "coordinator/compare/significance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "coordinator/compare/threshold.h"
#include "tests/coordinator/compare_samples.h"

namespace kneepoint::coordinator {
namespace {

using scenes::around;
using scenes::find;
using scenes::kBatches;
using scenes::limit;
using scenes::of;
using scenes::report;

TEST(Significance, WelchAgreesWithItsFormula) {
  // Relative errors of 3 % and 4 % with 9 and 4 degrees of freedom: 5 %, and 5⁴ / (3⁴/9 + 4⁴/4) = 8.56.
  const Difference d = difference({.value = 100, .standard_error = 3, .degrees = 9},
                                  {.value = 120, .standard_error = 4.8, .degrees = 4});
  const double degrees = 625.0 / (81.0 / 9 + 256.0 / 4);
  EXPECT_NEAR(d.ratio, 0.2, 1e-12);
  EXPECT_NEAR(*d.p, 2 * student_t_upper_tail(std::log(1.2) / 0.05, degrees), 1e-12);
  EXPECT_NEAR(std::log(1 + d.ci95->high), std::log(1.2) + student_t(0.975, degrees) * 0.05, 1e-12);
}

TEST(Significance, BothDirectionsAgree) {
  const Sample a{.value = 100, .standard_error = 2, .degrees = 5},
      b{.value = 107, .standard_error = 3, .degrees = 8};
  EXPECT_NEAR(*difference(a, b).p, *difference(b, a).p, 1e-12);
}

TEST(Significance, WithoutErrorsNothingIsTested) {
  const Difference d = difference({.value = 1}, {.value = 2});
  EXPECT_EQ(d.ratio, 1);
  EXPECT_FALSE(d.tested);
  EXPECT_FALSE(d.p);
}

TEST(Significance, BracketsDifferWhereTheyDoNotOverlap) {
  const auto bracket = [](double low, double high) {
    return Sample{.value = low, .range = Interval{low, high}};
  };
  EXPECT_TRUE(difference(bracket(16, 32), bracket(8, 16)).significant);
  EXPECT_FALSE(difference(bracket(16, 32), bracket(24, 48)).significant);
}

TEST(Significance, HolmStepsDownAndStops) {
  std::vector<Difference> d(4);
  d[0].p = 0.04, d[1].p = 0.001, d[2].p = 0.016, d[3].p = 0.03;
  apply_holm({&d[0], &d[1], &d[2], &d[3]});
  // 0.001 ≤ 0.05/4; 0.016 ≤ 0.05/3; 0.03 > 0.05/2, and there it ends.
  EXPECT_TRUE(d[1].significant);
  EXPECT_TRUE(d[2].significant);
  EXPECT_FALSE(d[3].significant);
  EXPECT_FALSE(d[0].significant);
}

/// The promise of the method: of runs that do not differ, at most one in twenty shows any difference.
TEST(Significance, EqualRunsRarelyDiffer) {
  std::mt19937_64 random(20'260'101);
  std::normal_distribution<double> batch(1000, 40);
  const auto measured = [&](std::uint32_t n) {
    std::vector<double> batches(kBatches);
    for (double& value : batches) value = batch(random);
    const Moments m = moments(batches);
    const double se = m.stddev / std::sqrt(static_cast<double>(kBatches));
    Step step{.concurrency = n};
    step.batches = kBatches;
    step.output_tokens_per_second = {m.mean, around(m.mean, se), se};
    return step;
  };
  int alarms = 0, missed = 0, intervals = 0, covered = 0;
  constexpr int kRuns = 1000;
  for (int run = 0; run < kRuns; ++run) {
    const auto ladder = [&] { return report({measured(1), measured(2), measured(4), measured(8)}); };
    const Comparison comparison = of({ladder(), ladder()});
    bool any = false;
    for (const std::uint32_t n : {1u, 2u, 4u, 8u}) {
      const auto& d = find(comparison, "throughput", n)->differences[1];
      any = any || d->significant;
      ++intervals;
      covered += d->ci95->low <= 0 && d->ci95->high >= 0 ? 1 : 0;
    }
    alarms += any ? 1 : 0;
    missed += check(limit("throughput<-0.1%"), comparison, true).missed.empty() ? 0 : 1;
  }
  EXPECT_LE(missed, kRuns * 0.05 + 3 * std::sqrt(kRuns * 0.05 * 0.95)) << "a gate";
  EXPECT_LE(alarms, 0.06 * kRuns);
  EXPECT_GE(alarms, 0.005 * kRuns) << "so cautious that it would find nothing";
  EXPECT_NEAR(static_cast<double>(covered) / intervals, 0.95, 0.015);
}

}  // namespace
}  // namespace kneepoint::coordinator
