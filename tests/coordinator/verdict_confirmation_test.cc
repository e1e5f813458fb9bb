#include "coordinator/verdict/confirmation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "coordinator/verdict/saturation.h"
#include "coordinator/verdict/scatter.h"
#include "coordinator/verdict/supersede.h"
#include "coordinator/verdict/throughput_curve.h"
#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using scenes::known_step;

/// A hard cap: b/(a + c·b), b = min(n, cap).
double capped(double n, double cap) {
  const double b = std::min(n, cap);
  return b / (0.020 + 0.0001 * b);
}

/// Rows one after the other, 70 s apart.
class Rows {
 public:
  void add(std::uint32_t n, double throughput, std::optional<Look> look = {}) {
    Step step = known_step(n, throughput, 0.003);
    step.window_begin_seconds = 70.0 * static_cast<double>(steps.size());
    step.look = look;
    steps.push_back(step);
  }
  /// One mirrored round at a host of this cap.
  void confirm(double cap, double low, double high) {
    const auto visit = [&](double n, std::uint32_t look) {
      add(static_cast<std::uint32_t>(n), capped(n, cap), Look{.number = look, .low = low, .high = high});
    };
    for (const double n : {low, high, 2 * low, 2 * high}) visit(n, 1);
    for (const double n : {2 * high, 2 * low, high, low}) visit(n, 2);
  }
  std::vector<Step> steps;
};

TEST(Scatter, WhatRepeatsScatterByIsInEveryRowsError) {
  Rows rows;
  for (const std::uint32_t n : {1u, 2u, 4u, 8u, 16u, 32u, 64u, 128u}) rows.add(n, capped(n, 50));
  for (const auto& point : throughput_points(rows.steps))
    EXPECT_LT(point.standard_error / point.throughput, 0.008) << point.concurrency;
  for (const double factor : {0.93, 1.07, 0.96, 1.05}) rows.add(32, factor * capped(32, 50));
  EXPECT_GT(scatter_of(curve_rows(rows.steps)).ratio, 0.04);
  for (const auto& point : throughput_points(rows.steps))
    EXPECT_GT(point.standard_error / point.throughput, point.rows > 1 ? 0.015 : 0.04) << point.concurrency;
}

TEST(Scatter, ADriftIsCarriedNoFurtherThanTheRepeats) {
  Rows rows;
  rows.add(1, 50);
  for (int i = 0; i < 8; ++i) rows.add(32 + 32 * (i % 2), 1000 * std::exp(-0.01 * i));
  const Scatter scatter = scatter_of(curve_rows(rows.steps));
  ASSERT_LT(scatter.drift, 0);
  EXPECT_GT(scatter.correction(scatter.until), scatter.correction(scatter.from));
  EXPECT_EQ(scatter.correction(scatter.until + 5000), scatter.correction(scatter.until));
  EXPECT_GT(scatter.correction_error(scatter.until + 5000), 5 * scatter.correction_error(scatter.until));
}

TEST(Scatter, WidensTheIntervalsThatTheReportShows) {
  std::vector<Step> steps = {known_step(8, 1000, 0.001)};
  widen_by_scatter(steps, 0.05);
  const Estimate& x = steps[0].output_tokens_per_second;
  EXPECT_NEAR(x.ci95->high - *x.value, 98, 2);
  EXPECT_NEAR(*x.standard_error, 50, 1);
}

TEST(Supersede, WhatCameBeforeAChangeForGood) {
  Rows rows;
  for (const std::uint32_t n : {1u, 16u, 32u, 64u, 128u}) rows.add(n, capped(n, 50));
  for (const std::uint32_t n : {16u, 32u, 64u, 128u, 32u, 64u})
    rows.add(n, capped(n, 50) * (n > 16 ? 0.6 : 0.9));
  EXPECT_TRUE(mark_superseded(rows.steps));
  EXPECT_FALSE(mark_superseded(rows.steps)) << "idempotent";
  for (std::size_t i = 0; i < rows.steps.size(); ++i)
    EXPECT_EQ(rows.steps[i].has_flag("SUPERSEDED"), i < 5) << i;
}

TEST(Supersede, NothingOfASteadyHostNorOfOneThatDrifts) {
  Rows steady, drifting;
  for (int i = 0; i < 12; ++i) {
    const auto n = static_cast<std::uint32_t>(16 << (i % 3));
    steady.add(n, capped(n, 50) * (1 + 0.004 * (i % 2)));
    drifting.add(n, capped(n, 50) * (1 - 0.01 * i));
  }
  EXPECT_FALSE(mark_superseded(steady.steps));
  EXPECT_FALSE(mark_superseded(drifting.steps));
}

TEST(Supersede, ABurstAllowanceIsNoCapacity) {
  Rows rows;
  for (const std::uint32_t n : {1u, 8u, 16u, 32u, 64u}) rows.add(n, capped(n, 50));
  rows.add(48, 500);
  rows.steps.back().requests.failed = 300;
  rows.steps.back().requests.by_outcome[static_cast<std::size_t>(Outcome::kRejected)] = 300;
  rows.steps.back().invalidate("LOW_OCCUPANCY", "slots were backing off");
  mark_superseded(rows.steps);
  for (const Step& step : rows.steps)
    EXPECT_EQ(step.has_flag("SUPERSEDED"), *step.output_tokens_per_second.value > 530) << step.concurrency;
  EXPECT_EQ(find_saturation(rows.steps).max_output_tokens_per_second, 500) << "at most a row that counts";
}

Saturation found(double low, double high) {
  Saturation saturation;
  saturation.ci95 = Interval{low, high};
  saturation.concurrency = std::sqrt(low * high);
  return saturation;
}

std::string state_of(const Rows& rows) {
  return judge_confirmation(rows.steps, found(44, 50)).value_or(Finding{}).state;
}

TEST(Confirmation, HoldsWhereTheEndsStillLieOnEitherSide) {
  Rows rows;
  for (const std::uint32_t n : {1u, 32u, 44u, 50u, 64u, 100u}) rows.add(n, capped(n, 50));
  EXPECT_EQ(state_of(rows), "MEASURED ONCE");
  rows.confirm(50, 44, 50);
  EXPECT_EQ(state_of(rows), "HOLDS");
}

TEST(Confirmation, IsContradictedWhereMoreLoadStillHelpsAtTheHighEnd) {
  Rows rows;
  for (const std::uint32_t n : {1u, 32u, 44u, 50u, 64u, 100u}) rows.add(n, capped(n, 50));
  rows.confirm(100, 44, 50);
  EXPECT_EQ(state_of(rows), "CONTRADICTED");
}

TEST(Confirmation, IsContradictedWhereMoreLoadHelpsNoMoreAtTheLowEnd) {
  Rows rows;
  for (const std::uint32_t n : {1u, 32u, 44u, 50u, 64u, 100u}) rows.add(n, capped(n, 50));
  rows.confirm(25, 44, 50);
  EXPECT_EQ(state_of(rows), "CONTRADICTED");
}

TEST(Confirmation, OneLookIsNotEnough) {
  Rows rows;
  for (const std::uint32_t n : {1u, 32u, 44u, 50u, 64u, 100u}) rows.add(n, capped(n, 50));
  rows.confirm(50, 44, 50);
  rows.steps.resize(rows.steps.size() - 4);
  EXPECT_EQ(state_of(rows), "MEASURED ONCE");
}

/// X(2N) is no more than X(N) past a peak, although twice the load still helps up to the peak.
TEST(Confirmation, PastAPeakTheMostUpToTwiceTheLoadCounts) {
  Rows rows;
  const auto x = [](double n) { return n <= 60 ? 20 * n : 1200 - 10 * (n - 60); };
  for (const std::uint32_t n : {1u, 32u, 56u, 58u, 60u, 112u, 116u}) rows.add(n, x(n));
  for (const std::uint32_t look : {1u, 2u}) {
    for (const std::uint32_t n : {56u, 58u, 60u, 112u, 116u})
      rows.add(n, x(n), Look{.number = look, .low = 56, .high = 58});
  }
  const auto finding = judge_confirmation(rows.steps, found(56, 58));
  EXPECT_EQ(finding->state, "HOLDS") << finding->explanation;
}

TEST(Claims, AWideIntervalIsARangeAndNoPoint) {
  Rows rows;
  for (const std::uint32_t n : {1u, 2u, 4u, 8u, 16u, 32u, 64u}) rows.add(n, capped(n, 24));
  const Saturation saturation = find_saturation(rows.steps);
  EXPECT_FALSE(saturation.concurrency);
  ASSERT_TRUE(saturation.ci95);
  EXPECT_EQ(saturation.ci95->low, 16);
  EXPECT_EQ(saturation.ci95->high, 32);
  EXPECT_EQ(saturation.from(), 32);
  EXPECT_FALSE(saturation.lower_bound);
}

TEST(Claims, NoCollapseFromOneRow) {
  Rows rows;
  for (const std::uint32_t n : {1u, 2u, 4u, 8u, 16u, 32u, 64u}) rows.add(n, capped(n, 24));
  rows.add(128, 0.6 * capped(128, 24));
  EXPECT_TRUE(find_saturation(rows.steps).shape.empty());
  EXPECT_NE(find_saturation(rows.steps).explanation.find("measured once"), std::string::npos);
  rows.add(128, 0.6 * capped(128, 24));
  rows.add(64, capped(64, 24));
  EXPECT_EQ(find_saturation(rows.steps).shape, std::vector<std::string>{"collapse"});
}

}  // namespace
}  // namespace kneepoint::coordinator
