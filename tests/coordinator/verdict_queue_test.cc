// What holds requests in the server's own queue: slots, the tokens of an iteration, prompts, the cache.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "coordinator/verdict/attribution.h"
#include "tests/coordinator/attribution_scene.h"

namespace kneepoint::coordinator {
namespace {

using scenes::healthy;
using scenes::Scene;
using scenes::step_at;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

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
  EXPECT_THAT(scene.judge().text(), HasSubstr("front end or scheduler (it is not known which)"));
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
  scene.steps[1].telemetry->iteration_tokens_mean = scene.steps[2].telemetry->iteration_tokens_mean = 512;
  scene.steps[2].telemetry->server_prompt_tokens_per_second = 3000;
  EXPECT_EQ(scene.judge().bottleneck, "scheduler") << "answers fill the iterations, and not prompts";
}

}  // namespace
}  // namespace kneepoint::coordinator
