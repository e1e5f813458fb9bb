#pragma once

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <random>
#include <vector>

#include "common/plan.h"
#include "coordinator/results/model.h"
#include "coordinator/timeline/timeline.h"

/// Timelines made from known requests, the way an agent would record them, as the oracle of the analysis.
namespace kneepoint::coordinator::scenes {

/// One request and everything that happened to it, in seconds since the run's zero.
struct KnownRequest {
  double start = 0;
  std::vector<double> chunks;  ///< Receive times of its content chunks, one token each.
  double end = 0;
  Outcome outcome = Outcome::kSuccess;
  SeriesKey key;
  std::uint64_t usage_tokens = 0;  ///< 0: the server reported none.
};

/// Collects requests into the seconds of one agent.
class KnownRun {
 public:
  explicit KnownRun(std::vector<SloLimit> limits = {}) : limits_(std::move(limits)) {}

  void add(const KnownRequest& r) {
    at(r.start, r.key).started += 1;
    integrate(r.start, r.end, r.key, &SeriesStats::in_flight);
    integrate(r.start, r.chunks.empty() ? r.end : r.chunks.front(), r.key, &SeriesStats::waiting);
    for (std::size_t i = 0; i < r.chunks.size(); ++i) {
      SeriesStats& stats = at(r.chunks[i], r.key);
      stats.chunks += 1;
      stats.unreported_chunks[r.chunks[i] - std::floor(r.chunks[i]) < 0.5 ? 0 : 1] += 1;
      if (i > 0) stats.icl.record(from_seconds(r.chunks[i] - r.chunks[i - 1]));
    }
    if (!r.chunks.empty()) {
      at(r.chunks.front(), r.key).first_tokens += 1;
      at(r.chunks.front(), r.key).ttft.record(from_seconds(r.chunks.front() - r.start));
      at(r.chunks.front(), r.key).ttfo.record(from_seconds(r.chunks.front() - r.start));
    }
    SeriesStats& ended = at(r.end, r.key);
    ended.outcomes[static_cast<std::size_t>(r.outcome)] += 1;
    if (r.usage_tokens > 0) {
      ended.usage_tokens += r.usage_tokens;
      ended.usage_chunks += r.chunks.size();
    } else {
      ended.chunks_without_usage += r.chunks.size();
    }
    if (r.outcome == Outcome::kSuccess && !r.chunks.empty()) {
      ended.witnesses.tail_micros += static_cast<std::uint64_t>(std::lround((r.end - r.chunks.back()) * 1e6));
      ended.e2e.record(from_seconds(r.chunks.back() - r.start));
      if (r.chunks.size() > 1) ended.tpot.record(from_seconds(tpot_of(r)));
    }
    judge(r);
  }

  SecondSnapshot& second(std::int64_t s) {
    SecondSnapshot& snapshot = seconds_[s];
    snapshot.second = s;
    return snapshot;
  }

  /// A timeline to which `agent` delivered every second before `end`, each with a healthy generator.
  Timeline timeline(std::int64_t end, std::uint32_t agent = 1) {
    SnapshotBatch batch{.sequence = 1, .complete_through = end - 1};
    for (std::int64_t s = 0; s < end; ++s) second(s);
    for (auto& [s, snapshot] : seconds_) {
      GeneratorStats& generator = snapshot.generator;
      if (generator.cpu_user == 0) generator.cpu_user = 0.01;
      generator.busiest_thread = std::max(generator.busiest_thread, 0.1);
      generator.reads += 100;
      generator.rx_lag.record(std::chrono::microseconds(20), 100);
      generator.send_lag.record(std::chrono::microseconds(30), 10);
      batch.seconds.push_back(snapshot);
    }
    Timeline timeline;
    timeline.add_agent(agent, 0);
    timeline.add(agent, batch);
    return timeline;
  }

 private:
  static double tpot_of(const KnownRequest& r) {
    return (r.chunks.back() - r.chunks.front()) / static_cast<double>(r.chunks.size() - 1);
  }
  SeriesStats& at(double instant, const SeriesKey& key) {
    return second(static_cast<std::int64_t>(std::floor(instant))).series[key];
  }
  void integrate(double from, double to, const SeriesKey& key, double SeriesStats::*which) {
    for (auto s = static_cast<std::int64_t>(std::floor(from)); static_cast<double>(s) < to; ++s) {
      const double begin = static_cast<double>(s);
      at(begin, key).*which += std::min(to, begin + 1) - std::max(from, begin);
    }
  }
  void judge(const KnownRequest& r) {
    bool good = r.outcome == Outcome::kSuccess;
    for (std::size_t i = 0; i < limits_.size(); ++i) {
      const double limit = to_seconds(limits_[i].limit);
      const bool ttft = limits_[i].metric == SloMetric::kTtft;
      if (!ttft && r.chunks.size() < 2) continue;
      const double value = ttft ? (r.chunks.empty() ? 1e9 : r.chunks.front() - r.start) : tpot_of(r);
      const bool met = value <= limit;
      good = good && met;
      SeriesStats& stats = at(!met && ttft ? r.start + limit : (ttft ? r.chunks.front() : r.end), r.key);
      stats.slo.resize(limits_.size());
      (met ? stats.slo[i].met : stats.slo[i].missed) += 1;
    }
    if (good) at(r.end, r.key).joint_good += 1;
  }

  std::vector<SloLimit> limits_;
  std::map<std::int64_t, SecondSnapshot> seconds_;
};

/// A continuous-batching host under closed load: every iteration gives each request in the batch (at most
/// `cap`) one token and takes a + c·batch; the rest queue. X = b/(a + c·b), b = min(N, cap).
struct BatchingHost {
  double a = 0.010;
  double c = 0.001;
  std::size_t cap = 1'000'000;
  std::size_t tokens = 64;
  /// Answers have tokens·(1 ± this), drawn evenly from a fixed seed.
  double length_spread = 0;

  double throughput(double n) const {
    const double b = std::min(n, static_cast<double>(cap));
    return b / (a + c * b);
  }

  /// Runs `slots` closed loops from `begin` until requests begin past `end`; slots start spread over
  /// `spread`.
  void run(KnownRun& into, double begin, double end, std::size_t slots, SeriesKey key, double spread) const {
    std::mt19937_64 random(key.epoch);
    std::uniform_real_distribution<double> length(1 - length_spread, 1 + length_spread);
    std::vector<KnownRequest> active;
    std::deque<KnownRequest> queue;
    std::vector<double> arrivals;
    for (std::size_t s = 0; s < slots; ++s) {
      arrivals.push_back(begin + spread * static_cast<double>(s) / static_cast<double>(slots));
    }
    double now = begin;
    while (true) {
      std::sort(arrivals.begin(), arrivals.end());
      while (!arrivals.empty() && arrivals.front() <= now) {
        if (arrivals.front() < end) queue.push_back({.start = arrivals.front(), .key = key});
        arrivals.erase(arrivals.begin());
      }
      while (!queue.empty() && active.size() < cap) {
        active.push_back(queue.front());
        active.back().usage_tokens = static_cast<std::uint64_t>(static_cast<double>(tokens) * length(random));
        queue.pop_front();
      }
      if (active.empty()) {
        if (arrivals.empty()) return;
        now = arrivals.front();
        continue;
      }
      now += a + c * static_cast<double>(active.size());
      for (std::size_t i = 0; i < active.size();) {
        active[i].chunks.push_back(now);
        if (active[i].chunks.size() < active[i].usage_tokens) {
          ++i;
          continue;
        }
        active[i].end = now;
        into.add(active[i]);
        arrivals.push_back(now);
        active.erase(active.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
  }
};

/// A plan with one target and one scenario.
inline Plan simple_plan(std::vector<SloLimit> slo = {}) {
  Plan plan{.name = "sweep"};
  plan.targets.push_back({.name = "host", .urls = {"http://127.0.0.1:8000"}, .model = "tiny"});
  Scenario scenario{.name = "chat"};
  scenario.workload.classes.push_back({.name = "default", .prompts = {"hello"}});
  scenario.slo = std::move(slo);
  plan.scenarios.push_back(std::move(scenario));
  return plan;
}

/// A valid row of known throughput.
inline Step known_step(std::uint32_t concurrency, double throughput, double relative_error = 0.01) {
  Step step{.concurrency = concurrency, .achieved_concurrency = static_cast<double>(concurrency)};
  step.duration_seconds = 60;
  step.requests.completed = 1000;
  const double se = relative_error * throughput;
  step.output_tokens_per_second = {throughput, Interval{throughput - 2.26 * se, throughput + 2.26 * se}, se};
  return step;
}

inline Ramp search_up_to(std::uint32_t max) {
  return {.warmup = std::chrono::seconds(5), .search = Search{.max = max}};
}

}  // namespace kneepoint::coordinator::scenes
