#include "coordinator/controllers/search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "coordinator/controllers/step_runner.h"
#include "coordinator/verdict/saturation.h"
#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using scenes::known_step;
using scenes::search_up_to;

/// X = b/(a + c·b), b = min(N, cap), with half a percent of uncertainty.
double throughput(double n, double cap) {
  const double b = std::min(n, cap);
  return b / (0.020 + 0.0001 * b);
}

/// Answers every probe of a planner at once.
struct Host {
  double cap = 50;
  std::uint32_t refuse_above = 1'000'000;
  std::uint32_t starve_above = 1'000'000;
  std::uint32_t slo_passes_to = 1'000'000;

  Step measure(const Probe& probe) const {
    Step step =
        known_step(probe.concurrency, throughput(std::min(probe.concurrency, refuse_above), cap), 0.002);
    step.tpot_seconds.p50 = 0.025;
    step.ttft_seconds.p50 = 0.025;
    if (probe.concurrency > starve_above) step.invalidate("CLIENT_BOUND", "a thread was busy");
    if (probe.concurrency > refuse_above) {
      step.requests.failed = 100;
      step.requests.by_outcome[static_cast<std::size_t>(Outcome::kRejected)] = 100;
      step.invalidate("LOW_OCCUPANCY", "");
    }
    step.slo.push_back({.name = "ttft_p95", .state = probe.concurrency > slo_passes_to ? "FAIL" : "PASS"});
    return step;
  }
};

std::vector<Probe> run(const Host& host, Search search, std::vector<SloLimit> slo = {},
                       std::uint32_t first = 1) {
  SearchPlanner planner(search, std::move(slo), first);
  std::vector<Probe> probes;
  while (const auto probe = planner.next()) {
    probes.push_back(*probe);
    planner.add(*probe, host.measure(*probe));
    if (probes.size() > 2 * SearchPlanner::kMostSteps) break;
  }
  EXPECT_LE(probes.size(), SearchPlanner::kMostSteps + 2);
  return probes;
}

std::vector<std::uint32_t> scouted(const std::vector<Probe>& probes) {
  std::vector<std::uint32_t> doubling;
  for (const Probe& probe : probes) {
    if (!doubling.empty() && probe.concurrency <= doubling.back()) break;
    doubling.push_back(probe.concurrency);
  }
  return doubling;
}

TEST(SearchPlanner, DoublesUntilThroughputStopsFollowingTwice) {
  EXPECT_EQ(scouted(run({}, {.max = 4096})), (std::vector<std::uint32_t>{1, 2, 4, 8, 16, 32, 64, 128, 256}));
  EXPECT_EQ(scouted(run({}, {.max = 100})), (std::vector<std::uint32_t>{1, 2, 4, 8, 16, 32, 64, 100}));
  EXPECT_EQ(scouted(run({}, {.max = 4096}, {}, 3)), (std::vector<std::uint32_t>{3, 6, 12, 24, 48, 96, 192}));
}

TEST(SearchPlanner, ClosesInOnTheKneeAndMeasuresBothSidesTwiceItAndTheBaseline) {
  constexpr double kKnee = 46.8;  // 0.95·X_max·a / (1 − 0.95·X_max·c)
  std::set<std::uint32_t> measured;
  double below = 0;
  double above = 1e9;
  for (const Probe& probe : run({}, {.max = 4096})) {
    if (probe.scout) continue;
    measured.insert(probe.concurrency);
    if (probe.concurrency < kKnee) below = std::max<double>(below, probe.concurrency);
    if (probe.concurrency > kKnee) above = std::min<double>(above, probe.concurrency);
  }
  EXPECT_GE(below, kKnee / SearchPlanner::kResolution);
  EXPECT_LE(above, kKnee * SearchPlanner::kResolution);
  EXPECT_TRUE(measured.contains(1));
  EXPECT_TRUE(std::any_of(measured.begin(), measured.end(), [](auto n) { return n >= 85 && n <= 101; }));
}

TEST(SearchPlanner, ConfirmsTheEndsOfItsIntervalLastUpAndDownInTurn) {
  const auto probes = run({}, {.max = 4096});
  std::vector<Probe> looks;
  for (const Probe& probe : probes) {
    if (probe.look) looks.push_back(probe);
  }
  ASSERT_EQ(looks.size(), 8u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(looks[i].concurrency, looks[7 - i].concurrency) << "a round is mirrored";
    EXPECT_EQ(looks[i].look->number, 1u);
    EXPECT_EQ(looks[7 - i].look->number, 2u);
  }
  EXPECT_LT(looks[0].concurrency, 46.8);
  EXPECT_GT(looks[1].concurrency, 46.8);
  EXPECT_NEAR(looks[2].concurrency, 2 * looks[0].concurrency, 0.05 * looks[2].concurrency);
  EXPECT_NEAR(looks[3].concurrency, 2 * looks[1].concurrency, 0.05 * looks[3].concurrency);
}

TEST(SearchPlanner, HoldsTheHostUnderFullLoadFirstAndComesBackToLightLoadLast) {
  const auto probes = run({}, {.max = 4096});
  const auto held = std::find_if(probes.begin(), probes.end(), [](const Probe& p) { return p.hold; });
  ASSERT_NE(held, probes.end());
  EXPECT_EQ(held - probes.begin(), 9) << "right after the climb of nine";
  EXPECT_EQ(held->concurrency, 128u) << "a load of the climb, twice the knee or more";
  EXPECT_FALSE(std::next(held)->hold) << "once where nothing moves";
  EXPECT_EQ(probes.back().concurrency, 1u);
  EXPECT_TRUE(probes.back().back);
  bool looked = false;
  for (const Probe& probe : probes) {
    looked = looked || probe.look;
    EXPECT_TRUE(looked || !probe.back) << "light load lets a host rest: not before it is confirmed";
  }
}

/// Gets faster by what is left of it from row to row, as a cache that fills.
TEST(SearchPlanner, HoldsAsLongAsTheHostGoesOnWarmingUp) {
  SearchPlanner planner({.max = 4096}, {}, 1);
  Host host;
  double second = 0, cold = 0.5;
  std::size_t held = 0, visits = 0;
  while (const auto probe = planner.next()) {
    Step step = host.measure(*probe);
    if (step.concurrency > 1) {
      *step.output_tokens_per_second.value *= 1 - cold;
      step.output_tokens_per_second.ci95->low *= 1 - cold;
      step.output_tokens_per_second.ci95->high *= 1 - cold;
      cold *= probe->hold ? 0.5 : 0.9;
    }
    step.window_begin_seconds = second += 70;
    held += probe->hold ? 1 : 0;
    planner.add(*probe, step);
    ASSERT_LE(++visits, 2 * SearchPlanner::kMostSteps);
  }
  EXPECT_GE(held, 4u);
  EXPECT_LE(held, 12u);
  const auto found = find_saturation(planner.steps(), {});
  ASSERT_TRUE(found.concurrency) << found.explanation;
  EXPECT_NEAR(*found.concurrency, 46.8, 2);
  EXPECT_TRUE(planner.steps().front().has_flag("SUPERSEDED"));
}

/// One row that comes out lower by chance does not end the hold, and five that lie close together do not.
TEST(SearchPlanner, HoldsASlowlyWarmingHostUntilLittleIsLeft) {
  SearchPlanner planner({.max = 4096}, {}, 1);
  Host host;
  double second = 0, cold = 0.5, left = 1;
  std::size_t held = 0, visits = 0;
  while (const auto probe = planner.next()) {
    Step step = host.measure(*probe);
    const double chance = probe->hold ? 1 + (held % 4 == 3 ? -0.012 : 0.002) : 1;
    if (step.concurrency > 1) {
      *step.output_tokens_per_second.value *= (1 - cold) * chance;
      step.output_tokens_per_second.ci95->low *= (1 - cold) * chance * 0.99;
      step.output_tokens_per_second.ci95->high *= (1 - cold) * chance * 1.01;
    }
    if (probe->hold) {
      ++held;
      left = cold;
    }
    cold *= probe->hold ? 0.8 : 0.9;
    step.requests_per_second.value = *step.output_tokens_per_second.value / 32;
    step.window_begin_seconds = second += 70;
    planner.add(*probe, step);
    ASSERT_LE(++visits, 2 * SearchPlanner::kMostSteps);
  }
  EXPECT_GE(held, 8u);
  EXPECT_LT(left, 0.015) << "when it was held last";
}

/// A second pod joins after the search has closed in: what it confirms contradicts what it found.
TEST(SearchPlanner, AContradictedAnswerIsMeasuredAgainFromTheRowsSince) {
  SearchPlanner planner({.max = 4096}, {}, 1);
  Host host;
  std::size_t visits = 0;
  double second = 0;
  while (const auto probe = planner.next()) {
    if (probe->look) host.cap = 100;
    Step step = host.measure(*probe);
    step.window_begin_seconds = second += 70;
    planner.add(*probe, step);
    ASSERT_LE(++visits, 2 * SearchPlanner::kMostSteps);
  }
  const auto found = find_saturation(planner.steps(), {});
  ASSERT_TRUE(found.concurrency) << found.explanation;
  EXPECT_NEAR(*found.concurrency, 90.5, 3) << "0.95 X_max a / (1 - 0.95 X_max c) of 100 slots";
  EXPECT_TRUE(planner.steps().front().has_flag("SUPERSEDED"));
}

/// A pod leaves after the answer was confirmed: light load shows it, and full load is held once more.
TEST(SearchPlanner, WhatLightLoadShowsLastIsLookedAtUnderFullLoad) {
  SearchPlanner planner({.max = 4096}, {}, 1);
  Host host;
  host.cap = 100;
  std::size_t visits = 0;
  bool looked = false;
  double second = 0;
  while (const auto probe = planner.next()) {
    looked = looked || probe->look;
    if (looked && probe->back) host.cap = 50;
    Step step = host.measure(*probe);
    step.window_begin_seconds = second += 70;
    planner.add(*probe, step);
    ASSERT_LE(++visits, 2 * SearchPlanner::kMostSteps);
  }
  const auto found = find_saturation(planner.steps(), {});
  ASSERT_TRUE(found.concurrency) << found.explanation;
  EXPECT_NEAR(*found.concurrency, 46.8, 2);
  EXPECT_LT(*found.max_output_tokens_per_second, 1.1 * throughput(50, 50)) << "no row from before";
}

/// Past 90 each request slows the others down; a row at 87 that came out 1 % low makes the way up look flat.
TEST(SearchPlanner, APeakIsNotHiddenByARowThatCameOutLow) {
  SearchPlanner planner({.max = 512}, {}, 1);
  std::set<std::uint32_t> seen;
  while (const auto probe = planner.next()) {
    const double n = probe->concurrency;
    const double x = n / (0.020 + 0.0001312 * n + 0.0008 * std::max(0.0, n - 90));
    seen.insert(probe->concurrency);
    planner.add(*probe, known_step(probe->concurrency, n == 87 ? 0.99 * x : x, 0.002));
    ASSERT_LE(planner.steps().size(), 2 * SearchPlanner::kMostSteps);
  }
  EXPECT_TRUE(std::any_of(seen.begin(), seen.end(), [](auto n) { return n > 87 && n < 91; }))
      << ::testing::PrintToString(seen);
}

TEST(SearchPlanner, OneLookPastTheFirstRefusalAndNoFurther) {
  const auto probes = run({.refuse_above = 40}, {.max = 4096});
  EXPECT_EQ(scouted(probes), (std::vector<std::uint32_t>{1, 2, 4, 8, 16, 32, 64, 128}));
}

TEST(SearchPlanner, AStarvedGeneratorEndsTheClimb) {
  const auto probes = run({.starve_above = 16}, {.max = 4096});
  EXPECT_EQ(scouted(probes), (std::vector<std::uint32_t>{1, 2, 4, 8, 16, 32}));
  for (const Probe& probe : probes) EXPECT_LE(probe.concurrency, 32u);
  EXPECT_EQ(std::count_if(probes.begin(), probes.end(), [](const Probe& p) { return p.concurrency == 32; }),
            2);
}

TEST(SearchPlanner, AStallOfTheGeneratorCostsOneLookAndNotTheClimb) {
  const Host host;
  Host stalled;
  stalled.starve_above = 0;
  SearchPlanner planner({.max = 4096}, {}, 1);
  std::vector<std::uint32_t> seen;
  while (const auto probe = planner.next()) {
    const bool first_at_8 = probe->concurrency == 8 && std::find(seen.begin(), seen.end(), 8u) == seen.end();
    seen.push_back(probe->concurrency);
    planner.add(*probe, (first_at_8 ? stalled : host).measure(*probe));
    ASSERT_LE(seen.size(), 2 * SearchPlanner::kMostSteps);
  }
  seen.resize(7);
  EXPECT_EQ(seen, (std::vector<std::uint32_t>{1, 2, 4, 8, 8, 16, 32}));
}

TEST(SearchPlanner, NarrowsTheLimitsBracketToTenPercent) {
  const SloLimit limit{.metric = SloMetric::kTtft, .limit = 100ms};
  std::uint32_t pass = 0;
  std::uint32_t fail = 1'000'000;
  for (const Probe& probe : run({.slo_passes_to = 21}, {.max = 4096}, {limit})) {
    if (probe.concurrency <= 21) pass = std::max(pass, probe.concurrency);
    if (probe.concurrency > 21) fail = std::min(fail, probe.concurrency);
  }
  EXPECT_LE(fail, pass * SearchPlanner::kResolution + 1);
}

TEST(SearchPlanner, WhereALineTellsTheKneeItSharpensWellBelowItAndAtTwiceIt) {
  std::size_t below = 0, twice = 0;
  for (const Probe& probe : run({.cap = 1e6}, {.max = 16'384, .precision = 0.01})) {  // the knee is at 1,800
    if (!probe.thorough) continue;
    below += probe.concurrency >= 600 && probe.concurrency <= 1100 ? 1 : 0;
    twice += probe.concurrency >= 3200 && probe.concurrency <= 4000 ? 1 : 0;
    EXPECT_TRUE(probe.concurrency <= 1900 || probe.concurrency >= 3200) << probe.concurrency;
  }
  EXPECT_GE(below, 2u);
  EXPECT_GE(twice, 2u);
}

TEST(SearchPlanner, AskedForMorePrecisionItMeasuresMoreThoroughly) {
  const auto thorough = [](double precision) {
    const auto probes = run({}, {.max = 4096, .precision = precision});
    return std::count_if(probes.begin(), probes.end(), [](const Probe& probe) { return probe.thorough; });
  };
  EXPECT_EQ(thorough(0.2), 0);
  EXPECT_GT(thorough(0.02), 0);
}

/// Drives a controller in virtual time; every second every slot gets 50 tokens and ends two requests of 500
/// ms.
struct SearchDrive {
  explicit SearchDrive(const Ramp& ramp, Workload workload = {})
      : cell{.id = 3, .workload = std::move(workload)},
        controller(cell, std::make_unique<SearchSchedule>(cell, ramp, 1), 7) {
    timeline.add_agent(0, 0);
  }

  void until(Nanos limit, const Host& host = {}) {
    for (; now < limit && !controller.done(); now += 50ms) {
      const FleetView fleet{.residence = 500ms,
                            .idle = controller.phase() == Phase::kDrain,
                            .timeline = &timeline,
                            .measure = [&](const StepWindow& window) {
                              return host.measure({.concurrency = window.concurrency});
                            }};
      if (auto level = controller.next(now, fleet)) levels.push_back(*level);
      const auto second = std::chrono::floor<std::chrono::seconds>(now).count();
      if (timeline.complete_through() < second - 1) {
        SecondSnapshot part{.second = second - 1};
        part.series[SeriesKey{.cell = 3}].reported_tokens = {100, 100};
        timeline.add(0, {.complete_through = second - 1, .seconds = {part}});
      }
      for (; given < controller.windows().size() &&
             timeline.complete_through() + 1 >= controller.windows()[given].end;
           ++given) {
        controller.measured(given, host.measure({.concurrency = controller.windows()[given].concurrency}));
      }
    }
  }

  Cell cell;
  StepRunner controller;
  Timeline timeline;
  Nanos now{0};
  std::size_t given = 0;
  std::vector<LoadLevel> levels;
};

TEST(SearchSchedule, KeepsTheFleetWarmAndSpreadsWhatItAdds) {
  SearchDrive drive(search_up_to(1024));
  drive.until(3600s);
  ASSERT_TRUE(drive.controller.done());
  EXPECT_TRUE(drive.controller.cut_short().empty());
  std::uint64_t epoch = 7;
  std::uint32_t running = 0;
  for (const LoadLevel& level : drive.levels) {
    EXPECT_EQ(level.epoch, epoch++);
    EXPECT_EQ(level.cell, 3u);
    EXPECT_EQ(level.effective_at % 1s, Nanos(0));
    EXPECT_EQ(level.warm_slots, std::min(running, level.concurrency));
    EXPECT_EQ(level.spread_over, level.concurrency > running ? 500ms : 0ms);
    running = level.concurrency;
  }
  EXPECT_EQ(drive.levels.back().concurrency, 0u);
  EXPECT_EQ(drive.controller.next_epoch(), epoch);
}

TEST(SearchSchedule, UsersWhoThinkSpreadOverTheirWholeCycle) {
  Workload workload;
  workload.think_time = 3;
  SearchDrive drive(search_up_to(8), workload);
  drive.until(3600s);
  ASSERT_GE(drive.levels.size(), 2u);
  EXPECT_EQ(drive.levels[1].spread_over, 3500ms);
  const StepWindow& scouted = drive.controller.windows().at(1);
  EXPECT_GE(std::chrono::seconds(scouted.begin), scouted.level_at + 3500ms + 5s);
}

TEST(SearchSchedule, WindowsFollowTheWarmUpAndAttemptsAreCounted) {
  SearchDrive drive(search_up_to(1024));
  drive.until(3600s);
  std::map<std::uint32_t, std::uint32_t> attempts;
  for (const StepWindow& window : drive.controller.windows()) {
    EXPECT_GE(std::chrono::seconds(window.begin), window.level_at + 5s);
    EXPECT_GE(window.end - window.begin, 20);
    EXPECT_EQ(window.attempt, ++attempts[window.concurrency]);
  }
  EXPECT_GE(attempts[1], 2u);  // scouted, measured
}

TEST(SearchSchedule, APlansHoldFixesEveryWindow) {
  Ramp ramp = search_up_to(1024);
  ramp.hold = 12s;
  SearchDrive drive(ramp);
  drive.until(3600s);
  ASSERT_TRUE(drive.controller.done());
  for (const StepWindow& window : drive.controller.windows()) EXPECT_EQ(window.end - window.begin, 12);
}

TEST(SearchSchedule, MaxDurationEndsItEarlyAndSaysSo) {
  Ramp ramp = search_up_to(1024);
  ramp.search->max_duration = 3min;
  SearchDrive drive(ramp);
  EXPECT_EQ(drive.controller.time_left(0s), 3min);
  drive.until(3600s);
  ASSERT_TRUE(drive.controller.done());
  EXPECT_LE(drive.levels.back().effective_at, 3min);
  EXPECT_FALSE(drive.controller.windows().empty());
  EXPECT_NE(drive.controller.cut_short().find("max_duration"), std::string::npos);
}

TEST(SearchSchedule, AnInterruptKeepsTheSecondsMeasuredSoFar) {
  SearchDrive drive(search_up_to(1024));
  drive.until(17s);
  ASSERT_EQ(drive.controller.phase(), Phase::kHold);
  drive.controller.interrupt(17300ms);
  drive.controller.interrupt(17400ms);  // idempotent
  drive.until(60s);
  ASSERT_TRUE(drive.controller.done());
  ASSERT_EQ(drive.controller.windows().size(), 1u);
  EXPECT_EQ(drive.controller.windows()[0].end, 17);
  EXPECT_TRUE(drive.controller.windows()[0].interrupted);
  EXPECT_FALSE(drive.controller.windows()[0].agent_lost);
}

}  // namespace
}  // namespace kneepoint::coordinator
