#include "coordinator/verdict/attribution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "coordinator/measure/network.h"

namespace kneepoint::coordinator {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Step step_at(std::uint32_t concurrency) {
  Step step;
  step.concurrency = concurrency;
  step.achieved_concurrency = concurrency;
  step.requests.completed = 1000;
  step.duration_seconds = 60;
  step.generator.busiest_thread_ratio = 0.2;
  step.ttft_seconds.p50 = 0.05;
  step.tpot_seconds.p50 = 0.010;
  return step;
}

/// A server with everything in order: all requests run, half a cache, a GPU at work.
StepTelemetry healthy(double running, double waiting = 0) {
  StepTelemetry t;
  t.running_mean = running;
  t.waiting_mean = waiting;
  t.kv_usage_mean = 0.5;
  t.kv_usage_max = 0.55;
  t.preemptions_per_second = 0;
  t.gpu.util_mean = 1;
  t.gpu.sm_active_mean = 0.9;
  t.gpu.tensor_active_mean = 0.1;
  t.gpu.dram_active_mean = 0.3;
  t.engine_sources = 1;
  t.front_end_cpu_cores = 0.3;
  t.engine_cpu_cores = 0.4;
  t.page = {.state = "covered", .tokens_ratio = 1};
  return t;
}

/// Steps 1, 16, 32, 48 with the knee at 30, all in order.
struct Scene {
  std::vector<Step> steps{step_at(1), step_at(16), step_at(32), step_at(48)};
  std::optional<double> saturation = 30;
  std::string knee_kind;
  std::size_t replicas = 1;

  Scene() {
    for (Step& step : steps) step.telemetry = healthy(step.concurrency);
  }
  Step& knee() { return steps[2]; }
  Step& past() { return steps[3]; }
  StepTelemetry& at_knee() { return *knee().telemetry; }
  StepTelemetry& at_past() { return *past().telemetry; }
  void fail(Step& step, Outcome outcome, std::uint64_t count) {
    step.requests.failed += count;
    step.requests.by_outcome[static_cast<std::size_t>(outcome)] += count;
  }
  void without_telemetry() {
    for (Step& step : steps) step.telemetry.reset();
  }
  Attribution judge() const { return find_bottleneck({steps, saturation, knee_kind, replicas}); }
};

struct Case {
  const char* name;
  void (*provoke)(Scene&);
  const char* bottleneck;
  const char* evidence;
};

class EachBottleneck : public testing::TestWithParam<Case> {};

TEST(Loss, AtAnyLoadIsTheWayAndNotWhatGaveOut) {
  Scene scene;
  for (Step& step : scene.steps)
    step.network = network_of({.sent = 1000, .received = 100000, .out_of_order = 3000});
  EXPECT_NE(scene.judge().bottleneck, "network");
}

TEST_P(EachBottleneck, IsNamedWithItsEvidence) {
  Scene scene;
  GetParam().provoke(scene);
  const Attribution found = scene.judge();
  EXPECT_EQ(found.bottleneck, GetParam().bottleneck);
  EXPECT_THAT(found.text(), HasSubstr(GetParam().evidence));
  EXPECT_THAT(found.not_ruled_out, IsEmpty()) << "with all telemetry";
}

const Case kCases[] = {
    {"packets_lost_under_load",
     [](Scene& s) {
       s.steps[0].network = network_of({.sent = 1000, .received = 100000, .out_of_order = 10});
       for (Step* step : {&s.knee(), &s.past()})
         step->network = network_of({.sent = 1000, .received = 100000, .out_of_order = 3000});
     },
     "network", "3.0 % of the segments received came out of order; at 1 0.0 % of the segments"},
    {"client_busy",
     [](Scene& s) {
       s.saturation = std::nullopt;
       s.past().generator.busiest_thread_ratio = 0.97;
       s.past().invalidate("CLIENT_BOUND", "a generator thread was busy 97 % of the time");
     },
     "client", "at 48 requests in flight: one of its threads was busy 97 % of the time"},
    {"client_without_stamps",
     [](Scene& s) {
       s.saturation = std::nullopt;
       s.past().invalidate("CLIENT_BOUND", "reads carry no kernel stamp and came up to 9 ms late (p99)");
     },
     "client", "at 48 requests in flight: reads carry no kernel stamp and came up to 9 ms late"},
    {"client_before_all_else",
     [](Scene& s) {
       s.saturation = std::nullopt;
       s.past().generator.client_coalesced_ratio = 0.05;
       s.past().invalidate("CLIENT_BOUND", "the generator read 5.0 % of the events late and together");
       s.knee().telemetry = healthy(24, 24);
     },
     "client", "5.0 % of the events late and together"},
    {"admission", [](Scene& s) { s.fail(s.past(), Outcome::kRejected, 300); }, "admission",
     "300 of 1300 failed, 300 of them with HTTP 429 or 503"},
    {"errors", [](Scene& s) { s.fail(s.past(), Outcome::kHttp5xx, 50); }, "errors", "50 of 1050 failed"},
    {"network_unreachable", [](Scene& s) { s.fail(s.past(), Outcome::kConnect, 50); }, "network",
     "50 of them while connecting"},
    {"before_engine_by_the_servers_own_times",
     [](Scene& s) {
       s.at_past() = healthy(30, 0);
       s.past().requests_per_second.value = 60;
       s.past().ttft_seconds.mean = 0.350;
       s.at_past().outside_server_seconds = 0.305;
       s.at_past().front_end_seconds = 0.004;
     },
     "before_engine",
     "of 48 in flight the engine holds 30 (30 running, 0.0 waiting); of a mean TTFT of 350 ms 305 ms pass "
     "before the server takes the request"},
    {"before_engine_by_what_the_client_sees",
     [](Scene& s) {
       s.at_past() = healthy(30, 0);
       s.past().waiting = 18;
     },
     "before_engine", "(a gateway, a proxy or the server's own front end): at 48 requests in flight, of 48"},
    {"front_end_holds_requests",
     [](Scene& s) {
       s.at_past() = healthy(30, 0);
       s.past().requests_per_second.value = 60;
       s.past().ttft_seconds.mean = 0.350;
       s.at_past().outside_server_seconds = 0.010;
       s.at_past().front_end_seconds = 0.299;
     },
     "front_end", "of a mean TTFT of 350 ms 299 ms pass in the server, before its engine"},
    {"front_end_busy_while_the_gpu_is_not",
     [](Scene& s) {
       s.at_past().front_end_cpu_cores = 1.0;
       s.at_past().gpu.util_mean = 0.24;
     },
     "front_end", "its process was busy 1.00 of a core while the GPU was in use 24 % of the time"},
    {"scheduler",
     [](Scene& s) {
       s.at_past().front_end_cpu_cores = 0.4;
       s.at_past().engine_cpu_cores = 0.99;
       s.at_past().gpu.util_mean = 0.5;
     },
     "scheduler", "its process was busy 0.99 of a core while the GPU was in use 50 % of the time"},
    {"prefill",
     [](Scene& s) {
       s.at_knee() = healthy(20, 12);
       s.at_past() = healthy(21, 27);
       s.at_knee().server_prompt_tokens_per_second = 9000;
       s.at_past().server_prompt_tokens_per_second = 9100;
       s.at_past().server_tokens_per_second = 300;
       s.at_past().running_max = 40;
     },
     "prefill", "9,000 prompt tokens a second at 32, 9,100 at 48, while 27 wait beside a batch of 21"},
    {"prefill_in_pieces_that_slow_decoding_down",
     [](Scene& s) {
       s.saturation = 48;  // nothing was measured past it
       s.knee_kind = "soft";
       s.at_knee() = healthy(20, 12);
       s.at_past() = healthy(21, 27);
       s.knee().tpot_seconds.p50 = 0.060;
       s.past().tpot_seconds.p50 = 0.150;
       s.at_knee().server_prompt_tokens_per_second = 9000;
       s.at_past().server_prompt_tokens_per_second = 9100;
       s.at_past().server_tokens_per_second = 200;
       s.at_past().running_max = 40;
     },
     "prefill", "the GPU was in use 100 % of the time, and what was written takes 10 % of it at most"},
    {"network_connect",
     [](Scene& s) {
       s.steps[0].connect_seconds.p95 = 0.002;
       s.past().connect_seconds.p95 = 0.9;
     },
     "network", "p95 2.00 ms at 1, 900 ms at 48"},
    {"kv_preempts",
     [](Scene& s) {
       s.at_past() = healthy(40, 8);
       s.at_past().kv_usage_max = 0.99;
       s.at_past().preemptions_per_second = 3.2;
     },
     "kv_cache", "up to 99 % full, and 3.2 requests a second were preempted"},
    {"kv_full_and_waiting",
     [](Scene& s) {
       s.at_past() = healthy(31, 17);
       s.at_past().kv_usage_mean = 0.97;
       s.at_past().kv_usage_max = 1.0;
     },
     "kv_cache", "97 % full on average while 17 requests waited"},
    {"queue_slots",
     [](Scene& s) {
       s.at_knee() = healthy(30, 2);
       s.at_past() = healthy(30, 18);
       s.at_past().queue_time_mean_seconds = 0.42;
     },
     "queue_slots",
     "at 48 requests in flight 30 run (30 at 32) and 18 wait in the server's queue, 420 ms each"},
    {"queue_slots_while_the_bus_is_busy",
     [](Scene& s) {
       s.at_knee() = healthy(32, 0);
       s.at_past() = healthy(36, 12);
       s.at_past().gpu.dram_active_mean = 0.85;
     },
     "queue_slots", "36 run (32 at 32) and 12 wait"},
    {"timeouts_in_a_queue_tell_of_the_queue",
     [](Scene& s) {
       s.at_knee() = healthy(30, 2);
       s.at_past() = healthy(30, 18);
       s.fail(s.past(), Outcome::kTimeout, 100);
     },
     "queue_slots",
     "Requests time out: at 48 requests in flight, 100 of 1100 failed, 100 of them by timeout."},
    {"compute",
     [](Scene& s) {
       s.at_past().gpu.tensor_active_mean = 0.5;
       s.at_past().gpu.dram_active_mean = 0.35;
     },
     "compute", "tensor pipe 50 %, memory bus 35 %, SMs 90 %"},
    {"compute_holds_requests_back",
     [](Scene& s) {
       s.at_past() = healthy(30, 18);
       s.at_past().gpu.tensor_active_mean = 0.7;
       s.at_past().server_prompt_tokens_per_second = 7700;
       s.at_past().server_tokens_per_second = 240;
     },
     "compute",
     "tensor pipe 70 %, memory bus 30 %, SMs 90 %, with 7700 prompt and 240 output tokens a second."},
    {"memory_bandwidth",
     [](Scene& s) {
       s.at_past().gpu.tensor_active_mean = 0.2;
       s.at_past().gpu.dram_active_mean = 0.8;
     },
     "memory_bandwidth", "tensor pipe 20 %, memory bus 80 %"},
    {"nothing_shows", [](Scene&) {}, "",
     "No limit shows at 48 requests in flight: 48 running, 0.0 waiting, KV cache 50 % full, tensor pipe 10 "
     "%"},
};

INSTANTIATE_TEST_SUITE_P(All, EachBottleneck, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

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
  EXPECT_EQ(scene.judge().bottleneck, "queue_slots");
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
  scene.at_past() = healthy(20, 28);
  EXPECT_EQ(scene.judge().bottleneck, "queue_slots");
  EXPECT_THAT(scene.judge().text(), HasSubstr("20 run (32 at 32) and 28 wait"));
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
  ASSERT_EQ(scene.judge().bottleneck, "prefill");
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
  EXPECT_THAT(scene.judge().text(), testing::Not(HasSubstr("would tell"))) << "both are known";
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
