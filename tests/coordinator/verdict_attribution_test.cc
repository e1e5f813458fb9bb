#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/verdict/attribution.h"
#include "tests/coordinator/attribution_scene.h"

namespace kneepoint::coordinator {
namespace {

using scenes::healthy;
using scenes::Scene;
using scenes::step_at;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Attribution, WithoutTelemetryASoftKneeIsNotExplained) {
  Scene scene;
  scene.without_telemetry();
  scene.knee_kind = "soft";
  scene.past().tpot_seconds.p50 = 0.030;
  const auto found = scene.judge();
  EXPECT_EQ(found.bottleneck, "");
  EXPECT_THAT(found.not_ruled_out, ElementsAre("queue_slots", "kv_cache", "compute", "memory_bandwidth",
                                               "front_end", "scheduler", "before_engine"));
  EXPECT_EQ(found.text(),
            "Every request is slowed by the others: TPOT p50 10.0 ms at 1, 30.0 ms at 48. Without more of "
            "the server's telemetry, queue slots, KV cache, compute, memory bandwidth, front end, scheduler "
            "and something before the engine cannot be ruled out.");
}

TEST(Attribution, WithoutTelemetryAHardKneeIsAQueue) {
  Scene scene;
  scene.without_telemetry();
  scene.knee_kind = "hard";
  scene.past().ttft_seconds.p50 = 0.8;
  const auto found = scene.judge();
  EXPECT_EQ(found.bottleneck, "queue_slots");
  EXPECT_THAT(found.evidence,
              ElementsAre(HasSubstr("TTFT p50 50.0 ms at 32, 800 ms at 48; TPOT p50 10.0 ms and 10.0 ms")));
  EXPECT_THAT(found.not_ruled_out, ElementsAre("kv_cache", "prefill", "before_engine"));
}

TEST(Attribution, TheClientsOwnEvidenceNeedsNoTelemetry) {
  Scene scene;
  scene.without_telemetry();
  scene.fail(scene.past(), Outcome::kRejected, 300);
  EXPECT_EQ(scene.judge().bottleneck, "admission");
  EXPECT_THAT(scene.judge().not_ruled_out, IsEmpty());
  scene.saturation = std::nullopt;
  scene.past().invalidate("CLIENT_BOUND", "a generator thread was busy 90 % of the time");
  EXPECT_EQ(scene.judge().bottleneck, "client");
}

TEST(Attribution, AGeneratorThatKeptUpWithMoreWasNotTheLimit) {
  Scene scene;
  scene.saturation = std::nullopt;
  for (Step& step : scene.steps) {  // an open loop: all share their max_in_flight
    step.offered_rate = step.concurrency;
    step.concurrency = 512;
  }
  scene.knee().invalidate("CLIENT_BOUND", "a generator thread was busy 90 % of the time");
  EXPECT_NE(scene.judge().bottleneck, "client");
}

TEST(Attribution, LateSendsOfAnIdleGeneratorAreToldAndNoLimit) {
  Scene scene;
  scene.saturation = std::nullopt;
  scene.past().generator.busiest_thread_ratio = 0.02;
  scene.past().generator.send_lag_p99_seconds = 0.0042;
  scene.past().invalidate("CLIENT_BOUND", "requests left late");
  EXPECT_EQ(scene.judge().bottleneck, "");
  EXPECT_THAT(
      scene.judge().evidence,
      ElementsAre("Requests left late at 48 requests in flight: send lag p99 4.20 ms against TTFT p50 "
                  "50.0 ms, while the busiest thread of the load generator was busy 2 % of the time."));
  scene.past().generator.busiest_thread_ratio = 0.7;
  EXPECT_EQ(scene.judge().bottleneck, "client");
}

TEST(Attribution, AReadingOrTwoOfAQueueSayNothing) {
  Scene scene;
  scene.saturation = std::nullopt;
  for (Step& step : scene.steps) {
    step.telemetry = healthy(20, 28);
    step.duration_seconds = 0.34;
  }
  EXPECT_EQ(scene.judge().bottleneck, "");
  for (Step& step : scene.steps) step.duration_seconds = 5;
  EXPECT_EQ(scene.judge().bottleneck, "queue_slots");
}

TEST(Attribution, AQueueAtTheOnlyLoadSaysNothing) {
  Scene scene;
  scene.saturation = std::nullopt;
  scene.steps = {step_at(48), step_at(48)};
  for (Step& step : scene.steps) step.telemetry = healthy(20, 28);
  EXPECT_EQ(scene.judge().bottleneck, "");
}

TEST(Attribution, EngineMetricsAloneLeaveTheGpuOpen) {
  Scene scene;
  for (Step& step : scene.steps) step.telemetry->gpu = {};
  const auto found = scene.judge();
  EXPECT_EQ(found.bottleneck, "");
  EXPECT_THAT(found.not_ruled_out, ElementsAre("compute", "memory_bandwidth"));
}

TEST(Attribution, GpuMetricsAloneLeaveTheEngineOpen) {
  Scene scene;
  for (Step& step : scene.steps) {
    step.telemetry = StepTelemetry{};
    step.telemetry->gpu.dram_active_mean = 0.8;
  }
  const auto found = scene.judge();
  EXPECT_EQ(found.bottleneck, "memory_bandwidth");
  EXPECT_THAT(found.not_ruled_out, ElementsAre("queue_slots", "kv_cache", "before_engine"));
}

TEST(Attribution, AQueueWithoutKvMetricsMayBeTheCaches) {
  Scene scene;
  scene.at_past() = healthy(30, 18);
  scene.at_past().kv_usage_mean = scene.at_past().kv_usage_max = std::nullopt;
  const auto found = scene.judge();
  EXPECT_EQ(found.bottleneck, "queue_slots");
  EXPECT_THAT(found.not_ruled_out, ElementsAre("kv_cache"));
}

TEST(Attribution, AHighGpuUtilisationAloneSaysNothing) {
  Scene scene;
  for (Step& step : scene.steps) {
    step.telemetry->gpu = {};
    step.telemetry->gpu.util_mean = 1.0;
    step.telemetry->gpu.memory_peak_bytes = 140e9;
  }
  EXPECT_EQ(scene.judge().bottleneck, "");
}

TEST(Attribution, ABusyBusDoesNotMakeAHardKnee) {
  Scene scene;
  for (Step& step : scene.steps) step.telemetry->gpu.dram_active_mean = 0.85;
  EXPECT_EQ(scene.judge().bottleneck, "memory_bandwidth");
  EXPECT_THAT(scene.judge().text(), HasSubstr("(memory bus 85 % at 1)"));
  scene.knee_kind = "hard";
  EXPECT_NE(scene.judge().bottleneck, "memory_bandwidth");
}

TEST(Attribution, LooksPastTheKneeOnACoarseRampToo) {
  Scene scene;
  scene.saturation = 22.3;
  scene.steps[3].concurrency = 64;
  scene.at_knee() = healthy(24, 8);
  scene.at_past() = healthy(24, 40);
  EXPECT_EQ(scene.judge().bottleneck, "queue_slots");
  EXPECT_THAT(scene.judge().text(), HasSubstr("at 64 requests in flight 24 run (24 at 32) and 40 wait"));
}

TEST(Attribution, AFullCacheAloneSaysNothing) {
  Scene scene;
  scene.at_past().kv_usage_mean = scene.at_past().kv_usage_max = 0.99;
  EXPECT_EQ(scene.judge().bottleneck, "");
}

/// Engines that reserve the cache, or count what they keep of earlier prompts, call it full at any load.
TEST(Attribution, ACacheThatIsFullAtTheLowestLoadTooIsNoLimit) {
  Scene scene;
  scene.at_knee() = healthy(30, 2);
  scene.at_past() = healthy(30, 18);
  for (Step& step : scene.steps) step.telemetry->kv_usage_mean = step.telemetry->kv_usage_max = 0.97;
  EXPECT_EQ(scene.judge().bottleneck, "queue_slots");
  EXPECT_THAT(scene.judge().text(), HasSubstr("97 % full at 1 request in flight, too: that shows no limit"));
  // Nor does it show that the cache ran out where something was preempted.
  scene.at_past().preemptions_per_second = 3.2;
  EXPECT_EQ(scene.judge().bottleneck, "queue_slots");
  // One request of a long context may fill it: no more run at more load.
  scene.steps[0].telemetry->running_mean = scene.steps[1].telemetry->running_mean = 1;
  scene.at_knee() = healthy(1, 31);
  scene.at_past() = healthy(1, 47);
  for (Step& step : scene.steps) step.telemetry->kv_usage_mean = step.telemetry->kv_usage_max = 0.97;
  EXPECT_EQ(scene.judge().bottleneck, "kv_cache");
}

TEST(Attribution, AShortQueueBesideAGrowingBatchIsNoFullBatch) {
  Scene scene;
  scene.at_knee() = healthy(31, 1);
  scene.at_past() = healthy(45, 3);
  EXPECT_NE(scene.judge().bottleneck, "queue_slots");
}

TEST(Attribution, ReplicasThatDoNotTellAreNotMissing) {
  Scene scene;
  scene.replicas = 2;
  scene.at_past() = healthy(24, 0);
  const auto found = scene.judge();
  EXPECT_EQ(found.bottleneck, "");
  EXPECT_THAT(found.not_ruled_out, Contains("before_engine"));
}

TEST(Attribution, WhatBreaksFarPastTheKneeDidNotMakeIt) {
  Scene scene;
  scene.steps.push_back(step_at(128));
  scene.steps[4].telemetry = healthy(30, 98);
  scene.fail(scene.steps[4], Outcome::kRejected, 900);
  scene.steps[4].invalidate("CLIENT_BOUND", "a generator thread was busy 100 % of the time");
  scene.at_knee() = healthy(30, 2);
  scene.at_past() = healthy(30, 18);
  EXPECT_EQ(scene.judge().bottleneck, "queue_slots");
}

TEST(Attribution, WithoutAKneeTheHighestStepIsJudged) {
  Scene scene;
  scene.saturation = std::nullopt;
  scene.at_knee() = healthy(20, 12);
  scene.at_past() = healthy(20, 28);
  EXPECT_EQ(scene.judge().bottleneck, "queue_slots");
  EXPECT_THAT(scene.judge().text(), HasSubstr("20 run (20 at 32) and 28 wait"));
  scene.at_knee() = healthy(32);
  EXPECT_EQ(scene.judge().bottleneck, "") << "it has run 32: 20 are no full batch";
}

TEST(Attribution, WithoutAKneeNothingThatIsBusyHasGivenOutYet) {
  Scene scene;
  scene.saturation = std::nullopt;
  for (Step& step : scene.steps) step.telemetry->gpu.dram_active_mean = 0.85;
  EXPECT_EQ(scene.judge().bottleneck, "");
  EXPECT_EQ(scene.judge().text(), "");
  scene.without_telemetry();
  EXPECT_EQ(scene.judge().text(), "") << "nor is there anything to rule out";
}

TEST(Attribution, AGeneratorThatStumbledOnceDidNotMakeAKneeThatOthersShow) {
  Scene scene;
  scene.steps[1].invalidate("CLIENT_BOUND", "the generator read 2.0 % of the events late and together");
  scene.at_knee() = healthy(30, 2);
  scene.at_past() = healthy(30, 18);
  EXPECT_EQ(scene.judge().bottleneck, "queue_slots");
  scene.saturation = std::nullopt;
  EXPECT_EQ(scene.judge().bottleneck, "queue_slots") << "it kept up with more";
}

TEST(Attribution, InvalidStepsAreNotJudged) {
  Scene scene;
  scene.at_past() = healthy(20, 28);
  scene.past().valid = false;
  EXPECT_EQ(scene.judge().bottleneck, "");
}

TEST(Attribution, AFewFailuresAreNoLimit) {
  Scene scene;
  scene.fail(scene.past(), Outcome::kHttp5xx, 4);
  EXPECT_NE(scene.judge().bottleneck, "errors");
}

TEST(Attribution, NothingRestsOnAPageThatIsNotOfOurLoad) {
  for (const char* state : {"partial", "stale", "frozen", "rotating"}) {
    Scene scene;
    scene.knee_kind = "hard";
    scene.at_knee() = healthy(8, 0);
    scene.at_past() = healthy(8, 6);
    scene.at_knee().page.state = scene.at_past().page.state = state;
    scene.at_past().page.tokens_ratio = 0.25;
    const auto found = scene.judge();
    EXPECT_EQ(found.bottleneck, "") << state;
    EXPECT_THAT(found.text(), HasSubstr("nothing is concluded from it")) << state;
    EXPECT_THAT(found.text(),
                HasSubstr("full slots, prefill or something before the engine (it is not known which)"))
        << state;
  }
}

TEST(Attribution, OthersRequestsFillSlotsLikeOurs) {
  Scene scene;
  scene.at_knee() = healthy(64, 20);
  scene.at_past() = healthy(64, 36);
  scene.at_knee().page.state = scene.at_past().page.state = "others";
  scene.saturation = 50;
  scene.steps[2].concurrency = 50;
  scene.steps[3].concurrency = 80;
  EXPECT_EQ(scene.judge().bottleneck, "queue_slots");
}

TEST(Attribution, OthersRequestsDoNotTellWhatIsBeforeTheEngine) {
  Scene scene;
  scene.at_past() = healthy(30, 0);
  scene.past().waiting = 18;
  scene.at_past().page.state = "others";
  EXPECT_EQ(scene.judge().bottleneck, "");
}

TEST(Attribution, RequestsThatTheServerSlowsDownAreNotHeldBeforeIt) {
  // A real vLLM whose one-threaded front end was the limit: tokens, too, came late.
  Scene scene;
  scene.at_past() = healthy(36, 0);
  scene.past().waiting = 12;
  scene.past().tpot_seconds.p50 = 0.023;
  EXPECT_EQ(scene.judge().bottleneck, "");
  scene.at_past().gpu.util_mean = 0.24;
  EXPECT_THAT(scene.judge().text(), HasSubstr("nor are the server's processes (0.30 and 0.40 of a core)"));
  scene.at_past().front_end_cpu_cores = scene.at_past().engine_cpu_cores = std::nullopt;
  scene.at_past().gpu.util_mean = 0.24;
  EXPECT_EQ(scene.judge().bottleneck, "");
  EXPECT_THAT(
      scene.judge().text(),
      HasSubstr("The GPU is not full (24 % in use at 48 requests in flight): front end or scheduler (it "
                "is not known which)."));
}

TEST(Attribution, OneProcessThatIsNotAtItsLimitLeavesBothOpen) {
  Scene scene;
  scene.at_past().front_end_cpu_cores = 0.84;
  scene.at_past().engine_cpu_cores = 1.04;
  scene.at_past().gpu.util_mean = 0.44;
  EXPECT_THAT(scene.judge().text(),
              HasSubstr("busy 1.04 of a core): front end or scheduler (it is not known which)."));
  EXPECT_THAT(scene.judge().text(), ::testing::Not(HasSubstr("would show it"))) << "both are known";
}

TEST(Attribution, BothProcessesAtTheirLimitAreNotToldApart) {
  Scene scene;
  scene.at_past().front_end_cpu_cores = 0.97;
  scene.at_past().engine_cpu_cores = 0.98;
  scene.at_past().gpu.util_mean = 0.5;
  EXPECT_EQ(scene.judge().bottleneck, "");
  EXPECT_THAT(
      scene.judge().text(),
      HasSubstr("front end's process was busy 0.97 of a core; the engine's process was "
                "busy 0.98 of a core): front end and scheduler are both at their limit, and either may "
                "hold back the other."));
}

TEST(Attribution, ABusyFrontEndBesideAFullGpuIsNoLimit) {
  Scene scene;
  scene.at_past().front_end_cpu_cores = 1.0;
  scene.at_past().gpu.util_mean = 0.98;
  EXPECT_NE(scene.judge().bottleneck, "front_end");
}

TEST(Attribution, AGaugeOfStreamsInStepIsNoWitness) {
  Scene scene;
  scene.at_past() = healthy(0, 0);  // read at one phase of the beat
  scene.past().waiting = 40;
  scene.past().warn("IN_STEP", "streams run in step");
  EXPECT_EQ(scene.judge().bottleneck, "");
  // The integrals know better.
  scene.past().e2e_seconds.mean = 0.6;
  scene.at_past().running_by_time = 30;
  scene.at_past().waiting_by_time = 18;
  scene.at_knee() = healthy(30, 1);
  EXPECT_EQ(scene.judge().bottleneck, "queue_slots");
  scene.past().e2e_seconds.mean = 20;
  EXPECT_EQ(scene.judge().bottleneck, "") << "a window of three answers makes no integral";
}

TEST(Attribution, ShortAnswersOnAnIdleHostWaitButDoNotFillIt) {
  Scene scene;
  scene.at_knee() = healthy(28, 3.2);
  scene.at_past() = healthy(42, 5);
  for (Step& step : scene.steps) step.telemetry->running_max = 46;
  EXPECT_EQ(scene.judge().bottleneck, "");
}

TEST(Attribution, ARangeIsAKneeToo) {
  Scene scene;
  scene.saturation = std::nullopt;
  scene.at_knee() = healthy(24, 8);
  scene.at_past() = healthy(24, 24);
  const auto found = find_bottleneck({scene.steps, std::nullopt, "hard", 1, Interval{16, 32}});
  EXPECT_EQ(found.bottleneck, "queue_slots");
}

TEST(Attribution, ARowInWhichTheHostMovedNamesNothingWithoutAKnee) {
  Scene scene;
  scene.saturation = std::nullopt;
  scene.at_knee() = healthy(24, 8);
  scene.at_past() = healthy(24, 24);
  scene.past().warn("DRIFTING", "throughput moved by +89.7 % within the window");
  EXPECT_EQ(scene.judge().bottleneck, "");
}

TEST(Attribution, AReplicaThatCannotBeReachedIsNamedAndAHostThatIsGoneIsNot) {
  Scene scene;
  scene.saturation = std::nullopt;
  const auto share = [](const char* name, std::uint64_t completed, std::uint64_t refused) {
    Share share;
    share.name = name;
    share.requests.completed = completed;
    share.requests.failed = refused;
    share.requests.by_outcome[static_cast<std::size_t>(Outcome::kConnect)] = refused;
    return share;
  };
  for (Step& step : scene.steps) {
    scene.fail(step, Outcome::kConnect, 50);
    step.invalidate("TARGET_DOWN", "b:1, one of 2 replicas, never answered");
    step.replicas = {share("a:1", 1000, 0), share("b:1", 0, 50)};
  }
  EXPECT_EQ(scene.judge().bottleneck, "network");
  EXPECT_THAT(scene.judge().text(), HasSubstr("all of them while connecting, and b:1 never answered"));
  for (Step& step : scene.steps) step.replicas = {share("a:1", 0, 25), share("b:1", 0, 25)};
  EXPECT_EQ(scene.judge().bottleneck, "");
}

TEST(Attribution, NoStepsIsNoVerdict) {
  const std::vector<Step> none;
  const auto found = find_bottleneck({none, std::nullopt, "", 1});
  EXPECT_EQ(found.bottleneck, "");
  EXPECT_THAT(found.evidence, IsEmpty());
}

}  // namespace
}  // namespace kneepoint::coordinator
