#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/measure/network.h"
#include "coordinator/verdict/attribution.h"
#include "tests/coordinator/attribution_scene.h"

namespace kneepoint::coordinator {
namespace {

using scenes::healthy;
using scenes::Scene;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Case {
  const char* name;
  void (*provoke)(Scene&);
  const char* bottleneck;
  const char* evidence;
};

class EachBottleneck : public ::testing::TestWithParam<Case> {};

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
     "300 of 1300 failed, all of them with HTTP 429 or 503"},
    {"errors", [](Scene& s) { s.fail(s.past(), Outcome::kHttp5xx, 50); }, "errors", "50 of 1050 failed"},
    {"network_unreachable", [](Scene& s) { s.fail(s.past(), Outcome::kConnect, 50); }, "network",
     "all of them while connecting"},
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
       s.steps.front().telemetry->prefill_time_mean_seconds = 0.12;
       s.at_past().server_requests_per_second = 8;
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
     "Requests time out: at 48 requests in flight, 100 of 1100 failed, all of them by timeout."},
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

INSTANTIATE_TEST_SUITE_P(All, EachBottleneck, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace kneepoint::coordinator
