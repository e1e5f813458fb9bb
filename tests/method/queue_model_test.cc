#include "tests/method/queue_model.h"

#include <gtest/gtest.h>

#include "tests/method/moving_cases.h"
#include "tests/method/queue_fleet.h"

namespace kneepoint::method {
namespace {

/// Tokens per second, occupancy and mean TTFT over `seconds` of a steady state.
struct Observed {
  double throughput = 0, in_flight = 0, waiting = 0, ttft = 0, rejected = 0;
};

Observed observe(const QueueModel& model, std::uint32_t n, int seconds, std::uint64_t seed = 3,
                 int warm_up = 60) {
  QueueFleet fleet(model, {std::chrono::milliseconds(100)}, seed);
  fleet.send(
      {.epoch = 1, .concurrency = n, .effective_at = Nanos(0), .spread_over = std::chrono::seconds(2)});
  SeriesStats total;
  while (to_seconds(fleet.now()) < warm_up + seconds + 1) {
    const auto event = fleet.wait(std::chrono::milliseconds(500));
    if (!event) continue;
    for (const auto& second : std::get<coordinator::BatchArrived>(*event).batch.seconds) {
      if (second.second < warm_up || second.second >= warm_up + seconds) continue;
      for (const auto& [key, stats] : second.series) total.merge(stats);
    }
  }
  return {.throughput = static_cast<double>(total.reported_tokens[0] + total.reported_tokens[1]) / seconds,
          .in_flight = total.in_flight / seconds,
          .waiting = total.waiting / seconds,
          .ttft = total.ttft.mean_seconds().value_or(0),
          .rejected = static_cast<double>(total.outcomes[static_cast<std::size_t>(Outcome::kRejected)])};
}

/// Nothing queues at a low load, so that the second pod never comes.
double at_one_pod(QueueModel model, std::uint32_t n) {
  model.movement.how = Moving::kNot;
  return model.throughput(n);
}

TEST(QueueModel, TheOracleIsWhatALongSimulationShows) {
  for (const Case& of : all_cases()) {
    if (of.expects_drift || of.model.think > 0) continue;  // its oracle moves; sessions are below
    for (const std::uint32_t n : {3u, 40u, 130u}) {
      const double truth = of.model.throughput(n);
      EXPECT_NEAR(observe(of.model, n, 2000).throughput / truth, 1, 0.01) << of.name << " at " << n;
    }
  }
}

/// Below, at and past their saturation point.
TEST(QueueModel, TheOracleOfSessionsIsWhatALongSimulationShows) {
  const QueueModel sessions{.slots = 50, .turns = 5, .think = 4};
  for (const std::uint32_t n : {20u, 150u, 230u, 400u}) {
    const Observed seen = observe(sessions, n, 4000);
    EXPECT_NEAR(seen.throughput / sessions.throughput(n), 1, 0.01) << n;
    EXPECT_NEAR(seen.in_flight / sessions.in_flight(n), 1, 0.03) << n;
  }
}

/// What lasts, and the mean of what comes and goes, is exact too. A leak has neither.
TEST(QueueModel, TheOracleOfAHostThatMovesIsWhatALongSimulationShows) {
  for (const Case& of : moving_cases()) {
    if (of.model.movement.how == Moving::kLeak || !of.steps.empty()) continue;
    for (const std::uint64_t seed : {1u, 2u}) {
      const Case one = drawn(of, seed);
      const Moving how = one.model.movement.how;
      const bool chance = how == Moving::kNeighbour;
      const bool passes = how == Moving::kWarmCache || how == Moving::kTokenBucket;
      for (const std::uint32_t n : {3u, 60u, 200u}) {
        const Observed seen = observe(one.model, n, chance ? 24'000 : 4000, seed, passes ? 6000 : 200);
        double truth = one.model.throughput(n);
        if (how == Moving::kAutoscale && n == 3) truth = at_one_pod(one.model, n);
        EXPECT_NEAR(seen.throughput / truth, 1, chance ? 0.03 : 0.02)
            << of.name << " at " << n << ", seed " << seed;
      }
    }
  }
}

TEST(QueueModel, AHardCapMakesRequestsWaitForTheOthers) {
  const QueueModel model{.slots = 50};
  const Observed seen = observe(model, 80, 2000);
  EXPECT_NEAR(seen.in_flight, 80, 1e-6);
  const double requests_per_second = model.throughput(80) / model.mean_length();
  EXPECT_NEAR(seen.ttft, (80 - 50) / requests_per_second, 0.1 * seen.ttft);
  EXPECT_NEAR(seen.waiting, seen.ttft * requests_per_second, 0.05 * seen.waiting);  // Little's law
}

TEST(QueueModel, RefusalsKeepTheSystemAtItsLimit) {
  const Observed seen = observe({.slots = 128, .admission_limit = 48}, 60, 500);
  EXPECT_NEAR(seen.in_flight, 48, 0.1);
  EXPECT_NEAR(seen.rejected / 500, 12 / 4.5, 0.3);  // twelve slots try every 4 to 5 s
}

TEST(QueueModel, TrueKneesFollowTheClosedForms) {
  // c' = c + d / mean length
  const QueueModel soft{.base = 0.010, .per_request = 0.0003, .prefill = 0.0032, .slots = 100'000};
  EXPECT_NEAR(*true_saturation(soft, 2048), 9 * 0.010 / 0.0004, 0.5);
  EXPECT_FALSE(true_saturation(soft, 400));
  const QueueModel hard{.base = 0.020, .per_request = 0.0001, .prefill = 0, .slots = 50};
  const double most = 50 / (0.020 + 0.0001 * 50);
  EXPECT_NEAR(*true_saturation(hard, 512), 0.95 * most * 0.020 / (1 - 0.95 * most * 0.0001), 0.01);
}

TEST(QueueModel, OneSeedMakesOneRun) {
  const QueueModel model;
  EXPECT_EQ(observe(model, 30, 50, 5).throughput, observe(model, 30, 50, 5).throughput);
  EXPECT_NE(observe(model, 30, 50, 5).throughput, observe(model, 30, 50, 6).throughput);
}

TEST(QueueModel, SurplusSlotsEndWithTheirRequests) {
  QueueFleet fleet({}, {}, 1);
  fleet.send({.epoch = 1, .concurrency = 40, .effective_at = Nanos(0)});
  fleet.send({.epoch = 2, .concurrency = 10, .effective_at = std::chrono::seconds(20), .warm_slots = 10});
  std::uint32_t in_flight = 0;
  while (fleet.now() < std::chrono::seconds(40)) {
    if (const auto event = fleet.wait(std::chrono::seconds(1))) {
      in_flight = std::get<coordinator::BatchArrived>(*event).batch.in_flight;
      if (fleet.now() == std::chrono::seconds(19)) {
        EXPECT_EQ(in_flight, 40u);
      }
    }
  }
  EXPECT_EQ(in_flight, 10u);
}

}  // namespace
}  // namespace kneepoint::method
