#include "coordinator/measure/latency.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace kneepoint::coordinator {
namespace {

/// Twenty seconds of latencies about 1 s, whose middle rises by `rise` over the window: 25 a second, each
/// with a chance of its own, and one that the whole second shares. Seconds.
struct Climb {
  double rise = 0;
  double each = 0.05;
  double shared = 0.02;

  std::vector<Histogram> seconds(std::mt19937_64& random) const {
    std::normal_distribution<double> noise;
    std::vector<Histogram> made(20);
    for (std::size_t s = 0; s < made.size(); ++s) {
      const double middle = 1 + rise * ((static_cast<double>(s) + 0.5) / 20 - 0.5) + shared * noise(random);
      for (int i = 0; i < 25; ++i)
        made[s].record(from_seconds(std::max(1e-3, middle + each * noise(random))));
    }
    return made;
  }
};

Histogram pooled(const std::vector<Histogram>& seconds) {
  Histogram all;
  for (const Histogram& second : seconds) all.merge(second);
  return all;
}

/// Of very many windows together.
LatencySummary truth_of(const Climb& climb) {
  std::mt19937_64 random(99);
  Histogram all;
  for (int i = 0; i < 400; ++i) all.merge(pooled(climb.seconds(random)));
  return summarise(all);
}

struct Seen {
  double covered = 0, width = 0;  // shares of the windows, and of a second
};

struct Both {
  Seen p50, p95;
};

Both look(const Climb& climb, const Batches& batches) {
  constexpr int kWindows = 400;
  const LatencySummary truth = truth_of(climb);
  std::mt19937_64 random(5);
  Both seen;
  for (int i = 0; i < kWindows; ++i) {
    const std::vector<Histogram> seconds = climb.seconds(random);
    std::vector<const Histogram*> each;
    for (const Histogram& second : seconds) each.push_back(&second);
    const LatencySummary found = summarise(pooled(seconds), each, batches);
    const auto add = [&](Seen& to, const std::optional<Interval>& ci95, double value) {
      to.covered += ci95->low <= value && value <= ci95->high ? 1.0 / kWindows : 0;
      to.width += (ci95->high - ci95->low) / kWindows;
    };
    add(seen.p50, found.p50_ci95, *truth.p50);
    add(seen.p95, found.p95_ci95, *truth.p95);
  }
  return seen;
}

TEST(Latency, IntervalsUnderAMovingLoadCoverAndAreNotTheRise) {
  for (const int count : {5, 10}) {
    for (const double rise : {0.0, 0.1, 0.4, 1.2}) {
      const Both moving = look({.rise = rise}, {.count = count, .moving = true});
      const Both still = look({.rise = rise}, {.count = count});
      const auto what = ::testing::Message() << count << " batches, rise " << rise;
      EXPECT_GE(moving.p50.covered, 0.90) << what;
      EXPECT_GE(moving.p95.covered, 0.90) << what;
      if (rise < 0.2) continue;
      EXPECT_LT(moving.p50.width, 0.6 * still.p50.width) << what;
      EXPECT_LT(moving.p95.width, 0.6 * still.p95.width) << what;
    }
  }
}

TEST(Latency, SteadyIntervalsCover) {
  const Both seen = look({}, {.count = 10});
  EXPECT_GE(seen.p50.covered, 0.90);
  EXPECT_GE(seen.p95.covered, 0.90);
}

}  // namespace
}  // namespace kneepoint::coordinator
