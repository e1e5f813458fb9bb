#include "coordinator/verdict/slow_pod.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "coordinator/telemetry/telemetry_series.h"
#include "coordinator/verdict/pod_skew.h"
#include "tests/simhost/closed_loop.h"

namespace kneepoint::coordinator {
namespace {

using simhost::ClosedLoop;
using simhost::EngineConfig;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int kPods = 4;

/// Pods behind one address in virtual time, each a simulated engine that is dealt connections at random, as a
/// balancer does.
struct Address {
  std::uint32_t seed = 1;
  double slow = 1;         ///< Pod 2 takes so many times as long.
  bool header = false;     ///< A response header names the pod.
  bool evenly = true;      ///< Else at random.
  bool half_seen = false;  ///< Only two of the pages are read.
  bool ranks = false;      ///< They are data parallel ranks of one server, and stand on one page.
  bool one_idle = false;   ///< Pod 1 is dealt nothing.
  std::vector<int> loads = {8, 16, 32, 64};
};

/// What one pod's closed loop gave in a window.
struct PodsSeen {
  double ttft = 0, tpot = 0;
  int first = 0, ended = 0;
};

double mean(double sum, int count) {
  return count > 0 ? sum / count : 0;
}

ScenarioResult measure_pods(const Address& address) {
  std::mt19937 random(address.seed);
  std::vector<std::unique_ptr<ClosedLoop>> pods;
  for (int i = 0; i < kPods; ++i) {
    const double factor = i == 2 ? address.slow : 1;
    EngineConfig engine;
    engine.slots = 8;
    engine.base = Nanos(static_cast<Nanos::rep>(9e6 * factor));
    engine.per_sequence = Nanos(static_cast<Nanos::rep>(2e5 * factor));
    engine.per_prefill_token = Nanos(static_cast<Nanos::rep>(2e4 * factor));
    engine.jitter = 0.2;
    engine.seed = address.seed * 100 + static_cast<std::uint64_t>(i);
    pods.push_back(std::make_unique<ClosedLoop>(
        engine, simhost::Workload{.prompt_tokens = 64, .output_tokens = 40}, milliseconds(1)));
  }
  TelemetrySeries series;
  ScenarioResult result;
  std::int64_t second = 0;
  // vLLM has all of its counters from the start.
  const SignalValues none = {{Signal::kServerTtftSum, 0},
                             {Signal::kServerTtftCount, 0},
                             {Signal::kGenerationTokens, 0},
                             {Signal::kRequestsFinished, 0}};
  std::vector<SignalValues> counters(kPods, none);
  for (const int load : address.loads) {
    std::vector<int> dealt(kPods, load / kPods);
    if (!address.evenly) {
      std::fill(dealt.begin(), dealt.end(), 0);
      for (int i = 0; i < load; ++i) ++dealt[random() % kPods];
    }
    if (address.one_idle) dealt[1] = 0;
    for (int i = 0; i < kPods; ++i)
      pods[static_cast<std::size_t>(i)]->set_concurrency(dealt[static_cast<std::size_t>(i)],
                                                         milliseconds(500));
    constexpr int kWarmup = 6, kWindow = 20;
    const double begin = static_cast<double>(second) + kWarmup;
    std::vector<PodsSeen> seen(kPods);
    for (int s = 0; s <= kWarmup + kWindow; ++s, ++second) {
      TelemetrySample page{second, "host", "http://h:8000/metrics", {}, {}};
      for (std::size_t i = 0; i < kPods; ++i) {
        SignalValues& values = counters[i];
        pods[i]->run_until(seconds(second + 1), [&](const ClosedLoop::Event& event) {
          if (event.first) {
            const double ttft = to_seconds(event.at - event.sent);
            values[Signal::kServerTtftSum] += ttft;
            values[Signal::kServerTtftCount] += 1;
            if (s >= kWarmup) seen[i].ttft += ttft, ++seen[i].first;
          }
          values[Signal::kGenerationTokens] += event.tokens;
          if (!event.finished) return;
          values[Signal::kRequestsFinished] += 1;
          if (s >= kWarmup) ++seen[i].ended;
        });
        values[Signal::kRunning] = pods[i]->pipeline().worker(0).stats().running;
        values[Signal::kWaiting] = pods[i]->pipeline().worker(0).stats().waiting;
        if (address.half_seen && i >= 2) continue;
        page.ranks[i] = values;
        for (const auto& [signal, value] : values) page.values[signal] += value;
        if (!address.ranks)
          series.add({second, "host", "http://h:8000/pods/" + std::to_string(i) + "/metrics", values, {}});
      }
      if (address.ranks) series.add(page);
    }
    Step step;
    step.concurrency = static_cast<std::uint32_t>(load);
    step.window_begin_seconds = begin;
    step.duration_seconds = kWindow;
    step.telemetry = series.summarise("host", begin, begin + kWindow);
    step.telemetry->page.state = address.half_seen ? "partial" : "covered";
    double ttft = 0, tpot = 0;
    int first = 0, ended = 0;
    for (std::size_t i = 0; i < kPods; ++i) {
      // Each token of a stream is an iteration's time: what the client sees between two of them.
      const auto running = dealt[i] < 8 ? dealt[i] : 8;
      seen[i].tpot = running > 0 ? running * kWindow / std::max(1.0, seen[i].ended * 40.0) : 0;
      ttft += seen[i].ttft;
      first += seen[i].first;
      tpot += seen[i].tpot * seen[i].ended;
      ended += seen[i].ended;
      if (!address.header) continue;
      Share share;
      share.name = "pod-" + std::to_string(i);
      share.requests.completed = static_cast<std::uint64_t>(seen[i].ended);
      share.ttft_seconds.p50 = mean(seen[i].ttft, seen[i].first);
      share.tpot_seconds.p50 = seen[i].tpot;
      step.replicas.push_back(share);
    }
    step.ttft_seconds = {.count = static_cast<std::uint64_t>(first), .mean = mean(ttft, first)};
    step.tpot_seconds = {.count = static_cast<std::uint64_t>(ended), .mean = mean(tpot, ended)};
    result.steps.push_back(std::move(step));
  }
  return result;
}

class PodSeeds : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(PodSeeds, EqualPodsAreNotNamedHoweverTheyAreDealt) {
  for (const bool header : {false, true}) {
    for (const bool evenly : {false, true}) {
      const auto result = measure_pods({.seed = GetParam(), .header = header, .evenly = evenly});
      EXPECT_EQ(slow_pod(result), std::nullopt) << header << evenly;
    }
  }
}

TEST_P(PodSeeds, TheSlowOneIsNamedByItsPageAndASecondWitness) {
  for (const bool header : {false, true}) {
    const auto said = slow_pod(measure_pods({.seed = GetParam(), .slow = 2, .header = header}));
    ASSERT_TRUE(said) << header;
    EXPECT_THAT(*said, HasSubstr("pod h:8000/pods/2 is slower than the other 3: TPOT"));
    EXPECT_THAT(*said,
                HasSubstr(header ? "so is replica pod-2 by the response header" : "the mean that came here"));
  }
}

TEST_P(PodSeeds, TheSlowRankOfOneServerIsNamedAndEqualOnesAreNot) {
  const auto result = measure_pods({.seed = GetParam(), .slow = 2, .ranks = true});
  EXPECT_TRUE(has_ranks(result));
  const auto said = slow_pod(result);
  ASSERT_TRUE(said);
  EXPECT_THAT(*said, StartsWith("rank 2 of h:8000 is slower than the other 3: TPOT"));
  EXPECT_THAT(*said, HasSubstr("by its own series"));
  EXPECT_THAT(*said, HasSubstr("the mean that came here"));
  const auto equal = measure_pods({.seed = GetParam(), .ranks = true});
  EXPECT_EQ(slow_pod(equal), std::nullopt);
  EXPECT_EQ(pod_skew(equal), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(All, PodSeeds, ::testing::Range(1u, 25u));

TEST(SlowPod, WithoutASecondWitnessNoneIsNamed) {
  const auto half = measure_pods({.slow = 3, .half_seen = true, .loads = {16, 32}});
  EXPECT_EQ(slow_pod(half), std::nullopt) << "the slow one is not even seen";
  auto result = measure_pods({.slow = 3});
  ASSERT_TRUE(slow_pod(result));
  for (Step& step : result.steps) step.telemetry->page.state = "partial";
  EXPECT_EQ(slow_pod(result), std::nullopt);
  result = measure_pods({.slow = 3});
  for (Step& step : result.steps) {
    step.tpot_seconds.mean = step.telemetry->pods[0].tpot_mean_seconds;  // nothing slow came here
    step.ttft_seconds.mean = step.telemetry->pods[0].ttft_mean_seconds;
  }
  EXPECT_EQ(slow_pod(result), std::nullopt);
}

TEST(SlowPod, OneRowOfSeveralIsChance) {
  auto result = measure_pods({.slow = 3});
  for (std::size_t i = 1; i < result.steps.size(); ++i) result.steps[i].telemetry->pods.clear();
  EXPECT_TRUE(slow_pod(result)) << "the only one that tells";
  auto equal = measure_pods({});
  equal.steps.back() = result.steps.front();
  EXPECT_EQ(slow_pod(equal), std::nullopt);
}

TEST(SlowPod, PodsWithAnAddressEachAreReplicas) {
  const auto result = measure_pods({.slow = 2, .loads = {8}});
  EXPECT_EQ(pods_behind(result, {.urls = {"http://h"}}), 4u);
  EXPECT_EQ(pods_behind(result, {.urls = {"http://a", "http://b", "http://c", "http://d"}}), 0u);
  EXPECT_FALSE(has_ranks(result));
  const auto ranks = measure_pods({.ranks = true, .loads = {8}});
  EXPECT_EQ(pods_behind(ranks, {.urls = {"http://h"}}), 0u) << "one server, whatever its ranks";
}

TEST(PodSkew, UnequalPartsAreToldAndEqualOnesAreNot) {
  EXPECT_EQ(pod_skew(measure_pods({})), std::nullopt);
  auto result = measure_pods({});
  for (Step& step : result.steps) {
    const double shares[] = {0.1, 0.2, 0.1, 0.6};
    for (std::size_t i = 0; i < kPods; ++i) step.telemetry->pods[i].requests_share = shares[i];
  }
  const auto said = pod_skew(result);
  ASSERT_TRUE(said);
  EXPECT_EQ(*said,
            "the 4 pods get unequal parts of the load: at 64 pod h:8000/pods/3 answers 60 % of the requests, "
            "pod h:8000/pods/0 10 %; the host is full when its fullest pod is");
  for (Step& step : result.steps) step.telemetry->page.state = "partial";
  EXPECT_EQ(pod_skew(result), std::nullopt) << "there are pods unseen";
}

TEST(PodSkew, OneThatGetsNothingWhileOthersQueueIsTold) {
  for (const bool ranks : {false, true}) {
    const auto said = pod_skew(measure_pods({.ranks = ranks, .one_idle = true, .loads = {48, 64}}));
    ASSERT_TRUE(said) << ranks;
    EXPECT_THAT(*said,
                StartsWith(ranks ? "1 of the 4 ranks gets no requests at 64 (rank 1 of h:8000), while "
                                 : "1 of the 4 pods gets no requests at 64 (pod h:8000/pods/1), while "));
    EXPECT_THAT(*said, HasSubstr(" wait at the others"));
    EXPECT_EQ(pod_skew(measure_pods({.ranks = ranks, .one_idle = true, .loads = {16, 24}})), std::nullopt)
        << "nothing waits: three are enough";
  }
}

TEST(PodSkew, UnequalRanksAreCalledRanks) {
  auto result = measure_pods({.ranks = true});
  for (Step& step : result.steps) {
    const double shares[] = {0.1, 0.2, 0.1, 0.6};
    for (std::size_t i = 0; i < kPods; ++i) step.telemetry->pods[i].requests_share = shares[i];
  }
  const auto said = pod_skew(result);
  ASSERT_TRUE(said);
  EXPECT_EQ(*said,
            "the 4 ranks get unequal parts of the load: at 64 rank 3 of h:8000 answers 60 % of the requests, "
            "rank 0 of h:8000 10 %; the host is full when its fullest rank is");
}

}  // namespace
}  // namespace kneepoint::coordinator
