#include "coordinator/results/units.h"
#include "coordinator/verdict/movement.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "coordinator/verdict/burst.h"
#include "coordinator/verdict/lasting_change.h"
#include "coordinator/verdict/stalls.h"

/// Rows of a host whose speed is a function of time, made by arithmetic.
namespace kneepoint::coordinator {
namespace {

/// 40 tokens a second for each request up to 50 of them.
double capacity(double load) {
  return 40 * std::min(load, 50.0);
}

class MovingHost {
 public:
  explicit MovingHost(std::function<double(double at, double load)> speed) : speed_(std::move(speed)) {}

  /// Measures `load` for so many seconds, after a settling of eight.
  MovingHost& row(std::uint32_t load, double seconds = 20) {
    Step step{.concurrency = load, .window_begin_seconds = now_ + 8, .duration_seconds = seconds};
    double sum = 0;
    for (double t = 0; t < seconds; t += 0.5) {
      noise_ = noise_ * 1103515245u + 12345u;
      const double chance = 1 + 0.01 * (static_cast<double>(noise_ >> 16 & 0xffff) / 32768.0 - 1);
      step.half_seconds.push_back(capacity(load) / 2 * chance *
                                  speed_(step.window_begin_seconds + t + 0.25, load));
      sum += step.half_seconds.back();
    }
    const double x = sum / seconds;
    step.output_tokens_per_second = {
        .value = x, .ci95 = Interval{0.99 * x, 1.01 * x}, .standard_error = 0.005 * x};
    step.requests.completed = static_cast<std::uint64_t>(x * seconds / 32);
    step.requests_per_second.value = x / 32;
    step.ttft_seconds.p50 = ttft_(now_, load);
    step.tpot_seconds.p50 = 0.02;
    step.e2e_seconds.p50 = 0.7;
    step.refused.assign(static_cast<std::size_t>(seconds), 0.0);
    now_ += 8 + seconds;
    steps_.push_back(std::move(step));
    return *this;
  }
  /// Rows of a search: it doubles, then comes back to what decides.
  MovingHost& search() {
    for (const std::uint32_t load : {1, 2, 4, 8, 16, 32, 64, 128}) row(load);
    for (const std::uint32_t load : {45, 50, 95, 45, 50, 95}) row(load, 30);
    row(1, 60);
    for (const std::uint32_t load : {50, 45, 95, 50}) row(load, 60);
    return row(1, 60);
  }
  MovingHost& ttft(std::function<double(double at, double load)> of) {
    ttft_ = std::move(of);
    return *this;
  }
  std::vector<Step>& steps() { return steps_; }
  Movement moved() const { return find_movement(steps_).value_or(Movement{}); }

 private:
  std::function<double(double, double)> speed_;
  std::function<double(double, double)> ttft_ = [](double, double) { return 0.03; };
  double now_ = 0;
  std::uint32_t noise_ = 7;
  std::vector<Step> steps_;
};

/// The last row was refused requests from second `from` on, and gave this share of what it would have.
void refuse(Step& step, std::size_t from, double share) {
  for (std::size_t i = from; i < step.refused.size(); ++i) step.refused[i] = 12;
  double sum = 0;
  for (std::size_t i = 0; i < step.half_seconds.size(); ++i) {
    if (i >= 2 * from) step.half_seconds[i] *= share;
    sum += step.half_seconds[i];
  }
  step.output_tokens_per_second.value = sum / step.duration_seconds;
  step.requests.failed = 12 * (step.refused.size() - from);
  step.requests.by_outcome[static_cast<std::size_t>(Outcome::kRejected)] = step.requests.failed;
}

TEST(Movement, ASteadyHostDoesNotMove) {
  MovingHost host([](double, double) { return 1.0; });
  EXPECT_FALSE(find_movement(host.search().steps()));
  EXPECT_FALSE(find_movement({}));
}

TEST(Movement, RowsThatAreNotRepeatedSayNothing) {
  MovingHost host([](double, double) { return 1.0; });
  for (const std::uint32_t load : {1, 4, 16, 64}) host.row(load, 10);
  EXPECT_FALSE(find_movement(host.steps()));
}

TEST(Movement, ASlowerHostSaysSinceWhenAndByHowMuch) {
  MovingHost host([](double at, double) { return at < 338 ? 1 : 0.62; });
  const Movement moved = host.search().moved();
  EXPECT_EQ(moved.kind, "stepped");
  ASSERT_TRUE(moved.at_seconds && moved.ratio);
  EXPECT_NEAR(*moved.at_seconds, 338, 30);
  EXPECT_NEAR(*moved.ratio, 0.62, 0.03);
  EXPECT_NE(moved.explanation.find("38 % slower since 05:"), std::string::npos) << moved.explanation;
}

TEST(Movement, MoreCapacityIsAStepThatASingleRequestDoesNotFeel) {
  MovingHost host([](double at, double load) { return at > 300 && load > 40 ? 1.8 : 1.0; });
  const Movement moved = host.search().moved();
  EXPECT_EQ(moved.kind, "stepped");
  EXPECT_GT(moved.ratio.value_or(0), 1.5);
}

TEST(Movement, ACacheThatFillsAnswersALoneRequestSooner) {
  MovingHost host([](double at, double) { return 1 - 0.4 * std::exp(-at / 120); });
  host.ttft([](double at, double) { return 0.02 + 0.06 * std::exp(-at / 120); });
  const Movement moved = host.search().moved();
  EXPECT_EQ(moved.kind, "warming");
  // From 60 % at the very first to all of it: no load can have shown more than that.
  EXPECT_GT(moved.ratio.value_or(0), 1.03);
  EXPECT_LT(moved.ratio.value_or(9), 1 / 0.6 + 0.05);
}

TEST(Movement, AHostThatIsFasterAtAllTokensDoesNotWarmUp) {
  MovingHost host([](double at, double) { return at < 400 ? 1.0 : 1.25; });
  host.ttft([](double at, double) { return at < 400 ? 0.03 : 0.024; });
  host.search();
  for (Step& step : host.steps()) *step.tpot_seconds.p50 = step.window_begin_seconds < 400 ? 0.02 : 0.016;
  EXPECT_EQ(host.moved().kind, "stepped");
}

TEST(Movement, ADriftKeepsItsPace) {
  for (const double by_the_hour : {-0.5, -1.0, 0.6}) {
    MovingHost host([by_the_hour](double at, double) { return std::exp(by_the_hour * at / 3600); });
    const Movement moved = host.search().moved();
    EXPECT_EQ(moved.kind, "drifting") << by_the_hour << moved.explanation;
  }
}

TEST(Movement, AWaveIsNamedWithItsPeriod) {
  for (const double period : {24.0, 80.0, 190.0}) {
    MovingHost host(
        [period](double at, double) { return 1 + 0.2 * std::sin(2 * std::numbers::pi * at / period); });
    const Movement moved = host.search().moved();
    EXPECT_EQ(moved.kind, "periodic") << period << moved.explanation;
    EXPECT_NEAR(moved.period_seconds.value_or(0), period, 0.1 * period);
    EXPECT_NEAR(moved.ratio.value_or(0), 0.8 / 1.2, 0.08);
  }
}

TEST(Movement, StreamsInStepAreNoWave) {
  // They beat at the residence, here 0.7 s and in the seconds 3 s.
  for (const double beat : {0.7, 3.0}) {
    MovingHost host(
        [beat](double at, double) { return 1 + 0.2 * std::sin(2 * std::numbers::pi * at / beat); });
    EXPECT_EQ(host.search().moved().kind, "") << beat;
  }
}

TEST(Movement, ANeighbourByChanceWanders) {
  // On for these, off between: no clock.
  MovingHost host([](double at, double) {
    for (const auto& [from, until] : std::vector<std::pair<double, double>>{{20, 70},
                                                                            {95, 110},
                                                                            {180, 290},
                                                                            {310, 330},
                                                                            {420, 436},
                                                                            {520, 640},
                                                                            {655, 690},
                                                                            {760, 770},
                                                                            {850, 990}}) {
      if (at >= from && at < until) return 0.7;
    }
    return 1.0;
  });
  EXPECT_EQ(host.search().moved().kind, "wandering");
}

TEST(Movement, HeatSlowsDownUnderLoadAndIsGoneAfterRest) {
  // Every loaded row begins fast: loads in between are light.
  MovingHost host([](double, double) { return 1.0; });
  for (int round = 0; round < 3; ++round) host.row(50, 60).row(1, 60);
  for (Step& step : host.steps()) {
    if (step.concurrency == 1) continue;
    for (std::size_t i = 0; i < step.half_seconds.size(); ++i)
      step.half_seconds[i] *= 1 - 0.35 * std::min(1.0, static_cast<double>(i) / 60);
  }
  EXPECT_EQ(host.moved().kind, "heat");
}

TEST(Movement, StallsAreCounted) {
  MovingHost host([](double at, double) { return std::fmod(at, 31) < 1 ? 0.0 : 1.0; });
  const Movement moved = host.search().moved();
  EXPECT_EQ(moved.kind, "stalls");
  EXPECT_NEAR(moved.period_seconds.value_or(0), 31, 5);
  EXPECT_NEAR(find_stalls(host.steps())->lost, 1.0 / 31, 0.01);
}

TEST(Movement, OneStallIsAnAccident) {
  MovingHost host([](double at, double) { return at > 150 && at < 151 ? 0.0 : 1.0; });
  EXPECT_FALSE(find_stalls(host.search().steps()));
}

TEST(Burst, ALoadThatWasTakenAndIsRefusedLaterHadAnAllowance) {
  MovingHost host([](double, double) { return 1.0; });
  for (const std::uint32_t load : {8, 16, 32, 64}) host.row(load);
  host.row(40);
  refuse(host.steps().back(), 0, 0.5);
  const auto burst = find_burst(host.steps());
  ASSERT_TRUE(burst);
  EXPECT_EQ(burst->load, 40);
  EXPECT_NEAR(burst->sustained, 800, 20);
  EXPECT_NEAR(burst->most, 2000, 20);
  EXPECT_EQ(host.moved().kind, "burst");
}

TEST(Burst, RefusalsThatBeginWithinARowAreOneToo) {
  MovingHost host([](double, double) { return 1.0; });
  for (const std::uint32_t load : {8, 16, 32, 64}) host.row(load, 30);
  refuse(host.steps().back(), 12, 0.5);
  const auto burst = find_burst(host.steps());
  ASSERT_TRUE(burst);
  EXPECT_NEAR(burst->at_seconds, host.steps().back().window_begin_seconds + 12, 0.1);
  EXPECT_NEAR(burst->sustained, 1000, 30);  // of the row's end, not of all of it
}

TEST(Burst, ATargetThatRefusesByLoadHasNone) {
  MovingHost host([](double, double) { return 1.0; });
  for (const std::uint32_t load : {8, 16, 32, 64, 128}) {
    host.row(load);
    if (load > 40) refuse(host.steps().back(), 0, 0.8);
  }
  host.row(32);
  EXPECT_FALSE(find_burst(host.steps()));
}

TEST(Quota, AHostThatLetsEverythingInAndThenNothingHasOneForEachMinute) {
  MovingHost host([](double, double) { return 1.0; });
  host.row(32).row(64);
  refuse(host.steps().back(), 10, 0);
  EXPECT_FALSE(has_quota(host.steps())) << "it may have failed for good";
  host.row(128);
  refuse(host.steps().back(), 18, 0);
  EXPECT_TRUE(has_quota(host.steps()));
  for (int i = 0; i < 2; ++i) {
    host.row(128, 60);
    refuse(host.steps().back(), 30, 0);
  }
  const auto burst = find_burst(host.steps());
  ASSERT_TRUE(burst);
  EXPECT_NEAR(burst->sustained, 1000, 20) << "of whole minutes, and not of what was left of them";
  EXPECT_EQ(burst->rows, 2u);
}

TEST(Quota, ABucketThatIsRefilledIsNone) {
  MovingHost host([](double, double) { return 1.0; });
  host.row(32).row(64).row(128);
  refuse(host.steps()[1], 10, 0.4);
  refuse(host.steps()[2], 0, 0.4);
  EXPECT_FALSE(has_quota(host.steps()));
}

TEST(LastingChange, ARowWithinWhichTheHostChangedTellsWhen) {
  MovingHost host([](double at, double) { return at < 200 ? 1.0 : 0.6; });
  for (const std::uint32_t load : {32, 64}) host.row(load);
  host.row(50, 300);  // it begins at 64 s
  host.row(64).row(50);
  const auto change = find_lasting_change(host.steps());
  ASSERT_TRUE(change);
  EXPECT_NEAR(std::exp(change->factor), 0.6, 0.02);
  EXPECT_LE(change->at, host.steps().back().window_begin_seconds + 10);
}

/// Two pods, and one since `leaves`.
MovingHost of_pods(double leaves) {
  return MovingHost([leaves](double at, double load) {
    return at < leaves ? std::min(load, 100.0) / std::min(load, 50.0) : 1.0;
  });
}

/// Nothing was measured again at 256, but 206 shows that it is of the host as it was.
TEST(LastingChange, ABestJumpInNoiseIsNone) {
  // Seen: a mix of unlike requests, four blocks of five seconds, and a "jump" of 11 % that refuted every row.
  const auto of_blocks = [](double at, double load) {
    constexpr double kBlocks[] = {0.90, 1.03, 1.00, 1.05};
    return load < 2 ? 1 : kBlocks[std::min<std::size_t>(static_cast<std::size_t>((at - 36) / 5), 3)];
  };
  EXPECT_FALSE(find_lasting_change(MovingHost(of_blocks).row(1).row(2).steps()));
  const auto clean = [](double at, double load) { return load < 2 || at > 46 ? 1 : 0.9; };
  EXPECT_TRUE(find_lasting_change(MovingHost(clean).row(1).row(2).steps()));
}

TEST(LastingChange, RowsThatGaveMoreThanTheHostCanAreFromBeforeIt) {
  MovingHost host = of_pods(224);
  for (const std::uint32_t load : {16, 32, 64, 128, 256, 512, 256}) host.row(load);  // until 196 s
  host.row(108).row(108).row(64).row(206);  // the pod leaves in the first of these
  const auto change = find_lasting_change(host.steps());
  ASSERT_TRUE(change);
  EXPECT_GT(change->at, host.steps()[6].window_begin_seconds + 10) << "the last row at 256";
}

TEST(LastingChange, ARowBesideOneThatFellIsFromBeforeIt) {
  MovingHost host = of_pods(196);
  for (const std::uint32_t load : {32, 105, 113, 215, 105, 215, 105}) host.row(load);
  host.row(113);
  const auto change = find_lasting_change(host.steps());
  ASSERT_TRUE(change);
  EXPECT_GT(change->at, host.steps()[6].window_begin_seconds + 10) << "the last row at 105";
}

/// The row at 256 was measured half-way, and is so uncertain that by its own error it agrees with its repeat.
TEST(LastingChange, ARowOnTheWayThereIsFromBeforeIt) {
  MovingHost host([](double at, double) { return at < 60 ? 0.6 : at < 118 ? 0.85 : 1.0; });
  for (const std::uint32_t load : {64, 128, 100, 256, 64, 128, 256, 64}) host.row(load);
  Step& halfway = host.steps()[3];
  const double x = *halfway.output_tokens_per_second.value;
  halfway.output_tokens_per_second.ci95 = Interval{0.8 * x, 1.2 * x};
  const auto change = find_lasting_change(host.steps());
  ASSERT_TRUE(change);
  EXPECT_GT(change->at, halfway.window_begin_seconds + 10);
}

/// Throughput changes within its rows because the load does.
TEST(LastingChange, ALoadThatMovesIsNoChangeOfTheHost) {
  MovingHost host([](double at, double) { return at < 200 ? 1.0 : 0.6; });
  host.row(32).row(50, 300).row(64);
  for (Step& step : host.steps()) step.warn("MOVING", "the load moved");
  EXPECT_FALSE(find_lasting_change(host.steps()));
}

TEST(LastingChange, WhatDriftsIsNone) {
  MovingHost drifting([](double at, double) { return std::exp(-at / 3600); });
  EXPECT_FALSE(find_lasting_change(drifting.search().steps()));
}

TEST(Movement, TimesOfTheRunAreToldAsAClock) {
  EXPECT_EQ(format_run_time(192), "03:12");
  EXPECT_EQ(format_run_time(3792), "1:03:12");
}

}  // namespace
}  // namespace kneepoint::coordinator
