#include "coordinator/compare/paired.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "coordinator/compare/render.h"
#include "tests/coordinator/compare_samples.h"

namespace kneepoint::coordinator {
namespace {

using scenes::kBatches;
using scenes::of;
using scenes::report;
using scenes::row;
using ::testing::HasSubstr;
using ::testing::Not;

Sample window(double value, double relative_error) {
  return {.value = value, .standard_error = relative_error * value, .degrees = kBatches - 1};
}

/// A host at `speed` for the base, that drifts from window to window and scatters by `scatter`.
Turns turns(std::mt19937& random, double ratio, double drift, double scatter) {
  std::normal_distribution<double> chance;
  const auto at = [&](double place, double speed) {
    return window(100 * speed * std::exp(drift * place + scatter * chance(random)), 0.01);
  };
  return {.windows = {at(0, 1), at(1, ratio), at(2, ratio), at(3, 1)}};
}

TEST(Paired, WhatBothDriftByCancels) {
  std::mt19937 random(1);
  const auto differences = paired_differences({turns(random, 1.1, 0.2, 0), turns(random, 1.1, -0.3, 0)});
  for (const Difference& difference : differences) EXPECT_NEAR(difference.ratio, 0.1, 1e-9);
  const auto many = paired_differences(std::vector<Turns>(4, turns(random, 1.1, 0.2, 0)));
  ASSERT_TRUE(many[0].ci95);
  EXPECT_LT(many[0].ci95->high - many[0].ci95->low, 0.01) << "a drift is no chance";
}

TEST(Paired, WhoWasMeasuredFirstMakesNoDifference) {
  std::mt19937 random(1);
  const std::vector<Turns> loads(4, turns(random, 1.1, 0.2, 0.01));
  std::vector<Turns> other_way = loads;  // what was the base is the other now
  for (Turns& turns : other_way) turns.base_outside = false;
  const auto there = paired_differences(loads), back = paired_differences(other_way);
  EXPECT_NEAR((1 + there[0].ratio) * (1 + back[0].ratio), 1, 1e-9);
  EXPECT_NEAR(*there[0].p, *back[0].p, 1e-9);
}

TEST(Paired, WithFewLoadsTheWindowsOwnErrorsStand) {
  std::mt19937 random(1);
  const auto difference = paired_differences({turns(random, 1.1, 0.2, 0)}).front();
  // Half the root of four squares of 1 %, with 36 degrees of freedom.
  ASSERT_TRUE(difference.ci95);
  EXPECT_NEAR(difference.ci95->low, 1.1 * std::exp(-student_t(0.975, 36) * 0.01) - 1, 1e-6);
  Turns untold = turns(random, 1.1, 0, 0);
  untold.windows[2].standard_error.reset();
  const auto plain = paired_differences({untold}).front();
  EXPECT_FALSE(plain.tested);
  EXPECT_NEAR(plain.ratio, 0.1, 1e-9);
}

TEST(Paired, IntervalsHoldWhatTheySayWhateverTheWindowsThinkOfThemselves) {
  for (const double scatter : {0.002, 0.01, 0.05}) {  // the windows say 0.01
    std::mt19937 random(7);
    int held = 0, significant = 0;
    const int runs = 2000;
    for (int i = 0; i < runs; ++i) {
      std::vector<Turns> loads;
      for (int load = 0; load < 5; ++load) loads.push_back(turns(random, 1.05, 0.1, scatter));
      const auto differences = paired_differences(loads);
      held += differences[0].ci95->low <= 0.05 && 0.05 <= differences[0].ci95->high;
      significant += *differences[0].p < 0.05;
    }
    EXPECT_NEAR(held / double{runs}, 0.95, 0.015) << scatter;
    if (scatter < 0.01) {
      EXPECT_GT(significant / double{runs}, 0.99);
    }
  }
}

/// Three loads, four windows each in the order `whose`: every window is 5 % slower than the one before it,
/// and the other host as fast as the base.
std::pair<Report, Report> in_turns(const std::vector<int>& whose = {0, 1, 1, 0}) {
  std::vector<Step> base, other;
  double speed = 1000, at = 0;
  for (const std::uint32_t n : {1u, 8u, 32u}) {
    for (const int host : whose) {
      Step step = row(n, speed, 0.02);
      step.window_begin_seconds = at += 10;
      (host == 0 ? base : other).push_back(step);
      speed *= 0.95;
    }
  }
  Report a = report(base, "a"), b = report(other, "b");
  a.alternated = b.alternated = true;
  return {a, b};
}

std::vector<const ComparedRow*> throughput(const Comparison& comparison) {
  std::vector<const ComparedRow*> rows;
  for (const ComparedRow& row : comparison.results.at(0).rows) {
    if (row.metric == "throughput") rows.push_back(&row);
  }
  return rows;
}

TEST(Compare, TargetsThatTookTurnsAreComparedWindowByWindow) {
  auto [a, b] = in_turns();
  for (const auto& paired : {of({a, b}), of({b, a})}) {
    EXPECT_TRUE(paired.paired);
    ASSERT_EQ(throughput(paired).size(), 3u);
    for (const ComparedRow* row : throughput(paired)) {
      ASSERT_TRUE(row->differences[1]);
      EXPECT_TRUE(row->in_turns);
      EXPECT_NEAR(row->differences[1]->ratio, 0, 1e-9);
      ASSERT_TRUE(row->differences[1]->ci95);
      EXPECT_LT(row->differences[1]->ci95->high, 0.01) << "a drift is no chance, whoever is the base";
      EXPECT_FALSE(row->differences[1]->significant);
      EXPECT_THAT(difference_text(*row, 1), HasSubstr("in turns"));
    }
    EXPECT_THAT(method_text(paired), HasSubstr("took turns"));
  }
  EXPECT_FALSE(of({a, a}).paired) << "one target takes turns with nobody";
  a.alternated = b.alternated = false;
  const auto unpaired = of({a, b});
  EXPECT_FALSE(unpaired.paired);
  EXPECT_THAT(method_text(unpaired), Not(HasSubstr("took turns")));
}

TEST(Compare, WithoutFourWindowsInTurnNothingIsPaired) {
  const auto paired_at_32 = [](auto change) {
    auto [a, b] = in_turns();
    change(b.results[0].steps.back());
    const Comparison comparison = of({a, b});
    for (const ComparedRow* row : throughput(comparison)) {
      if (row->concurrency == 32) return row->in_turns;
      EXPECT_TRUE(row->in_turns);
    }
    ADD_FAILURE() << "no row";
    return false;
  };
  EXPECT_TRUE(paired_at_32([](Step&) {}));
  EXPECT_FALSE(paired_at_32([](Step& step) { step.invalidate("NO_DATA", "nothing came"); }));
  EXPECT_FALSE(paired_at_32([](Step& step) { step.warn("SUPERSEDED", "measured again"); }));
  EXPECT_FALSE(paired_at_32([](Step& step) { step.output_tokens_per_second.value = 0; }));
  auto [a, b] = in_turns({0, 1, 0, 1});
  const Comparison other_turns = of({a, b});
  for (const ComparedRow* row : throughput(other_turns)) EXPECT_FALSE(row->in_turns);
}

}  // namespace
}  // namespace kneepoint::coordinator
