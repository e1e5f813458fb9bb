#include "coordinator/telemetry/telemetry_series.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "coordinator/telemetry/telemetry_lines.h"

namespace kneepoint::coordinator {
namespace {

using enum Signal;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::Pair;

TelemetrySample sample(std::int64_t second, SignalValues values, std::string source = "a",
                       std::string target = "host") {
  return {second, std::move(target), std::move(source), std::move(values), {}};
}

TEST(TelemetrySeries, GaugesAreMeansInTheWindowAndSumsOverReplicas) {
  TelemetrySeries series;
  for (int s = 0; s < 10; ++s) {
    series.add(sample(s, {{kRunning, s < 4 ? 1 : 8}, {kWaiting, 2}, {kKvUsage, 0.1 * s}}, "a"));
    series.add(sample(s, {{kRunning, 3}, {kKvUsage, 0.5}}, "b"));
  }
  const auto step = series.summarise("host", 4, 8);
  EXPECT_THAT(step.running_mean, Optional(11.0));
  EXPECT_THAT(step.waiting_mean, Optional(2.0));
  EXPECT_NEAR(*step.kv_usage_mean, (0.55 + 0.5) / 2, 1e-12);
  EXPECT_NEAR(*step.kv_usage_max, 0.7, 1e-12);
  EXPECT_EQ(step.engine_sources, 2u);
  EXPECT_EQ(step.preemptions_per_second, std::nullopt);
}

TEST(TelemetrySeries, CountersAreDifferencesOverTheirOwnTime) {
  TelemetrySeries series;
  for (int s = 0; s <= 20; ++s) {
    if (s == 12) continue;  // A scrape that failed.
    series.add(sample(s, {{kGenerationTokens, 1000.0 + 50 * s},
                          {kQueueTimeSum, 2.0 * s},
                          {kQueueTimeCount, 4.0 * s},
                          {kPrefixHits, 30.0 * s},
                          {kPrefixQueries, 120.0 * s},
                          {kPreemptions, 7}}));
  }
  const auto step = series.summarise("host", 4.5, 12.5);
  EXPECT_THAT(step.server_tokens_per_second, Optional(50.0));
  EXPECT_THAT(step.queue_time_mean_seconds, Optional(0.5));
  EXPECT_THAT(step.prefix_hit_ratio, Optional(0.25));
  EXPECT_THAT(step.preemptions_per_second, Optional(0.0));
}

TEST(TelemetrySeries, AcceptanceIsOfTheWindowByCountersElseByGauges) {
  TelemetrySeries counted, read;
  for (int s = 0; s <= 20; ++s) {
    // From second 10 on half as many are accepted: what was before does not count.
    counted.add(sample(s, {{kSpecDrafts, 100.0 * s},
                           {kSpecDraftTokens, 300.0 * s},
                           {kSpecAccepted, 240.0 * std::min(s, 10) + 120.0 * std::max(0, s - 10)}}));
    read.add(sample(s, {{kSpecAcceptRatio, s < 10 ? 0.8 : 0.4}, {kSpecAcceptLength, s < 10 ? 3.4 : 2.2}}));
  }
  for (const TelemetrySeries* series : {&counted, &read}) {
    const auto step = series->summarise("host", 10, 20);
    EXPECT_NEAR(step.spec_acceptance_ratio.value_or(-1), 0.4, 1e-12);
    EXPECT_NEAR(step.spec_acceptance_length.value_or(-1), 2.2, 1e-12);
  }
  EXPECT_THAT(counted.summarise("host", 10, 20).spec_draft_tokens_per_second, Optional(300.0));
  EXPECT_EQ(read.summarise("host", 10, 20).spec_draft_tokens_per_second, std::nullopt);
}

TEST(TelemetrySeries, ABystandersWindowIsWhatEndedInIt) {
  TelemetrySeries series;
  double sum = 0;
  for (int s = 0; s < 10; ++s) {
    sum += s;
    series.add(sample(2 * s,
                      {{kBystanderTtft, 1.0 * s},
                       {kBystanderTtftSum, sum},
                       {kBystanderRequests, 1.0 + s},
                       {kBystanderFailed, s < 8 ? 0.0 : 1.0}},
                      "bystander"));
  }
  const auto felt = series.bystander("host", 6, 18);  // seconds 6, 8, …, 16
  ASSERT_TRUE(felt);
  EXPECT_EQ(felt->requests, 6u);
  EXPECT_EQ(felt->failed, 1u);
  EXPECT_THAT(felt->ttft_p50_seconds, Optional(6.0));
  EXPECT_THAT(felt->ttft_max_seconds, Optional(8.0));
  EXPECT_EQ(series.bystander("host", 100, 120), std::nullopt);
  EXPECT_EQ(series.bystander("other", 0, 20), std::nullopt);
  EXPECT_EQ(series.summarise("host", 0, 20), StepTelemetry{}) << "it tells nothing of the engine";
  EXPECT_THAT(series.pages("host"), IsEmpty());
}

/// A router, two prefill servers and a decode server: each request is on three pages.
TEST(TelemetrySeries, ServersOfSeveralRolesCountARequestOnce) {
  TelemetrySeries series;
  const auto add = [&](int s, const char* source, const char* role, SignalValues values) {
    TelemetrySample one = sample(s, std::move(values), source);
    one.role = role;
    series.add(one);
  };
  for (int s = 0; s <= 10; ++s) {
    add(s, "r", "router", {{kRouterWaiting, 9}});
    for (const char* source : {"p1", "p2"}) {
      add(s, source, "prefill",
          {{kRunning, 2},
           {kWaiting, 6},
           {kPromptTokens, 500.0 * s},
           {kGenerationTokens, 1.0 * s},
           {kRequestsFinished, 1.0 * s},
           {kKvTransferring, 1.5},
           {kKvTransferSum, 0.2 * s},
           {kKvTransferCount, 4.0 * s}});
    }
    add(s, "d", "decode",
        {{kRunning, 30},
         {kWaiting, 1},
         {kPromptTokens, 1000.0 * s},
         {kGenerationTokens, 400.0 * s},
         {kRequestsFinished, 2.0 * s},
         {kKvTransferring, 3}});
  }
  const auto step = series.summarise("host", 0, 10);
  EXPECT_THAT(step.server_tokens_per_second, Optional(400.0));
  EXPECT_THAT(step.server_requests_per_second, Optional(2.0));
  EXPECT_THAT(step.server_prompt_tokens_per_second, Optional(1000.0));
  EXPECT_THAT(step.running_mean, Optional(30.0));
  EXPECT_THAT(step.kv_transferring, Optional(3.0));
  EXPECT_NEAR(step.kv_transfer_mean_seconds.value_or(-1), 0.05, 1e-12);
  ASSERT_EQ(step.roles.size(), 3u);
  EXPECT_EQ(step.roles[0].role, "router");
  EXPECT_THAT(step.roles[0].waiting_mean, Optional(9.0));
  EXPECT_EQ(step.roles[1].pages, 2u);
  EXPECT_THAT(step.roles[1].waiting_mean, Optional(12.0));
  EXPECT_THAT(step.roles[2].output_tokens_per_second, Optional(400.0));
  EXPECT_EQ(series.pages("host").size(), 1u) << "what is held against the client";
  EXPECT_THAT(step.pods, IsEmpty()) << "one decode server is no row of pods";
}

/// Two servers, one of which shows two ranks.
TEST(TelemetrySeries, RanksStandInPlaceOfTheirPageAndAreCountedWithIt) {
  TelemetrySeries series;
  for (int s = 0; s <= 10; ++s) {
    TelemetrySample page = sample(s,
                                  {{kRunning, 12},
                                   {kWaiting, 3},
                                   {kKvUsage, 0.9},
                                   {kGenerationTokens, 300.0 * s},
                                   {kRequestsFinished, 6.0 * s}},
                                  "http://a:8000/metrics");
    page.ranks = {{0,
                   {{kRunning, 8},
                    {kWaiting, 3},
                    {kKvUsage, 0.9},
                    {kGenerationTokens, 200.0 * s},
                    {kQueueTimeCount, 4.0 * s}}},
                  {1,
                   {{kRunning, 4},
                    {kWaiting, 0},
                    {kKvUsage, 0.2},
                    {kGenerationTokens, 100.0 * s},
                    {kQueueTimeCount, 2.0 * s}}}};
    series.add(page);
    series.add(sample(s, {{kRunning, 2}, {kGenerationTokens, 100.0 * s}, {kRequestsFinished, 2.0 * s}},
                      "http://b:8000/metrics"));
  }
  const auto step = series.summarise("host", 0, 10);
  EXPECT_THAT(step.running_mean, Optional(14.0));
  EXPECT_THAT(step.server_tokens_per_second, Optional(400.0));
  EXPECT_NEAR(step.kv_usage_max.value_or(-1), 0.9, 1e-12);
  EXPECT_EQ(step.engine_sources, 2u);
  EXPECT_EQ(series.pages("host").size(), 2u) << "what is held against the client";
  ASSERT_EQ(step.pods.size(), 3u);
  EXPECT_EQ(step.pods[0].name, "a:8000");
  EXPECT_THAT(step.pods[0].rank, Optional(0u));
  EXPECT_THAT(step.pods[1].rank, Optional(1u));
  EXPECT_EQ(step.pods[2].rank, std::nullopt);
  EXPECT_THAT(step.pods[0].running_mean, Optional(8.0));
  EXPECT_NEAR(step.pods[1].kv_usage_max.value_or(-1), 0.2, 1e-12);
  EXPECT_THAT(step.pods[0].tokens_share, Optional(0.5));
  EXPECT_THAT(step.pods[1].requests_share, Optional(0.25))
      << "of those that left a queue, where no others tell";
  EXPECT_NEAR(step.pods[0].tpot_mean_seconds.value_or(-1), 0.04, 1e-12);
}

TEST(TelemetrySeries, ARankThatAppearsLaterDoesNotMakeTheOthersBeginAnew) {
  TelemetrySeries series;
  for (int s = 0; s <= 10; ++s) {
    TelemetrySample page = sample(s, {{kRunning, 8}, {kGenerationTokens, 1000.0 + 10 * s}});
    // Until another one shows, the page is of one engine.
    if (s >= 4)
      page.ranks = {{0, {{kRunning, 8}, {kGenerationTokens, 1000.0 + 10 * s}}},
                    {1, {{kRunning, 0}, {kGenerationTokens, 0}}}};
    series.add(page);
  }
  const auto step = series.summarise("host", 0, 10);
  ASSERT_EQ(step.pods.size(), 2u);
  EXPECT_THAT(step.pods[0].output_tokens_per_second, Optional(10.0));
  EXPECT_THAT(step.pods[1].output_tokens_per_second, Optional(0.0));
  EXPECT_THAT(series.summarise("host", 0, 3).pods, IsEmpty());
}

TEST(TelemetrySeries, ARequestWhoseCacheIsOnItsWayWaitsForTheTransferAndNotForDecode) {
  for (const bool told_apart : {false, true}) {  // as vLLM, as SGLang
    TelemetrySeries series;
    for (int s = 0; s <= 10; ++s) {
      TelemetrySample one = sample(
          s, {{kRunning, 30}, {kWaiting, 14}, {kGenerationTokens, 400.0 * s}, {kKvTransferSum, 12.5 * s}},
          "d");
      if (told_apart) one.values[kKvTransferring] = 9;
      one.role = "decode";
      series.add(one);
    }
    const auto step = series.summarise("host", 0, 10);
    ASSERT_EQ(step.roles.size(), 1u);
    EXPECT_THAT(step.roles[0].waiting_mean, Optional(told_apart ? 14 : 1.5));
    EXPECT_THAT(step.kv_transferring, Optional(12.5));
  }
}

TEST(TelemetrySeries, ARestartedServerCountsFromZero) {
  TelemetrySeries series;
  const double tokens[] = {100, 150, 10, 60};
  for (int s = 0; s < 4; ++s) series.add(sample(s, {{kGenerationTokens, tokens[s]}}));
  EXPECT_THAT(series.summarise("host", 0, 3).server_tokens_per_second, Optional((50 + 10 + 50) / 3.0));
}

TEST(TelemetrySeries, ACounterThatAppearsBeganAtZero) {
  TelemetrySeries series;
  for (int s = 0; s < 5; ++s) {
    SignalValues values{{kRunning, 4}};
    if (s >= 3) values[kPreemptions] = 2.0 * (s - 2);
    series.add(sample(s, values));
  }
  EXPECT_THAT(series.summarise("host", 0, 4).preemptions_per_second, Optional(1.0));
  EXPECT_EQ(series.summarise("host", 0, 2).preemptions_per_second, std::nullopt);
}

TEST(TelemetrySeries, OneReadingIsNoRate) {
  TelemetrySeries series;
  series.add(sample(3, {{kGenerationTokens, 100}}));
  EXPECT_EQ(series.summarise("host", 0, 10).server_tokens_per_second, std::nullopt);
  EXPECT_EQ(series.summarise("host", 5, 10).running_mean, std::nullopt);
}

TEST(TelemetrySeries, HitRatioFallsBackToTheGauge) {
  TelemetrySeries series;
  series.add(sample(1, {{kPrefixHitRatio, 0.4}}));
  series.add(sample(2, {{kPrefixHitRatio, 0.6}}));
  EXPECT_THAT(series.summarise("host", 0, 10).prefix_hit_ratio, Optional(0.5));
}

TEST(TelemetrySeries, TargetsAreKeptApartAndGpusMayBeShared) {
  TelemetrySeries series;
  series.add(sample(1, {{kRunning, 1}}, "a", "host"));
  series.add(sample(1, {{kRunning, 7}}, "b", "other"));
  series.add(sample(1, {{kRunning, 9}, {kGpuPower, 300}}, "shared", ""));
  EXPECT_THAT(series.summarise("host", 0, 2).running_mean, Optional(1.0));
  EXPECT_THAT(series.summarise("other", 0, 2).running_mean, Optional(7.0));
  EXPECT_THAT(series.summarise("host", 0, 2).gpu.power_mean_watts, Optional(300.0));
}

TEST(TelemetrySeries, SumsUpGpus) {
  TelemetrySeries series;
  for (int s = 0; s <= 10; ++s) {
    series.add(sample(s,
                      {{kGpuMemoryUsed, 1e9 * s},
                       {kGpuPower, 400},
                       {kGpuTemperature, 50.0 + s},
                       {kGpuTensorActive, 0.2},
                       {kGpuDramActive, 0.8}},
                      "node1", ""));
    series.add(sample(s, {{kGpuPower, 999}, {kGpuEnergy, 500.0 * s}}, "nvml", ""));
  }
  const auto gpu = series.summarise("host", 2, 6).gpu;
  EXPECT_THAT(gpu.memory_peak_bytes, Optional(5e9));
  EXPECT_THAT(gpu.power_mean_watts, Optional(400.0)) << "the exporter's, not NVML's again";
  EXPECT_THAT(gpu.energy_joules, Optional(2000.0)) << "the counter, which only NVML has";
  EXPECT_THAT(gpu.temperature_max_celsius, Optional(55.0));
  EXPECT_THAT(gpu.tensor_active_mean, Optional(0.2));
  EXPECT_THAT(gpu.dram_active_mean, Optional(0.8));
}

TEST(TelemetrySeries, EnergyFallsBackToPowerTimesTime) {
  TelemetrySeries series;
  series.add(sample(1, {{kGpuPower, 200}, {kGenerationTokens, 0}}));
  series.add(sample(2, {{kGpuPower, 400}, {kGenerationTokens, 60}}));
  const auto step = series.summarise("host", 0, 10);
  EXPECT_THAT(step.gpu.energy_joules, Optional(3000.0));
  EXPECT_THAT(step.gpu.joules_per_token, Optional(5.0));
}

TEST(TelemetrySeries, TimelinesShowGaugesAndRates) {
  TelemetrySeries series;
  for (int s : {0, 1, 3}) {
    series.add(sample(s, {{kWaiting, s}, {kGenerationTokens, 10.0 * s}}, "a"));
    series.add(sample(s, {{kWaiting, 1}}, "b"));
  }
  EXPECT_THAT(series.timeline("host", kWaiting), ElementsAre(Pair(0, 1), Pair(1, 2), Pair(3, 4)));
  EXPECT_THAT(series.timeline("host", kGenerationTokens), ElementsAre(Pair(1, 10), Pair(3, 10)));
  EXPECT_THAT(series.timeline("host", kGpuPower), IsEmpty());
}

TEST(TelemetryLines, ASampleReadsBackExactly) {
  TelemetrySample original = sample(-3, {{kRunning, 3}, {kKvUsage, 0.1 + 0.2}, {kGenerationTokens, 8128902}},
                                    "http://h:8000/\"metrics\"\\\n", "ho\"st");
  original.metrics["vllm:num_requests_waiting"] = 1e-300;
  original.ranks = {{0, {{kRunning, 2}, {kKvUsage, 0.3}}}, {12, {{kRunning, 1}}}};
  const std::string line = telemetry_line(original);
  EXPECT_EQ(line.find('\n'), line.npos);
  const auto read = parse_telemetry_line(line);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, original);
}

TEST(TelemetryLines, ReadsLikeThis) {
  EXPECT_EQ(telemetry_line(sample(12, {{kRunning, 3}, {kKvUsage, 0.25}})),
            R"({"second":12,"target":"host","source":"a","signals":{"running":3,"kv_usage_ratio":0.25}})");
  TelemetrySample ranks = sample(12, {{kRunning, 3}});
  ranks.ranks = {{0, {{kRunning, 2}}}, {1, {{kRunning, 1}}}};
  EXPECT_EQ(telemetry_line(ranks), R"({"second":12,"target":"host","source":"a","signals":{"running":3},)"
                                   R"("ranks":{"0":{"running":2},"1":{"running":1}}})");
}

TEST(TelemetryLines, LeavesOutWhatJsonCannotSay) {
  const auto line =
      telemetry_line(sample(1, {{kRunning, std::numeric_limits<double>::infinity()}, {kWaiting, 2}}));
  const auto read = parse_telemetry_line(line);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->values, (SignalValues{{kWaiting, 2}}));
}

TEST(TelemetryLines, AFileReadsBackInOrder) {
  TelemetrySeries series;
  series.add(sample(2, {{kRunning, 2}}, "b"));
  series.add(sample(1, {{kRunning, 1}}, "b"));
  series.add(sample(2, {{kRunning, 3}}, "a"));
  std::string text;
  for (const auto& s : series.samples()) text += telemetry_line(s) + "\n";
  const auto read = parse_telemetry(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->samples(), series.samples());
  EXPECT_EQ(read->samples()[1].source, "a");
}

TEST(TelemetryLines, ToleratesNewSignalsAndACutLastLine) {
  const auto read = parse_telemetry(
      "{\"second\":1,\"target\":\"t\",\"source\":\"s\",\"signals\":{\"running\":1,\"of_tomorrow\":2}}\n"
      "{\"second\":2,\"tar");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->samples().size(), 1u);
  EXPECT_EQ(read->samples()[0].values.size(), 1u);
}

TEST(TelemetryLines, NamesTheBrokenLine) {
  const auto read = parse_telemetry("\n{\"second\":1}\n");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message, "telemetry.jsonl:2: it is not a line of telemetry: no 'target'");
  EXPECT_FALSE(
      parse_telemetry("{\"second\":1,\"target\":\"\",\"source\":\"\",\"signals\":{\"running\":\"x\"}}\n"));
  const std::string before = "{\"second\":1,\"target\":\"\",\"source\":\"\",\"signals\":{},\"ranks\":";
  EXPECT_TRUE(parse_telemetry(before + "{\"1\":{\"running\":2}}}\n"));
  EXPECT_FALSE(parse_telemetry(before + "{\"1x\":{\"running\":2}}}\n"));
  EXPECT_FALSE(parse_telemetry(before + "{\"1\":{\"running\":\"x\"}}}\n"));
}

}  // namespace
}  // namespace kneepoint::coordinator
