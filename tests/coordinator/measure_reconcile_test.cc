#include "coordinator/measure/reconcile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "coordinator/measure/in_step.h"
#include "coordinator/words/pages.h"

namespace kneepoint::coordinator {
namespace {

using enum Signal;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kSeconds = 120;

/// A run of 120 s: 500 tokens and 10 requests a second to begin with, twice as much from second 60 on.
struct World {
  std::function<double(int)> tokens = [](int s) { return s < 60 ? 500.0 : 1000.0; };
  double tokens_per_request = 50;
  TelemetrySeries telemetry;
  Timeline timeline;

  World() { run(); }
  void run() {
    timeline.add_agent(0, 0);
    SnapshotBatch batch;
    for (int s = 0; s < kSeconds; ++s) {
      SecondSnapshot second;
      second.second = s;
      SeriesStats stats;
      stats.reported_tokens = {static_cast<std::uint64_t>(tokens(s) / 2),
                               static_cast<std::uint64_t>(tokens(s) / 2)};
      const auto ended = static_cast<std::uint64_t>(tokens(s) / tokens_per_request);
      stats.outcomes[0] = ended;
      stats.usage_tokens = static_cast<std::uint64_t>(tokens(s));
      stats.usage_chunks = stats.usage_tokens;
      stats.in_flight = static_cast<double>(ended);  // each takes a second
      second.series[{}] = stats;
      batch.seconds.push_back(second);
    }
    batch.complete_through = kSeconds - 1;
    timeline.add(0, batch);
  }
  /// What was counted from the beginning until instant `at`, by whoever counts `share` of it.
  double counted(double at, double share = 1) const {
    double sum = 0;
    for (int s = 0; s < at; ++s) sum += tokens(s) * std::min(1.0, at - s);
    return share * sum;
  }
  /// Reads a page that shows `counter(at)` tokens at each second.
  void page(const std::function<double(double)>& counter, const std::string& source = "page",
            double start = 1000, double running = 10) {
    for (int s = 0; s <= kSeconds; ++s) {
      const double total = counter(s);
      TelemetrySample sample{s, "host", source, {}, {}};
      sample.values = {{kGenerationTokens, total},
                       {kRequestsFinished, std::floor(total / tokens_per_request)},
                       {kRunning, running},
                       {kWaiting, 0},
                       {kProcessStart, start}};
      telemetry.add(sample);
    }
  }
  PageCheck check(double begin, double end) {
    ClientLoad client(timeline, {0});
    if (const Readings* beside = telemetry.bystander_readings("host")) client.add_bystander(*beside);
    return Reconciler(client, telemetry.pages("host")).check(begin, end);
  }
};

TEST(Reconcile, APageThatCountsWhatWeSeeIsCovered) {
  World world;
  world.page([&](double at) { return 77 + world.counted(at); });
  const PageCheck page = world.check(20, 40);
  EXPECT_EQ(page.state, "covered");
  EXPECT_NEAR(*page.tokens_ratio, 1, 0.01);
  EXPECT_NEAR(*page.requests_ratio, 1, 0.05);
  EXPECT_TRUE(page.evidence());
  EXPECT_THAT(words::page(page), IsEmpty());
}

/// At a steady rate an old page counts as many tokens as a new one: its queue is that of an earlier load.
TEST(Reconcile, APageThatHoldsMoreThanIsInFlightIsNoEvidence) {
  World world;
  world.page([&](double at) { return world.counted(at); });
  for (int s = 20; s <= 40; ++s) {
    TelemetrySample sample{s, "host", "page", {}, {}};
    const double total = world.counted(s);
    sample.values = {{kGenerationTokens, total},
                     {kRequestsFinished, std::floor(total / world.tokens_per_request)},
                     {kRunning, 10},
                     {kWaiting, 12},
                     {kProcessStart, 1000}};
    world.telemetry.add(sample);
  }
  const PageCheck page = world.check(21, 39);
  EXPECT_EQ(page.state, "unlike");
  EXPECT_FALSE(page.evidence());
  EXPECT_THAT(words::page(page), HasSubstr("2.2 times as many requests as are in flight"));
  EXPECT_EQ(world.check(42, 58).state, "covered");
}

TEST(Reconcile, OnePodOfFourIsAPart) {
  World world;
  world.page([&](double at) { return world.counted(at, 0.25); });
  const PageCheck page = world.check(20, 40);
  EXPECT_EQ(page.state, "partial");
  EXPECT_EQ(words::page(page), "the server's page shows 25 % of our load");
  EXPECT_FALSE(page.evidence());
}

TEST(Reconcile, PagesOfAllReplicasTogetherCover) {
  World world;
  world.page([&](double at) { return world.counted(at, 0.7); }, "a", 1000, 7);
  world.page([&](double at) { return 1e6 + world.counted(at, 0.3); }, "b", 1000, 3);
  EXPECT_EQ(world.check(20, 40).state, "covered");
}

TEST(Reconcile, TheSmallestPodIsAPartHoweverSmall) {
  World world;
  world.page([&](double at) { return world.counted(at, 0.02); });
  EXPECT_EQ(world.check(20, 40).state, "partial");
}

TEST(Reconcile, MoreThanOursIsOthers) {
  World world;
  world.page([&](double at) { return world.counted(at) + 1500 * at; });
  const PageCheck page = world.check(20, 40);
  EXPECT_EQ(page.state, "others");
  EXPECT_EQ(words::page(page), "75 % of what the server generated was for others");
}

TEST(Reconcile, OthersWhoseAnswersNeverEndAreOthersAll) {
  World world;
  for (int s = 0; s <= kSeconds; ++s) {
    world.telemetry.add({s,
                         "host",
                         "page",
                         {{kGenerationTokens, world.counted(s) + 1000.0 * s},
                          {kRequestsFinished, world.counted(s) / world.tokens_per_request},
                          {kRunning, 34},
                          {kWaiting, 0}},
                         {}});
  }
  EXPECT_EQ(world.check(20, 40).state, "others");
}

TEST(Reconcile, APartThatGetsItsLoadLateIsNotOld) {
  // The smallest of several pods gets a connection now and then.
  World world;
  world.tokens = [](int s) { return s < 30 ? 200.0 : s < 60 ? 400.0 : s < 90 ? 800.0 : 1600.0; };
  world.timeline = {};
  world.run();
  world.page([](double at) { return at < 45 ? 40.0 * at : 1800 + 110 * (at - 45); });
  EXPECT_EQ(world.check(95, 115).state, "partial");
}

TEST(Reconcile, APageOfHalfAMinuteAgoIsStale) {
  World world;
  world.page([&](double at) { return world.counted(std::max(0.0, at - 30)); });
  for (const double begin : {35.0, 70.0, 100.0}) {
    const PageCheck page = world.check(begin, begin + 15);
    EXPECT_EQ(page.state, "stale") << begin;
    EXPECT_NEAR(page.lag_seconds.value_or(0), 30, 2);
  }
}

TEST(Reconcile, AnOldPageOfOnePodIsNoEvidenceEither) {
  World world;
  world.page([&](double at) { return world.counted(std::max(0.0, at - 12), 0.25); });
  EXPECT_FALSE(world.check(70, 85).evidence());
}

TEST(Reconcile, APartWhoseLoadDoublesIsNotOld) {
  // 8, 16, 32, 64 in flight, of which a pod has 0, 1, 2, 4: the same a step later, but of a sixteenth.
  World world;
  world.tokens = [](int s) { return 200.0 * (1 << (s / 30)); };
  world.timeline = {};
  world.run();
  world.page([&](double at) { return world.counted(std::max(0.0, at - 30), 1.0 / 8); });
  EXPECT_EQ(world.check(95, 115).state, "partial");
}

TEST(Reconcile, AnEngineThatCountsAtTheEndOfARequestIsNotOld) {
  World world;
  world.page([&](double at) { return world.counted(std::max(0.0, at - 1)); });
  EXPECT_EQ(world.check(20, 40).state, "covered");
}

TEST(Reconcile, APageThatStandsStillIsFrozen) {
  World world;
  world.page([&](double at) { return world.counted(std::min(at, 70.0)); });
  EXPECT_EQ(world.check(20, 40).state, "covered");
  const PageCheck page = world.check(80, 100);
  EXPECT_EQ(page.state, "frozen");
  EXPECT_THAT(words::page(page), HasSubstr("stood still for 20 s"));
}

TEST(Reconcile, APageOfAPodThatGetsNoLoadStandsStill) {
  World world;
  world.page([](double) { return 0.0; });
  EXPECT_EQ(world.check(20, 40).state, "frozen");
}

TEST(Reconcile, APageThatIsRenewedEveryTenSecondsStandsStill) {
  World world;
  world.page([&](double at) { return world.counted(std::floor(at / 10) * 10); });
  EXPECT_EQ(world.check(20, 60).state, "frozen");
}

TEST(Reconcile, OnePodAfterAnotherIsRotating) {
  World world;
  world.page([&](double at) { return 40000.0 * (static_cast<int>(at) % 4) + world.counted(at, 0.25); });
  const PageCheck page = world.check(20, 40);
  EXPECT_EQ(page.state, "rotating");
  EXPECT_FALSE(page.evidence());
  EXPECT_EQ(page.tokens_ratio, std::nullopt) << "differences between two pods are no rate";
}

TEST(Reconcile, AnotherPodNowAndThenIsRotatingToo) {
  World world;
  world.page(
      [&](double at) { return (static_cast<int>(at) % 9 == 0 ? 30000.0 : 0.0) + world.counted(at, 0.5); });
  EXPECT_EQ(world.check(20, 40).state, "rotating");
}

TEST(Reconcile, AServerThatWasRestartedOnceIsNotRotating) {
  World world;
  world.page(
      [&](double at) { return at < 30 ? 5000 + world.counted(at) : world.counted(at) - world.counted(30); });
  EXPECT_EQ(world.check(20, 45).state, "covered");
}

TEST(Reconcile, TokensThatDifferForTheSameRequestsAreACountAndNoPart) {
  World world;
  for (int s = 0; s <= kSeconds; ++s) {
    world.telemetry.add(
        {s,
         "host",
         "page",
         {{kGenerationTokens, world.counted(s, 0.57)}, {kRequestsFinished, world.counted(s) / 50}},
         {}});
  }
  const PageCheck page = world.check(20, 40);
  EXPECT_EQ(page.state, "covered");
  EXPECT_NEAR(*page.tokens_ratio, 0.57, 0.01);
}

TEST(Reconcile, TokensAloneAreNoSecondWitness) {
  // Long answers, of which none ended: the page counts half the tokens, and holds as many requests as are in
  // flight.
  World world;
  for (int s = 0; s <= kSeconds; ++s) {
    world.telemetry.add(
        {s, "host", "page", {{kGenerationTokens, world.counted(s, 0.5)}, {kRunning, 10}, {kWaiting, 0}}, {}});
  }
  EXPECT_EQ(world.check(20, 40).state, "");
  for (int s = 0; s <= kSeconds; ++s) {
    world.telemetry.add(
        {s, "host", "page", {{kGenerationTokens, world.counted(s, 0.5)}, {kRunning, 5}, {kWaiting, 0}}, {}});
  }
  EXPECT_EQ(world.check(20, 40).state, "partial");
}

TEST(Reconcile, AFewRequestsDecideNothing) {
  World world;
  world.page([&](double at) { return world.counted(at); });
  EXPECT_EQ(world.check(20.2, 22.1).state, "") << "two readings";
}

TEST(Reconcile, WithoutAPageNothingIsSaid) {
  World world;
  EXPECT_EQ(world.check(20, 40), PageCheck{});
  TelemetrySample gpu{30, "host", "nvml", {{kGpuUtil, 0.5}}, {}};
  world.telemetry.add(gpu);
  EXPECT_EQ(world.check(20, 40), PageCheck{});
}

/// A step of `n` over seconds 10 to 20 whose completions a second are given.
struct Beat {
  Timeline timeline;
  Step step;
  Beat(std::uint32_t n, const std::vector<int>& ended) {
    timeline.add_agent(0, 0);
    SnapshotBatch batch;
    for (std::size_t s = 0; s < ended.size(); ++s) {
      SecondSnapshot second;
      second.second = static_cast<std::int64_t>(10 + s);
      second.series[{}].outcomes[0] = static_cast<std::uint64_t>(ended[s]);
      batch.seconds.push_back(second);
    }
    timeline.add(0, batch);
    step.concurrency = n;
    step.achieved_concurrency = n;
    step.window_begin_seconds = 10;
    step.duration_seconds = static_cast<double>(ended.size());
  }
  bool in_step() const { return streams_in_step(step, ClientLoad(timeline, {0})); }
};

TEST(InStep, CompletionsInMultiplesOfTheLoadAreABeat) {
  // Of a real vLLM with answers of one length, and of one with 256 streams that take 3 s each.
  EXPECT_TRUE(Beat(47, {94, 47, 141, 94, 94, 94, 94, 94}).in_step());
  EXPECT_TRUE(Beat(64, {128, 64, 128, 128, 64, 64, 128, 64}).in_step());
  EXPECT_TRUE(Beat(256, {0, 256, 0, 0, 256, 0, 0, 256, 0, 0}).in_step());
}

TEST(InStep, SteadyCompletionsAreNone) {
  EXPECT_FALSE(Beat(47, {92, 90, 97, 97, 90, 84, 85}).in_step());
  EXPECT_FALSE(Beat(64, {64, 64, 64, 65, 64, 63, 64}).in_step()) << "one a second each, spread evenly";
  EXPECT_FALSE(Beat(32, {12, 18, 8, 19, 11, 16, 15, 13}).in_step());
  EXPECT_FALSE(Beat(16, {0, 1, 0, 1, 0, 0, 1, 0}).in_step()) << "long answers";
  EXPECT_FALSE(Beat(4, {4, 8, 4, 8, 4, 8}).in_step()) << "too few streams to tell";
  EXPECT_FALSE(Beat(47, {94, 47, 141, 94}).in_step()) << "too short";
}

TEST(InStep, AGaugeThatContradictsTheClientIsReadAtOnePhase) {
  Beat beat(64, {98, 94, 98, 94, 98, 94});
  beat.step.waiting = 16.6;
  StepTelemetry told;
  told.page.state = "covered";
  told.running_mean = 34.5;
  told.waiting_mean = 0;
  beat.step.telemetry = told;
  EXPECT_TRUE(beat.in_step());
  beat.step.telemetry->running_by_time = 36;
  EXPECT_FALSE(beat.in_step()) << "the engine's integral says the same: the rest is elsewhere";
  beat.step.telemetry->running_by_time.reset();
  beat.step.telemetry->running_mean = 44;
  EXPECT_FALSE(beat.in_step());
  beat.step.telemetry->running_mean = 10;
  beat.step.telemetry->page.state = "partial";
  EXPECT_FALSE(beat.in_step()) << "a part of the load contradicts nothing";
}

/// A light load, beside which a bystander asks as often as the load does.
TEST(Reconcile, WhatABystanderAskedIsOursAndNoOtherTenants) {
  World world;
  world.tokens = [](int) { return 50.0; };
  world.tokens_per_request = 25;  // two requests a second
  world.timeline = {};
  world.run();
  for (int s = 0; s <= kSeconds; ++s) {
    TelemetrySample page{s, "host", "page", {}, {}};
    page.values = {{kGenerationTokens, 52.0 * s}, {kRequestsFinished, 4.0 * s}, {kRunning, 4}, {kWaiting, 0}};
    world.telemetry.add(page);
  }
  EXPECT_NEAR(*world.check(10, 60).requests_ratio, 2, 0.1);
  for (int s = 0; s < kSeconds; ++s) {
    world.telemetry.add(
        {s,
         "host",
         "bystander",
         {{kBystanderRequests, 2.0 * (s + 1)}, {kBystanderFailed, 0}, {kBystanderTtftSum, 0.2 * (s + 1)}},
         {}});
  }
  const PageCheck page = world.check(10, 60);
  EXPECT_EQ(page.state, "covered");
  EXPECT_NEAR(*page.requests_ratio, 1, 0.01);
  EXPECT_NEAR(*page.tokens_ratio, 1, 0.01);
}

}  // namespace
}  // namespace kneepoint::coordinator
