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

TEST(Attribution, ACacheWithoutRoomForAnotherLongContextIsTheCaches) {
  Scene scene;
  scene.at_past() = healthy(1, 3);
  scene.at_past().kv_usage_mean = 0.39;
  scene.at_past().kv_usage_max = 0.51;
  EXPECT_EQ(scene.judge().bottleneck, "kv_cache");
  EXPECT_THAT(
      scene.judge().evidence,
      ElementsAre(
          "The KV cache has no room for one more: at 48 requests in flight 1.0 run, each holding up to "
          "51 % of it, while 3.0 wait."));
  scene.at_past().kv_usage_max = 0.45;  // a second one would fit
  EXPECT_EQ(scene.judge().bottleneck, "") << "nor are the slots full, where 32 have run";
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
    EXPECT_THAT(found.text(), HasSubstr("full slots, prefill or something before the engine, not told apart"))
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
      HasSubstr("The GPU is not full (24 % in use at 48 requests in flight): front end or scheduler, not "
                "told apart."));
}

TEST(Attribution, PromptsAreNotToBlameWhereDecodingTakesTheTime) {
  Scene scene;
  scene.saturation = 48;
  scene.at_past() = healthy(21, 27);
  scene.past().tpot_seconds.p50 = 0.150;
  scene.at_knee().server_prompt_tokens_per_second = 9000;
  scene.at_past().server_prompt_tokens_per_second = 9100;
  scene.at_past().server_tokens_per_second = 200;
  scene.at_past().running_max = 40;
  scene.at_past().server_requests_per_second = 8;
  scene.steps.front().telemetry->prefill_time_mean_seconds = 0.12;
  ASSERT_EQ(scene.judge().bottleneck, "prefill");
  scene.steps.front().telemetry->prefill_time_mean_seconds = 0.03;  // a quarter of the time
  EXPECT_EQ(scene.judge().bottleneck, "") << "neither prompts nor output explain it: the context may";
  scene.steps.front().telemetry->prefill_time_mean_seconds.reset();
  EXPECT_NE(scene.judge().bottleneck, "prefill") << "nobody tells what prompts take";
  scene.steps.front().telemetry->prefill_time_mean_seconds = 0.12;
  scene.at_past().gpu.dram_active_mean = 0.85;
  EXPECT_EQ(scene.judge().bottleneck, "memory_bandwidth") << "the bus is seen";
  scene.at_past().gpu.dram_active_mean = 0.3;
  scene.at_past().server_tokens_per_second = 2000;  // 95 iterations a second of 10 ms each
  EXPECT_NE(scene.judge().bottleneck, "prefill");
  scene.at_past().server_tokens_per_second = 200;
  scene.at_past().gpu.util_mean = 0.85;
  EXPECT_NE(scene.judge().bottleneck, "prefill") << "a GPU with time left reads no prompts as fast as it can";
}

TEST(Attribution, OneProcessThatIsNotAtItsLimitLeavesBothOpen) {
  Scene scene;
  scene.at_past().front_end_cpu_cores = 0.84;
  scene.at_past().engine_cpu_cores = 1.04;
  scene.at_past().gpu.util_mean = 0.44;
  EXPECT_THAT(scene.judge().text(),
              HasSubstr("busy 1.04 of a core): front end or scheduler, not told apart."));
  EXPECT_THAT(scene.judge().text(), ::testing::Not(HasSubstr("would tell"))) << "both are known";
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

/// What a real vLLM with 64 slots told at each load: running, waiting. Streams were in step below 70.
Scene a_real_server_with_64_slots() {
  Scene scene;
  scene.steps.clear();
  const std::array<std::array<double, 3>, 13> rows = {{{32, 21.8, 0},
                                                       {43, 19.1, 0.9},
                                                       {50, 17.6, 0},
                                                       {54, 19.5, 0},
                                                       {64, 24, 0},
                                                       {70, 55.9, 3.1},
                                                       {77, 62.1, 11.4},
                                                       {85, 62.4, 18.9},
                                                       {99, 62.4, 33.5},
                                                       {105, 62.5, 35.9},
                                                       {128, 60.2, 53.9},
                                                       {256, 62.6, 174},
                                                       {512, 63.5, 435}}};
  for (const auto& [n, running, waiting] : rows) {
    Step step = step_at(static_cast<std::uint32_t>(n));
    step.telemetry = healthy(running, waiting);
    step.telemetry->running_max = 64;
    step.telemetry->gpu = {};
    step.telemetry->gpu.util_mean = 0.45;
    step.telemetry->front_end_cpu_cores = step.telemetry->engine_cpu_cores = std::nullopt;
    if (n < 70) step.warn("IN_STEP", "streams run in step");
    scene.steps.push_back(step);
  }
  return scene;
}

TEST(Attribution, SlotsAreFoundWhenTheKneeIsJudgedJustAboveThem) {
  Scene scene = a_real_server_with_64_slots();
  for (const double knee : {50.0, 60.0, 70.0, 77.0, 98.0}) {
    scene.saturation = knee;
    EXPECT_EQ(scene.judge().bottleneck, "queue_slots") << knee << ": " << scene.judge().text();
  }
}

TEST(Attribution, SlotsThatFillPastTheKneeDidNotMakeIt) {
  Scene scene = a_real_server_with_64_slots();
  scene.saturation = 42;
  EXPECT_EQ(scene.judge().bottleneck, "");
  EXPECT_THAT(scene.judge().text(), HasSubstr("The slots are full, too, but only from"));
  EXPECT_THAT(scene.judge().text(), HasSubstr("front end or scheduler, not told apart"));
}

// What a real vLLM with 256 slots and 512 tokens an iteration told: each iteration was full, and the batch
// came and went between 42 and 51 at any load. "More slots" would have been no help.
TEST(Attribution, AFullIterationIsNoFullBatch) {
  Scene scene;
  scene.steps.clear();
  struct Row {
    std::uint32_t n;
    double running, most, by_time, waiting, prompts, tokens;
  };
  for (const Row& row : {Row{32, 29.8, 32, 28.5, 0.8, 41175, 4138}, Row{96, 47, 51, 49.9, 47, 40306, 4048},
                         Row{192, 45.8, 47, 45.3, 144.6, 37428, 3687}}) {
    Step step = step_at(row.n);
    step.e2e_seconds.mean = 3;
    step.telemetry = healthy(row.running, row.waiting);
    StepTelemetry& t = *step.telemetry;
    t.running_max = row.most;
    t.running_by_time = row.by_time;
    t.waiting_by_time = row.waiting;
    t.server_prompt_tokens_per_second = row.prompts;
    t.server_tokens_per_second = row.tokens;
    scene.steps.push_back(step);
  }
  for (const double knee : {60.0, 96.0}) {
    scene.saturation = knee;
    EXPECT_EQ(scene.judge().bottleneck, "prefill") << knee << ": " << scene.judge().text();
  }
  EXPECT_THAT(scene.judge().text(), HasSubstr("145 wait beside a batch of 45 that has held 51"));

  for (Step& step : scene.steps) {  // as its threads were
    step.telemetry->engine_cpu_cores = 1.02;
    step.telemetry->gpu.util_mean = 0.36;
  }
  EXPECT_EQ(scene.judge().bottleneck, "scheduler");
  scene.steps[1].telemetry->iteration_tokens_mean = 514.2;
  scene.steps[2].telemetry->iteration_tokens_mean = 512;
  EXPECT_EQ(scene.judge().bottleneck, "prefill") << "larger iterations would need fewer of them";
  EXPECT_THAT(scene.judge().text(), HasSubstr("iterations are full: 514 tokens each at 96, 512 at 192"));
  scene.steps[1].telemetry->iteration_tokens_mean = 470;
  EXPECT_EQ(scene.judge().bottleneck, "scheduler") << "512 at one load may be chance";
  scene.steps[1].telemetry->iteration_tokens_mean = scene.steps[2].telemetry->iteration_tokens_mean = 190;
  EXPECT_EQ(scene.judge().bottleneck, "scheduler") << "that is no budget";
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
  EXPECT_THAT(scene.judge().text(), HasSubstr("50 of them while connecting, and b:1 never answered"));
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
