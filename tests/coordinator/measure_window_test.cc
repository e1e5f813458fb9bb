#include "coordinator/measure/window.h"

#include <gtest/gtest.h>

#include "coordinator/measure/replicas.h"
#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using scenes::BatchingHost;
using scenes::KnownRequest;
using scenes::KnownRun;
using scenes::simple_plan;

/// One slot, requests back to back from `begin`: first token after 0.1 s, then `tokens` − 1 gaps of 0.02 s.
void one_slot(KnownRun& run, double begin, double end, const SeriesKey& key, std::size_t tokens = 11,
              std::uint64_t usage = 0, double phase = 0) {
  for (double start = begin + phase; start < end;) {
    KnownRequest request{.start = start, .key = key, .usage_tokens = usage};
    for (std::size_t i = 0; i < tokens; ++i)
      request.chunks.push_back(start + 0.1 + 0.02 * static_cast<double>(i));
    request.end = request.chunks.back();
    start = request.end;
    run.add(request);
  }
}

Step measure(const Timeline& timeline, const Plan& plan, const StepWindow& window) {
  return measure_step(timeline, plan, cells_of(plan).at(window.cell), window);
}

/// Four slots, each with one answer of 400 tokens, ten a second.
Timeline four_answers_of_40_seconds() {
  KnownRun run;
  for (int slot = 0; slot < 4; ++slot) {
    KnownRequest request{.start = 0.25 * slot, .key = {.epoch = 1}, .usage_tokens = 400};
    for (int i = 1; i <= 400; ++i) request.chunks.push_back(request.start + 0.1 * i);
    request.end = request.chunks.back();
    run.add(request);
  }
  return run.timeline(50);
}

TEST(MeasureStep, CountsTokensByArrivalWithRequestsInFlightIncluded) {
  // Requests of 40 s in a window of 10 s: none begins and ends inside.
  const auto timeline = four_answers_of_40_seconds();
  const Step step = measure(timeline, simple_plan(), {.concurrency = 4, .epoch = 1, .begin = 20, .end = 30});
  EXPECT_NEAR(*step.output_tokens_per_second.value, 40, 0.5);
  EXPECT_EQ(step.token_source, TokenSource::kEstimated);
  EXPECT_NEAR(*step.achieved_concurrency, 4, 1e-9);
  EXPECT_FALSE(step.valid);  // nothing completed in it
  EXPECT_TRUE(step.has_flag("NO_DATA"));
  EXPECT_FALSE(step.ttft_seconds.mean);
}

/// Windows that cut answers of 40 s: what is not seen in them is not known, and no window without an end is
/// valid.
TEST(MeasureStep, OfLongAnswersOnlyWhatTheWindowHoldsIsKnown) {
  const auto timeline = four_answers_of_40_seconds();
  struct Window {
    std::int64_t begin, end;
    std::uint64_t first_tokens, completed;
  };
  for (const Window& w :
       {Window{0, 10, 4, 0}, Window{5, 15, 0, 0}, Window{30, 40, 0, 0}, Window{31, 41, 0, 4}}) {
    const Step step =
        measure(timeline, simple_plan(), {.concurrency = 4, .epoch = 1, .begin = w.begin, .end = w.end});
    EXPECT_EQ(step.ttft_seconds.count, w.first_tokens) << w.begin;
    EXPECT_EQ(step.requests.completed, w.completed) << w.begin;
    EXPECT_EQ(step.e2e_seconds.count, w.completed) << w.begin;
    EXPECT_EQ(step.e2e_seconds.p50.has_value(), w.completed > 0) << w.begin;
    EXPECT_EQ(step.has_flag("NO_DATA"), w.completed == 0) << w.begin;
    EXPECT_NEAR(step.output_tokens_per_second.value.value_or(0), 40, 2.5) << w.begin;
  }
}

/// The whole answer is checked for 0.3 s before its stream ends: nothing of that is E2E, and all of it is
/// residence.
TEST(MeasureStep, AnswersThatEndLateKeepTheirRowValid) {
  KnownRun run;
  for (int slot = 0; slot < 4; ++slot) {
    for (double start = 0.13 * slot; start < 30;) {
      KnownRequest request{.start = start, .key = {.epoch = 1}, .usage_tokens = 11};
      for (int i = 0; i < 11; ++i) request.chunks.push_back(start + 0.1 + 0.02 * i);
      start = request.end = request.chunks.back() + 0.3;
      run.add(request);
    }
  }
  const Step step =
      measure(run.timeline(40), simple_plan(), {.concurrency = 4, .epoch = 1, .begin = 5, .end = 25});
  EXPECT_TRUE(step.valid) << ::testing::PrintToString(step.reasons);
  EXPECT_TRUE(step.has_flag("LATE_END"));
  EXPECT_NEAR(step.e2e_seconds.p50.value_or(0), 0.3, 0.01);
}

TEST(MeasureStep, ARegularSlotGivesExactFigures) {
  KnownRun run;
  one_slot(run, 0, 40, {.epoch = 1});  // 0.3 s a request, 11 tokens
  const Step step = measure(run.timeline(45), simple_plan(),
                            {.concurrency = 1, .attempt = 2, .epoch = 1, .begin = 5, .end = 35});
  EXPECT_TRUE(step.valid) << ::testing::PrintToString(step.reasons);
  EXPECT_EQ(step.concurrency, 1u);
  EXPECT_EQ(step.attempt, 2u);
  EXPECT_EQ(step.duration_seconds, 30);
  EXPECT_EQ(step.window_begin_seconds, 5);
  EXPECT_EQ(step.requests.completed, 100u);
  EXPECT_NEAR(*step.requests_per_second.value, 100 / 30.0, 1e-9);
  EXPECT_NEAR(*step.output_tokens_per_second.value, 1100 / 30.0, 11 / 30.0);
  EXPECT_EQ(step.token_source, TokenSource::kChunks);
  EXPECT_NEAR(*step.ttft_seconds.mean, 0.1, 1e-6);
  EXPECT_NEAR(*step.tpot_seconds.p50, 0.02, 1e-4);
  EXPECT_NEAR(*step.icl_seconds.p50, 0.02, 1e-4);
  EXPECT_NEAR(*step.e2e_seconds.mean, 0.3, 1e-6);
  EXPECT_NEAR(*step.waiting, 1 / 3.0, 0.01);
  EXPECT_EQ(step.error_ratio, 0);
  ASSERT_TRUE(step.output_tokens_per_second.ci95);
  EXPECT_LE(step.output_tokens_per_second.ci95->low, 1100 / 30.0);
  EXPECT_GE(step.output_tokens_per_second.ci95->high, 1100 / 30.0);
  EXPECT_FALSE(step.has_flag("SHORT_WINDOW"));
  EXPECT_FALSE(step.goodput_ratio);
  EXPECT_TRUE(step.replicas.empty());
  EXPECT_TRUE(step.classes.empty());
}

TEST(MeasureStep, ChunksAreScaledByTheServersCount) {
  KnownRun run;
  one_slot(run, 0, 40, {.epoch = 1}, 11, 22);
  const Step step =
      measure(run.timeline(45), simple_plan(), {.concurrency = 1, .epoch = 1, .begin = 5, .end = 35});
  EXPECT_NEAR(*step.output_tokens_per_second.value, 2200 / 30.0, 22 / 30.0);
  EXPECT_EQ(step.token_source, TokenSource::kEstimated);
}

TEST(MeasureStep, RunningUsageIsTakenAsItIs) {
  KnownRun run;
  one_slot(run, 0, 40, {.epoch = 1}, 11, 22);
  for (std::int64_t s = 0; s < 45; ++s) {
    for (auto& [key, stats] : run.second(s).series) {
      stats.reported_tokens = {10, 20};
      stats.unreported_chunks = {};
    }
  }
  const Step step =
      measure(run.timeline(45), simple_plan(), {.concurrency = 1, .epoch = 1, .begin = 5, .end = 35});
  EXPECT_NEAR(*step.output_tokens_per_second.value, 30, 1e-9);
  EXPECT_EQ(step.token_source, TokenSource::kUsage);
}

TEST(MeasureStep, PercentilesNeedTheirCounts) {
  KnownRun few;
  one_slot(few, 0, 40, {.epoch = 1});
  const auto step =
      measure(few.timeline(45), simple_plan(), {.concurrency = 1, .epoch = 1, .begin = 5, .end = 35});
  EXPECT_EQ(step.ttft_seconds.count, 100u);
  EXPECT_TRUE(step.ttft_seconds.p90);
  EXPECT_FALSE(step.ttft_seconds.p95);
  EXPECT_FALSE(step.ttft_seconds.p99);
  EXPECT_TRUE(step.ttft_seconds.p50_ci95);

  KnownRun many;
  for (std::uint32_t slot = 0; slot < 8; ++slot) one_slot(many, 0, 40, {.epoch = 1}, 11, 0, 0.03 * slot);
  const auto full =
      measure(many.timeline(45), simple_plan(), {.concurrency = 8, .epoch = 1, .begin = 5, .end = 35});
  EXPECT_EQ(full.ttft_seconds.count, 800u);
  EXPECT_TRUE(full.ttft_seconds.p95 && full.ttft_seconds.p99);
  ASSERT_TRUE(full.ttft_seconds.p95_ci95);
  EXPECT_LE(full.ttft_seconds.p95_ci95->low, *full.ttft_seconds.p95);
}

TEST(MeasureStep, ShortHoldsDoubleTheErrorAndStayValid) {
  KnownRun run;
  BatchingHost{.a = 0.020, .c = 0.001}.run(run, 0, 14, 8, {.epoch = 1}, 1.0);  // R = 1.8 s
  const Step step =
      measure(run.timeline(20), simple_plan(), {.concurrency = 8, .epoch = 1, .begin = 3, .end = 11});
  EXPECT_TRUE(step.valid) << ::testing::PrintToString(step.reasons);
  EXPECT_TRUE(step.has_flag("SHORT_WINDOW"));
  EXPECT_TRUE(step.output_tokens_per_second.ci95);
}

TEST(MeasureStep, BatchesAreAsLongAsTwoCyclesOfAUserWhoThinks) {
  KnownRun run;
  for (int start = 0; start < 60; start += 3)  // 0.3 s, then a pause of 2.7 s
    one_slot(run, start, start + 0.1, {.epoch = 1});
  Plan plan = simple_plan();
  const StepWindow window{.concurrency = 1, .epoch = 1, .begin = 12, .end = 54};
  for (std::int64_t s = 0; s < 60; ++s) run.second(s).series[{.epoch = 1}].thinking = 0.9;
  const Timeline timeline = run.timeline(60);
  plan.scenarios[0].workload.think_time = 2.7;
  EXPECT_EQ(measure(timeline, plan, window).batches, 7u) << "of 6 s";
}

TEST(MeasureStep, AnswersThatComeWholeAndUncountedHaveNoTokens) {
  KnownRun run;
  one_slot(run, 0, 40, {.epoch = 1});
  for (std::int64_t s = 0; s < 45; ++s) {  // as agents tell it
    SeriesStats& stats = run.second(s).series[{.epoch = 1}];
    stats.unreported_chunks = {};
    stats.chunks_without_usage = 0;
  }
  Plan plan = simple_plan();
  plan.scenarios[0].workload.stream = false;
  const Step step = measure(run.timeline(45), plan, {.concurrency = 1, .epoch = 1, .begin = 5, .end = 35});
  EXPECT_FALSE(step.output_tokens_per_second.value || step.output_tokens_per_second.ci95);
  EXPECT_FALSE(step.token_source);
  EXPECT_NEAR(*step.requests_per_second.value, 100 / 30.0, 1e-9);
}

TEST(MeasureStep, PromptTokensAreARateWhereTheAnswersTellThem) {
  const auto measured = [](std::uint64_t untold_chunks) {
    KnownRun run;
    one_slot(run, 0, 40, {.epoch = 1}, 11, 11);
    for (std::int64_t s = 0; s < 45; ++s) {
      SeriesStats& stats = run.second(s).series[{.epoch = 1}];
      stats.prompt_tokens = 512 * stats.completed();
      stats.chunks_without_usage = untold_chunks;
    }
    return measure(run.timeline(45), simple_plan(), {.concurrency = 1, .epoch = 1, .begin = 5, .end = 35});
  };
  const Step told = measured(0);
  ASSERT_TRUE(told.prompt_tokens_per_second);
  EXPECT_NEAR(*told.prompt_tokens_per_second, 512 * *told.requests_per_second.value, 1e-9);
  EXPECT_FALSE(measured(3).prompt_tokens_per_second) << "some answers tell nothing";
}

TEST(MeasureStep, AStepBoundedByRequestsCountsItsOwnRequestsOnly) {
  KnownRun run;
  one_slot(run, 0, 2, {.epoch = 1});  // the level before, still finishing in second 2
  for (int i = 0; i < 10; ++i) {
    const double start = 2.5 + 0.3 * i;
    KnownRequest request{.start = start, .key = {.epoch = 2}, .usage_tokens = 22};
    // The times differ, so that the spread is known: 0.10, 0.11, … 0.19.
    for (int c = 0; c < 11; ++c) request.chunks.push_back(start + 0.1 + 0.01 * i + 0.01 * c);
    request.end = request.chunks.back();
    run.add(request);
  }
  const double finished = 2.5 + 2.7 + 0.29;
  const StepWindow window{.concurrency = 1,
                          .epoch = 2,
                          .level_at = from_seconds(2.5),
                          .begin = 2,
                          .end = 6,
                          .requests = 10,
                          .finished_at = from_seconds(finished)};
  const Step step = measure(run.timeline(10), simple_plan(), window);
  EXPECT_TRUE(step.valid) << ::testing::PrintToString(step.reasons);
  EXPECT_EQ(step.requests.completed, 10u);
  EXPECT_NEAR(step.duration_seconds, 2.99, 1e-6);
  EXPECT_NEAR(*step.output_tokens_per_second.value, 220 / 2.99, 1e-6);
  EXPECT_EQ(step.token_source, TokenSource::kUsage);
  EXPECT_FALSE(step.output_tokens_per_second.ci95);
  EXPECT_FALSE(step.requests_per_second.ci95);
  EXPECT_FALSE(step.ttft_seconds.p50_ci95);
  EXPECT_NEAR(*step.ttft_seconds.mean, 0.145, 1e-6);
  EXPECT_NEAR(*step.ttft_seconds.stddev, 0.0302765, 1e-5);
  EXPECT_NEAR(*step.ttft_seconds.min, 0.1, 1e-6);
  EXPECT_NEAR(*step.ttft_seconds.max, 0.19, 1e-6);
  EXPECT_NEAR(*step.ttft_seconds.p50, 0.14, 0.001);
  EXPECT_FALSE(step.ttft_seconds.p95);
}

TEST(MeasureStep, SharesAreNamedByReplicaAndClass) {
  Plan plan = simple_plan();
  plan.targets[0].urls = {"http://10.0.0.1:8000/v1", "http://10.0.0.2:8000/v1"};
  plan.scenarios[0].workload.classes.push_back({.name = "long", .prompts = {"long"}});
  KnownRun run;
  one_slot(run, 0, 40, {.epoch = 1, .replica = 0, .prompt_class = 0});
  one_slot(run, 0, 40, {.epoch = 1, .replica = 1, .prompt_class = 1}, 21);
  const Step step = measure(run.timeline(45), plan, {.concurrency = 2, .epoch = 1, .begin = 5, .end = 35});
  ASSERT_EQ(step.replicas.size(), 2u);
  EXPECT_EQ(step.replicas[0].name, "10.0.0.1:8000");
  EXPECT_EQ(step.replicas[1].name, "10.0.0.2:8000");
  EXPECT_EQ(step.replicas[0].requests.completed, 100u);
  EXPECT_EQ(step.replicas[1].requests.completed, 60u);
  ASSERT_EQ(step.classes.size(), 2u);
  EXPECT_EQ(step.classes[0].name, "default");
  EXPECT_NEAR(*step.classes[1].e2e_seconds.mean, 0.5, 1e-6);
}

TEST(MeasureStep, ReplicasThatShareAHostKeepTheirUrls) {
  Plan plan = simple_plan();
  plan.targets[0].urls = {"http://gateway/a", "http://gateway/b"};
  KnownRun run;
  one_slot(run, 0, 20, {.epoch = 1});
  const Step step = measure(run.timeline(20), plan, {.concurrency = 1, .epoch = 1, .begin = 2, .end = 18});
  EXPECT_EQ(step.replicas.at(1).name, "http://gateway/b");
  EXPECT_EQ(step.replicas.at(1).requests.completed, 0u);
  EXPECT_FALSE(step.replicas.at(1).ttft_seconds.mean);
}

TEST(MeasureStep, TheGeneratorsCostIsSpreadOverTheTokensOfTheWindow) {
  KnownRun run;
  one_slot(run, 0, 40, {.epoch = 1});
  for (std::int64_t s = 0; s < 45; ++s) {
    GeneratorStats& generator = run.second(s).generator;
    generator.cpu_user = 0.0003;
    generator.cpu_system = 0.0001;
    generator.busiest_thread = s == 20 ? 0.8 : 0.2;
    generator.multi_event_reads = 5;
    generator.client_coalesced = 1;
  }
  const Step step =
      measure(run.timeline(45), simple_plan(), {.concurrency = 1, .epoch = 1, .begin = 5, .end = 35});
  EXPECT_NEAR(*step.generator.cpu_seconds, 0.012, 1e-9);
  EXPECT_NEAR(*step.generator.cpu_us_per_token, 0.012 / 1100 * 1e6, 0.2);
  EXPECT_NEAR(*step.generator.multi_event_read_ratio, 0.05, 1e-9);
  EXPECT_NEAR(*step.generator.client_coalesced_ratio, (1 - 4.0 / 99) / 105, 1e-9)
      << "of the events, less what comes together in turns that are in time, too";
  EXPECT_EQ(step.generator.busiest_thread_ratio, 0.2);  // p95 of 30 seconds leaves the one out
}

TEST(MeasureStep, CountsTheSloAndGoodput) {
  const std::vector<SloLimit> limits = {{SloMetric::kTtft, 0.95, std::chrono::milliseconds(500)},
                                        {SloMetric::kTpot, 0.95, std::chrono::milliseconds(10)}};
  KnownRun run(limits);
  for (std::uint32_t slot = 0; slot < 4; ++slot) one_slot(run, 0, 40, {.epoch = 1}, 11, 0, 0.07 * slot);
  const Step step =
      measure(run.timeline(45), simple_plan(limits), {.concurrency = 4, .epoch = 1, .begin = 5, .end = 35});
  ASSERT_EQ(step.slo.size(), 2u);
  EXPECT_EQ(step.slo[0].name, "ttft_p95");
  EXPECT_EQ(step.slo[0].met, 400u);
  EXPECT_EQ(step.slo[0].state, "PASS");
  EXPECT_EQ(step.slo[1].missed, 400u);
  EXPECT_EQ(step.slo[1].state, "FAIL");
  EXPECT_EQ(step.slo_joint->state, "FAIL");
  EXPECT_EQ(step.goodput_ratio, 0);
  EXPECT_EQ(step.goodput_requests_per_second, 0);
}

TEST(MeasureStep, LostAndInterruptedStepsAreInvalid) {
  KnownRun run;
  one_slot(run, 0, 40, {.epoch = 1});
  const Timeline timeline = run.timeline(20);  // the agent completed seconds below 20 only
  const StepWindow window{
      .concurrency = 1, .epoch = 1, .begin = 5, .end = 35, .interrupted = true, .agent_lost = true};
  const Step step = measure(timeline, simple_plan(), window);
  EXPECT_FALSE(step.valid);
  for (const char* flag : {"INCOMPLETE", "INTERRUPTED", "AGENT_LOST"})
    EXPECT_TRUE(step.has_flag(flag)) << flag;
}

TEST(MeasureStep, AWindowWithoutASecondHasNoFigures) {
  const Step step = measure(Timeline(), simple_plan(), {.concurrency = 4, .begin = 5, .end = 5});
  EXPECT_FALSE(step.valid);
  EXPECT_TRUE(step.has_flag("NO_DATA"));
  EXPECT_FALSE(step.achieved_concurrency);
  EXPECT_FALSE(step.output_tokens_per_second.value);
  EXPECT_FALSE(step.requests_per_second.value);
}

/// False alarms would cost a whole run: every realistic short hold must pass its gates.
TEST(MeasureStep, ShortHoldsOfALoadedHostPassTheirGates) {
  for (const std::size_t slots : {1u, 2u, 4u, 8u, 16u, 32u, 64u}) {
    for (const double spread : {0.0, 0.3, 1.0}) {
      for (const double length_spread : {0.0, 0.9}) {
        for (std::uint64_t seed = 1; seed <= 5; ++seed) {
          const BatchingHost host{.a = 0.012, .c = 0.0005, .cap = 22, .length_spread = length_spread};
          KnownRun run;
          host.run(run, 0.3 + 0.17 * static_cast<double>(seed), 13, slots, {.epoch = seed}, spread);
          const Step step = measure(
              run.timeline(40), simple_plan(),
              {.concurrency = static_cast<std::uint32_t>(slots), .epoch = seed, .begin = 3, .end = 11});
          EXPECT_TRUE(step.valid) << slots << " slots, spread " << spread << ", lengths " << length_spread
                                  << ": " << ::testing::PrintToString(step.reasons);
        }
      }
    }
  }
}

TEST(ReplicaName, IsHostAndPort) {
  EXPECT_EQ(replica_name("http://127.0.0.1:8000"), "127.0.0.1:8000");
  EXPECT_EQ(replica_name("https://user:secret@gpu.example/v1"), "gpu.example");
  EXPECT_EQ(replica_name("http://[::1]:8000/"), "[::1]:8000");
  EXPECT_EQ(replica_name("not a url"), "not a url");
}

}  // namespace
}  // namespace kneepoint::coordinator
