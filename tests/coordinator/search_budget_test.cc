#include "coordinator/plan/search_budget.h"

#include <gtest/gtest.h>

#include "coordinator/controllers/search.h"
#include "tests/coordinator/synthetic_run.h"

/// How long a search may take, and what it leaves out for want of time.
namespace kneepoint::coordinator {
namespace {

using scenes::search_up_to;

using namespace std::chrono_literals;

TEST(SearchBudget, IsThePlansOrAThirdMoreThanSearchesUsuallyTake) {
  EXPECT_EQ(search_budget({.search = Search{.max_duration = 20min}}, 60s, 2min), Nanos(20min));
  EXPECT_EQ(search_budget(search_up_to(64)), Nanos(60min));
  Ramp held = search_up_to(64);
  held.hold = 5min;
  EXPECT_EQ(search_budget(held), 40 * Nanos(307s));
  EXPECT_EQ(search_budget(search_up_to(64), 5s), Nanos(60min));
  EXPECT_EQ(search_budget(search_up_to(64), 20s), 400 * Nanos(20s)) << "slow answers";
  EXPECT_EQ(search_budget(search_up_to(64), 10min), Nanos(4h));
  EXPECT_EQ(search_budget(search_up_to(64), 0s, 2min), Nanos(80min)) << "steps that take two minutes";
}

/// 50 slots.
Step row_at(std::uint32_t n, double begin) {
  const double b = std::min<double>(n, 50);
  Step row = scenes::known_step(n, b / (0.020 + 0.0001 * b), 0.002);
  row.window_begin_seconds = begin;
  return row;
}

TEST(SearchBudget, WhatTimeDoesNotSufficeForIsLeftOutAndTheRestConfirmed) {
  SearchSchedule schedule(Cell{.id = 3}, search_up_to(1024), 1);
  EXPECT_EQ(schedule.max_duration(), Nanos(60min));
  double second = 0;
  for (int i = 0; i < 12; ++i) {  // the climb, full load, and two steps closer to the knee
    const auto step = schedule.next({.elapsed = std::chrono::seconds(70 * i), .left = 60min});
    ASSERT_TRUE(step);
    EXPECT_FALSE(step->look);
    schedule.add(*step, row_at(step->concurrency, second += 70));
  }
  EXPECT_EQ(schedule.left_out(), "");
  const auto step = schedule.next({.elapsed = 55min, .left = 5min});
  ASSERT_TRUE(step);
  EXPECT_TRUE(step->look) << "measured again, and not closer";
  EXPECT_NE(schedule.left_out().find("the default max_duration of"), std::string::npos);
}

}  // namespace
}  // namespace kneepoint::coordinator
