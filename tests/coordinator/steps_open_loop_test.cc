#include "coordinator/controllers/steps.h"

#include <gtest/gtest.h>

#include "tests/coordinator/step_drive.h"
#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using scenes::Drive;

Ramp rates(const std::vector<double>& rates) {
  Ramp ramp{.open = OpenLoop{.max_in_flight = 100}, .warmup = 2s, .hold = 8s};
  for (const double rate : rates) ramp.open->steps.push_back({.rate = rate});
  return ramp;
}

TEST(FixedSteps, AnOpenLoopStepsItsRate) {
  Drive drive(rates({5, 20}));
  drive.until(5s);
  EXPECT_EQ(drive.controller.rate(), 5);
  EXPECT_EQ(drive.controller.concurrency(), 100u);
  drive.until(60s);
  ASSERT_EQ(drive.levels.size(), 3u);
  EXPECT_EQ(drive.levels[0].level.arrivals->rate, 5);
  EXPECT_EQ(drive.levels[1].level.arrivals->rate, 20);
  EXPECT_EQ(drive.levels[1].level.concurrency, 100u);
  EXPECT_EQ(drive.levels[1].level.effective_at, 11s);
  EXPECT_EQ(drive.levels[2].level.concurrency, 0u);
  EXPECT_FALSE(drive.levels[2].level.arrivals);
  ASSERT_EQ(drive.controller.windows().size(), 2u);
  EXPECT_EQ(drive.controller.windows()[0].rate, 5);
  EXPECT_EQ(drive.controller.windows()[1].rate, 20);
  EXPECT_EQ(drive.controller.windows()[1].end, 21);
  EXPECT_EQ(drive.controller.rate(), std::nullopt);
}

/// Runs rates against a host that ends at most `capacity` requests a second; a second is reported as it ends.
void run_against(double capacity, Drive& drive, Timeline& timeline, int limit) {
  timeline.add_agent(1, 0);
  drive.fleet.timeline = &timeline;
  double left = 0;
  for (int s = 0; s < limit && !drive.controller.done(); ++s) {
    drive.until(std::chrono::seconds(s + 1));
    double rate = 0;
    for (const auto& sent : drive.levels) {
      if (sent.level.effective_at <= std::chrono::seconds(s))
        rate = sent.level.arrivals ? sent.level.arrivals->rate : 0;
    }
    SecondSnapshot second{.second = s};
    SeriesStats& stats = second.series[{.cell = 3}];
    stats.arrivals = static_cast<std::uint64_t>(rate);
    const double ended = std::min(capacity, left + rate);
    stats.outcomes[0] = static_cast<std::uint64_t>(ended);
    left += rate - ended;
    stats.backlog = left;
    timeline.add(1, {.sequence = static_cast<std::uint64_t>(s), .complete_through = s, .seconds = {second}});
  }
}

TEST(FixedSteps, AFallingRateWaitsUntilWhatTheOneBeforeLeftIsServed) {
  Drive drive(rates({96, 12}));
  Timeline timeline;
  run_against(58, drive, timeline, 120);
  ASSERT_EQ(drive.controller.windows().size(), 2u);
  EXPECT_EQ(drive.controller.windows()[0].begin, 3);
  // Ten seconds leave 380, which are gone after 380/(58 − 12) = 8.3 s; then as much is seen to end as comes.
  EXPECT_GE(drive.controller.windows()[1].begin, 11 + 9 + 4);
  EXPECT_LE(drive.controller.windows()[1].begin, 11 + 9 + 6);
  EXPECT_TRUE(drive.controller.done());
}

TEST(FixedSteps, AFallingRateThatIsStillTooMuchIsNotWaitedFor) {
  Drive drive(rates({96, 90, 30}));
  Timeline timeline;
  run_against(58, drive, timeline, 120);
  ASSERT_EQ(drive.controller.windows().size(), 3u);
  EXPECT_LE(drive.controller.windows()[1].begin, 11 + 6);
  EXPECT_GE(drive.controller.windows()[2].begin, drive.controller.windows()[1].end + 700 / 28);
}

TEST(FixedSteps, ADrainThatNeverEndsIsNotWaitedForLong) {
  Drive drive(rates({96, 57}));
  Timeline timeline;
  run_against(58, drive, timeline, 500);
  ASSERT_EQ(drive.controller.windows().size(), 2u);
  EXPECT_EQ(drive.controller.windows()[1].begin, 11 + 300);
}

TEST(FixedSteps, ASpikeOfARateIsCountedLikewise) {
  Drive drive(rates({5, 20, 5}));
  drive.until(60s);
  ASSERT_EQ(drive.controller.windows().size(), 3u);
  EXPECT_EQ(drive.controller.windows()[1].attempt, 1u);
  EXPECT_EQ(drive.controller.windows()[2].attempt, 2u);
}

TEST(FixedSteps, ATraceDoesNotWaitForTheHostToSettle) {
  Ramp ramp = rates({5});
  ramp.open->steps[0].kind = ArrivalProcess::Kind::kTrace;
  Drive drive(ramp);
  drive.fleet.residence = 5s;
  drive.until(60s);
  ASSERT_EQ(drive.controller.windows().size(), 1u);
  EXPECT_EQ(drive.controller.windows()[0].begin, 3);
  EXPECT_EQ(drive.controller.windows()[0].end, 11);
}

}  // namespace
}  // namespace kneepoint::coordinator
