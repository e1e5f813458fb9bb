#include "agent/load/run_clock.h"

#include <gtest/gtest.h>

namespace kneepoint::agent {
namespace {

using namespace std::chrono_literals;

TEST(RunClock, FollowsADriftOfTenPartsInAMillionOverEightHours) {
  const MonoTime zero(1h);
  RunClock clock(zero, zero);
  for (Nanos passed = 1s; passed <= 8h; passed += 1s) {
    const MonoTime measured = zero + passed / 100'000;
    EXPECT_TRUE(clock.follow(measured, zero + passed));
    ASSERT_EQ(clock.zero(), measured);
  }
  EXPECT_EQ(clock.zero() - zero, 288ms);
}

TEST(RunClock, NoSecondBecomesNoticeablyShorterOrLonger) {
  for (const Nanos jump : {Nanos(1h), Nanos(-1h)}) {
    const MonoTime zero(5h);
    RunClock clock(zero, zero);
    Nanos run_time{0};  // as the clock shows it
    for (Nanos passed = 1s; passed <= 60s; passed += 1s) {
      clock.follow(zero + jump, zero + passed);
      const Nanos shown = zero + passed - clock.zero();
      EXPECT_GE(shown - run_time, 1s - 500us);
      EXPECT_LE(shown - run_time, 1s + 500us);
      run_time = shown;
    }
  }
}

TEST(RunClock, WhatIsToldTwiceAtOnceMovesNothingMore) {
  const MonoTime zero(1h);
  RunClock clock(zero, zero);
  EXPECT_TRUE(clock.follow(zero + 1s, zero + 2s));
  EXPECT_EQ(clock.zero(), zero + 1ms);
  EXPECT_FALSE(clock.follow(zero + 1s, zero + 2s));
  EXPECT_FALSE(clock.follow(zero + 1s, zero)) << "nor does what comes out of order";
  EXPECT_EQ(clock.zero(), zero + 1ms);
}

}  // namespace
}  // namespace kneepoint::agent
