#include "coordinator/telemetry/engine_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/coordinator/telemetry_goldens.h"

namespace kneepoint::coordinator {
namespace {

struct GoldenCase {
  std::string file;
  Engine engine;
  SignalValues values;
};

std::vector<GoldenCase> golden_cases() {
  using enum Signal;
  return {
      {"vllm-0.26.txt",
       Engine::kVllm,
       {{kRunning, 0},
        {kWaiting, 0},
        {kKvUsage, 0},
        {kPreemptions, 0},
        {kQueueTimeSum, 20.54690523399995},
        {kQueueTimeCount, 257},
        {kInferenceTimeSum, 105.55405665},
        {kInferenceTimeCount, 257},
        {kPrefillTimeSum, 17.411849438999724},
        {kPrefillTimeCount, 257},
        {kServerTtftSum, 55.76721167564392},
        {kServerTtftCount, 257},
        {kIterationTokensSum, 194300},
        {kIterationTokensCount, 622},
        {kProcessCpu, 31.62},
        {kProcessStart, 1.79583337947e+09},
        {kPrefixHits, 0},
        {kPrefixQueries, 0},
        {kGenerationTokens, 16340},
        {kPromptTokens, 177960},
        {kRequestsFinished, 257}}},
      {"vllm-0.11.txt",
       Engine::kVllm,
       {{kRunning, 119},
        {kWaiting, 4},
        {kKvUsage, 0.8734},
        {kPreemptions, 7},
        {kQueueTimeSum, 45},
        {kQueueTimeCount, 799},
        {kIterationTokensSum, 347123},
        {kIterationTokensCount, 5200},
        {kProcessCpu, 71.39},
        {kPrefixHits, 70000},
        {kPrefixQueries, 200000},
        {kGenerationTokens, 499512},
        {kPromptTokens, 130123},
        {kRequestsFinished, 799}}},
      // Both the old names and their successors: none may count twice.
      {"vllm-0.10.txt",
       Engine::kVllm,
       {{kRunning, 12},
        {kWaiting, 3},
        {kKvUsage, 0.55},
        {kPreemptions, 2},
        {kQueueTimeSum, 7},
        {kQueueTimeCount, 70},
        {kProcessCpu, 71.39},
        {kPrefixHits, 500},
        {kPrefixQueries, 2000},
        {kGenerationTokens, 4480},
        {kPromptTokens, 1990},
        {kRequestsFinished, 70}}},
      {"vllm-0.6.txt",
       Engine::kVllm,
       {{kRunning, 8},
        {kWaiting, 2},
        {kKvUsage, 0.41},
        {kPreemptions, 5},
        {kServerTtftSum, 2.25},
        {kServerTtftCount, 25},
        {kProcessCpu, 71.39},
        {kGenerationTokens, 6400},
        {kPromptTokens, 3200},
        {kRequestsFinished, 25}}},
      {"vllm-spec.txt",
       Engine::kVllm,
       {{kRunning, 6},
        {kSpecDrafts, 1500},
        {kSpecDraftTokens, 4500},
        {kSpecAccepted, 2700},
        {kGenerationTokens, 4200}}},
      {"sglang-spec.txt",
       Engine::kSglang,
       {{kRunning, 6}, {kSpecAcceptRatio, 0.6}, {kSpecAcceptLength, 2.8}}},
      {"vllm-nixl.txt",
       Engine::kVllm,
       {{kRunning, 24},
        {kWaiting, 2},
        {kKvTransferSum, 6.25},
        {kKvTransferCount, 400},
        {kKvTransferFailed, 3}}},
      {"sglang-prefill.txt",
       Engine::kSglang,
       {{kRunning, 12},
        {kWaiting, 3},
        {kKvTransferring, 5},
        {kKvTransferSum, 2.5},
        {kKvTransferCount, 100},
        {kKvTransferFailed, 1}}},
      {"sglang-decode.txt", Engine::kSglang, {{kRunning, 12}, {kWaiting, 3}, {kKvTransferring, 4}}},
      // The process of a router is not the front end of an engine.
      {"llm-d-router.txt", Engine::kRouter, {{kRouterWaiting, 21}}},
      {"llm-d-epp.txt", Engine::kRouter, {{kRouterWaiting, 21}}},
      {"inference-extension.txt", Engine::kRouter, {{kRouterWaiting, 21}}},
      {"dynamo-frontend.txt", Engine::kRouter, {{kRouterWaiting, 7}}},
      // Two data parallel ranks of two tensor parallel ranks each, and a total beside each priority.
      {"sglang-0.5.txt",
       Engine::kSglang,
       {{kRunning, 26},
        {kWaiting, 3},
        {kKvUsage, 0.73},
        {kPreemptions, 8},
        {kQueueTimeSum, 13},
        {kQueueTimeCount, 100},
        {kPrefixHitRatio, 0.225},
        {kGenerationTokens, 124000},
        {kPromptTokens, 8128902},
        {kRequestsFinished, 100}}},
      {"sglang-0.4.txt",
       Engine::kSglang,
       {{kRunning, 162},
        {kWaiting, 2826},
        {kKvUsage, 0.28},
        {kServerTtftSum, 2351897.9474117756},
        {kServerTtftCount, 11008},
        {kPrefixHitRatio, 0.007507552643049313},
        {kGenerationTokens, 7557572},
        {kPromptTokens, 8128902}}},
      {"tgi-3.txt",
       Engine::kTgi,
       {{kRunning, 32},
        {kWaiting, 7},
        {kQueueTimeSum, 48.5},
        {kQueueTimeCount, 150},
        {kGenerationTokens, 12500},
        {kPromptTokens, 18000},
        {kRequestsFinished, 150}}},
      {"llamacpp-2025.txt",
       Engine::kLlamaCpp,
       {{kRunning, 4}, {kWaiting, 46}, {kGenerationTokens, 17029}, {kPromptTokens, 1024}}},
      {"llamacpp-2024.txt",
       Engine::kLlamaCpp,
       {{kRunning, 1}, {kWaiting, 3}, {kKvUsage, 0.25}, {kGenerationTokens, 256}, {kPromptTokens, 1024}}},
      // Queue times of the model with the batch manager, not of the tokenizers around it.
      {"triton-trtllm-25.txt",
       Engine::kTritonTrtLlm,
       {{kRunning, 4},
        {kWaiting, 3},
        {kKvUsage, 0.4875},
        {kQueueTimeSum, 0.5},
        {kQueueTimeCount, 100},
        {kRequestsFinished, 100}}},
      {"triton-trtllm-23.11.txt",
       Engine::kTritonTrtLlm,
       {{kRunning, 5},
        {kWaiting, 3},
        {kKvUsage, 1560.0 / 6239},
        {kQueueTimeSum, 0.5},
        {kQueueTimeCount, 100},
        {kRequestsFinished, 100}}},
  };
}

class EngineGolden : public testing::TestWithParam<GoldenCase> {};

TEST_P(EngineGolden, EverySignalIsReadAndNoOther) {
  const GoldenCase& golden = GetParam();
  const EngineReading reading = read_engine_metrics(golden_samples(golden.file));
  ASSERT_TRUE(reading.engine);
  EXPECT_EQ(*reading.engine, golden.engine);
  for (const auto& [signal, value] : golden.values) {
    ASSERT_TRUE(reading.values.contains(signal)) << to_string(signal);
    EXPECT_DOUBLE_EQ(reading.values.at(signal), value) << to_string(signal);
  }
  for (const auto& [signal, value] : reading.values) {
    EXPECT_TRUE(golden.values.contains(signal)) << to_string(signal) << " " << value;
  }
}

INSTANTIATE_TEST_SUITE_P(All, EngineGolden, testing::ValuesIn(golden_cases()), [](const auto& info) {
  std::string name = info.param.file.substr(0, info.param.file.rfind('.'));
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
});

TEST(EngineMetrics, EveryNameOfTheTableStandsInAGolden) {
  std::set<std::string> seen;
  for (const GoldenCase& golden : golden_cases()) {
    for (const MetricSample& sample : golden_samples(golden.file)) {
      seen.insert(sample.name);
      for (const auto& [key, value] : sample.labels)
        seen.insert(std::string(sample.name).append("{").append(key).append("=").append(value));
    }
  }
  for (const EngineMetric& metric : engine_metrics()) {
    std::string needed(metric.name);
    if (!metric.label.empty()) needed += "{" + std::string(metric.label) + "=" + std::string(metric.value);
    EXPECT_TRUE(seen.contains(needed)) << needed;
    EXPECT_TRUE(is_engine_metric(metric.name));
  }
  EXPECT_FALSE(is_engine_metric("vllm:num_requests_waiting_by_reason"));
}

std::vector<MetricSample> engine_samples_of(std::string_view text) {
  return parse_exposition(text, is_engine_metric).samples;
}

TEST(EngineMetrics, CountsOneModelWhereItIsNamed) {
  const auto samples = engine_samples_of(
      "vllm:num_requests_running{model_name=\"a\"} 3\n"
      "vllm:num_requests_running{model_name=\"b\"} 4\n");
  EXPECT_EQ(read_engine_metrics(samples, "a").values.at(Signal::kRunning), 3);
  EXPECT_EQ(read_engine_metrics(samples).values.at(Signal::kRunning), 7);
  EXPECT_EQ(read_engine_metrics(samples, "c").values.at(Signal::kRunning), 7) << "an alias";
}

/// Two ranks of a vLLM with --data-parallel-size 3 that have work, and one that has had none.
constexpr const char* kThreeRanks =
    "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 8\n"
    "vllm:num_requests_running{engine=\"1\",model_name=\"m\"} 6\n"
    "vllm:num_requests_running{engine=\"10\",model_name=\"m\"} 0\n"
    "vllm:num_requests_waiting{engine=\"0\",model_name=\"m\"} 5\n"
    "vllm:num_requests_waiting{engine=\"1\",model_name=\"m\"} 0\n"
    "vllm:num_requests_waiting{engine=\"10\",model_name=\"m\"} 0\n"
    "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"m\"} 0.9\n"
    "vllm:kv_cache_usage_perc{engine=\"1\",model_name=\"m\"} 0.6\n"
    "vllm:kv_cache_usage_perc{engine=\"10\",model_name=\"m\"} 0\n"
    "vllm:generation_tokens_total{engine=\"0\",model_name=\"m\"} 4000\n"
    "vllm:generation_tokens_total{engine=\"1\",model_name=\"m\"} 3000\n"
    "vllm:request_success_total{engine=\"0\",finished_reason=\"stop\",model_name=\"m\"} 30\n"
    "vllm:request_success_total{engine=\"0\",finished_reason=\"length\",model_name=\"m\"} 10\n"
    "vllm:request_success_total{engine=\"1\",finished_reason=\"stop\",model_name=\"m\"} 25\n"
    "process_start_time_seconds 17\n";

TEST(EngineMetrics, EachRankIsReadForItselfAndAllTogether) {
  using enum Signal;
  const auto reading = read_engine_metrics(engine_samples_of(kThreeRanks), "m");
  EXPECT_EQ(reading.values, (SignalValues{{kRunning, 14},
                                          {kWaiting, 5},
                                          {kKvUsage, 0.9},
                                          {kProcessStart, 17},
                                          {kGenerationTokens, 7000},
                                          {kRequestsFinished, 65}}));
  const RankValues ranks = {
      {0,
       {{kRunning, 8}, {kWaiting, 5}, {kKvUsage, 0.9}, {kGenerationTokens, 4000}, {kRequestsFinished, 40}}},
      {1,
       {{kRunning, 6}, {kWaiting, 0}, {kKvUsage, 0.6}, {kGenerationTokens, 3000}, {kRequestsFinished, 25}}},
      // It has no labelled counter yet.
      {10, {{kRunning, 0}, {kWaiting, 0}, {kKvUsage, 0}, {kGenerationTokens, 0}, {kRequestsFinished, 0}}}};
  EXPECT_EQ(reading.ranks, ranks);
}

TEST(EngineMetrics, SglangsDataParallelRanksAreTheOnesWithRequestsOfTheirOwn) {
  using enum Signal;
  // Its tokens and requests as a whole are counted without a rank, and so is each priority beside its total.
  const auto reading = read_engine_metrics(golden_samples("sglang-0.5.txt"));
  const RankValues ranks = {{0,
                             {{kRunning, 14},
                              {kWaiting, 3},
                              {kKvUsage, 0.73},
                              {kQueueTimeSum, 12.5},
                              {kQueueTimeCount, 50},
                              {kGenerationTokens, 64000}}},
                            {1,
                             {{kRunning, 12},
                              {kWaiting, 0},
                              {kKvUsage, 0.61},
                              {kQueueTimeSum, 0.5},
                              {kQueueTimeCount, 50},
                              {kGenerationTokens, 60000}}}};
  EXPECT_EQ(reading.ranks, ranks);
}

TEST(EngineMetrics, OneEngineIsNoRankAndNeitherAreSeveralServersOnOnePage) {
  EXPECT_TRUE(read_engine_metrics(golden_samples("vllm-0.26.txt")).ranks.empty()) << "its engine is \"0\"";
  const std::string text = kThreeRanks;
  const std::string second = "vllm:num_requests_running{engine=\"0\",instance=\"b\",model_name=\"m\"} 2\n";
  EXPECT_TRUE(read_engine_metrics(engine_samples_of(text + second)).ranks.empty()) << "whose rank 0?";
  // Front ends of one server that write their gauges each for itself.
  const std::string again = "vllm:num_requests_running{engine=\"0\",pid=\"7\",model_name=\"m\"} 8\n";
  EXPECT_EQ(read_engine_metrics(engine_samples_of(text + again)).ranks.size(), 3u);
  EXPECT_TRUE(read_engine_metrics(engine_samples_of("vllm:num_requests_running{engine=\"a\"} 1\n"
                                                    "vllm:num_requests_running{engine=\"b\"} 2\n"))
                  .ranks.empty());
}

TEST(EngineMetrics, AnIdleRankTakesNothingFromTheRatiosOfOthers) {
  const auto reading = read_engine_metrics(
      engine_samples_of("sglang:cache_hit_rate{dp_rank=\"0\"} 0.5\nsglang:cache_hit_rate{dp_rank=\"1\"} 0.3\n"
                        "sglang:cache_hit_rate{dp_rank=\"2\"} 0\n"
                        "sglang:spec_accept_length{dp_rank=\"0\"} 0\n"
                        "sglang:spec_accept_length{dp_rank=\"1\"} 2.5\n"));
  EXPECT_DOUBLE_EQ(reading.values.at(Signal::kPrefixHitRatio), 0.4);
  EXPECT_DOUBLE_EQ(reading.values.at(Signal::kSpecAcceptLength), 2.5);
}

TEST(EngineMetrics, ModelNameDoesNotMatterWhereSeriesHaveNone) {
  const auto reading = read_engine_metrics(engine_samples_of("tgi_queue_size 2\n"), "any");
  EXPECT_EQ(reading.values.at(Signal::kWaiting), 2);
}

TEST(EngineMetrics, LeavesOutWhatIsNotKnown) {
  const auto reading =
      read_engine_metrics(engine_samples_of("vllm:gpu_prefix_cache_hit_rate{model_name=\"m\"} -1.0\n"
                                            "vllm:kv_cache_usage_perc{model_name=\"m\"} NaN\n"
                                            "vllm:generation_tokens_total{model_name=\"m\"} -1\n"
                                            "vllm:num_requests_running{model_name=\"m\"} +Inf\n"
                                            "vllm:num_requests_waiting{model_name=\"m\"} 1\n"));
  EXPECT_EQ(reading.values, (SignalValues{{Signal::kWaiting, 1}}));
}

TEST(EngineMetrics, AServerMaySayWhichPartOfARequestItDoes) {
  const auto role = [](const char* file) { return read_engine_metrics(golden_samples(file)).role; };
  EXPECT_EQ(role("sglang-prefill.txt"), "prefill");
  EXPECT_EQ(role("sglang-decode.txt"), "decode");
  EXPECT_EQ(role("sglang-0.5.txt"), "") << "unified";
  EXPECT_EQ(role("llm-d-router.txt"), "router");
  EXPECT_EQ(role("vllm-nixl.txt"), "") << "the plan has to say";
}

TEST(EngineMetrics, AnEngineThatDoesNotSpeculateHasNoAcceptance) {
  const auto samples = engine_samples_of(
      "sglang:num_running_reqs 2\nsglang:spec_accept_length 0.0\nsglang:spec_accept_rate 0.0\n");
  EXPECT_EQ(read_engine_metrics(samples).values, (SignalValues{{Signal::kRunning, 2}}));
}

TEST(EngineMetrics, NamesOfReExportersAreKnown) {
  for (const char* name :
       {"vllm:num_requests_running", "vllm_num_requests_running", "ray_vllm_num_requests_running",
        "prod:vllm:num_requests_running", "{\"vllm:num_requests_running\"}"}) {
    const std::string text(name);
    const auto samples = engine_samples_of(text + (text.ends_with('}') ? "" : "{model_name=\"m\"}") + " 3\n");
    EXPECT_EQ(read_engine_metrics(samples).values, (SignalValues{{Signal::kRunning, 3}})) << name;
  }
}

TEST(EngineMetrics, CountersWithAndWithoutOpenMetricsSuffix) {
  for (const char* name : {"vllm:generation_tokens_total", "vllm_generation_tokens", "vllm:generation_tokens",
                           "ray_vllm_generation_tokens_total"}) {
    const auto samples =
        engine_samples_of(std::string(name) + " 7\nvllm:generation_tokens_created 1.79e9\n# EOF\n");
    EXPECT_EQ(read_engine_metrics(samples).values, (SignalValues{{Signal::kGenerationTokens, 7}})) << name;
  }
  EXPECT_EQ(
      read_engine_metrics(engine_samples_of("tgi_request_success_total{method=\"generate\"} 4\n")).values,
      (SignalValues{{Signal::kRequestsFinished, 4}}));
}

TEST(EngineMetrics, WhatStandsThereTwiceCountsOnce) {
  const auto samples = engine_samples_of(
      "ray_vllm_num_requests_running 3\nvllm:num_requests_running 3\n"
      "vllm_num_requests_running 3\n");
  EXPECT_EQ(read_engine_metrics(samples).values, (SignalValues{{Signal::kRunning, 3}}));
}

/// Two scrape jobs that read the same server, on the page of a gateway that puts pages together.
TEST(EngineMetrics, AServerThatStandsThereTwiceCountsOnce) {
  const auto page = [](const std::string& first, const std::string& second, const char* time) {
    return "vllm:generation_tokens_total{job=\"" + first +
           "\"} 512\nvllm:request_queue_time_seconds_sum{job=\"" + first +
           "\"} 0.731942\nvllm:generation_tokens_total{job=\"" + second +
           "\"} 512\nvllm:request_queue_time_seconds_sum{job=\"" + second + "\"} " + time + "\n";
  };
  const auto tokens = [](const std::string& text) {
    return read_engine_metrics(engine_samples_of(text)).values.at(Signal::kGenerationTokens);
  };
  EXPECT_EQ(tokens(page("a", "b", "0.731942")), 512);
  EXPECT_EQ(tokens(page("a", "b", "0.731943")), 1024) << "two servers that counted alike";
  const std::string one =
      "vllm:generation_tokens_total{job=\"a\",pod=\"1\"} 512\n"
      "vllm:request_queue_time_seconds_sum{job=\"a\",pod=\"1\"} 0.731942\n";
  const std::string both =
      "vllm:generation_tokens_total{job=\"b\",pod=\"1\"} 512\n"
      "vllm:request_queue_time_seconds_sum{job=\"b\",pod=\"1\"} 0.731942\n"
      "vllm:generation_tokens_total{job=\"b\",pod=\"2\"} 300\n"
      "vllm:request_queue_time_seconds_sum{job=\"b\",pod=\"2\"} 0.5\n";
  EXPECT_EQ(tokens(one + both), 812) << "the second pod stands under one of the jobs only";
  EXPECT_EQ(tokens(both + one), 812);
  const std::string bare =
      "vllm:generation_tokens_total{pod=\"1\"} 512\nvllm:request_queue_time_seconds_sum{pod=\"1\"} "
      "0.731942\n";
  EXPECT_EQ(tokens(one + bare), 512);
  EXPECT_EQ(tokens(bare + one), 512);
  EXPECT_EQ(
      tokens(
          "vllm:generation_tokens_total{engine=\"0\"} 512\nvllm:generation_tokens_total{engine=\"1\"} 512\n"),
      1024);
  EXPECT_EQ(tokens("vllm:generation_tokens_total{engine=\"0\"} 512\n"
                   "vllm:generation_tokens_total{engine=\"1\"} 512\n"
                   "vllm:request_queue_time_seconds_sum{engine=\"0\"} 0.25\n"
                   "vllm:request_queue_time_seconds_sum{engine=\"1\"} 0.25\n"),
            1024)
      << "ranks are no copies of each other";
}

TEST(EngineMetrics, OtherNamesThatContainAnEnginesAreNot) {
  EXPECT_FALSE(is_engine_metric("myvllm_num_requests_running"));
  EXPECT_FALSE(is_engine_metric("vllm:num_requests_running_created"));
  EXPECT_FALSE(is_engine_metric("vllm:request_success_created"));
  EXPECT_FALSE(is_engine_metric("vllm:external_prefix_cache_hits_total"));
}

TEST(EngineMetrics, AProcessIsAnEnginesOnlyBesideIt) {
  const std::string process = "process_cpu_seconds_total 12.5\nprocess_start_time_seconds 1.7e9\n";
  EXPECT_FALSE(read_engine_metrics(engine_samples_of(process)).engine) << "any exporter has these";
  EXPECT_EQ(
      read_engine_metrics(engine_samples_of(process + "vllm:num_requests_waiting 1\n")).values,
      (SignalValues{{Signal::kWaiting, 1}, {Signal::kProcessCpu, 12.5}, {Signal::kProcessStart, 1.7e9}}));
}

TEST(EngineMetrics, NothingKnownIsNoEngine) {
  const auto reading =
      read_engine_metrics(engine_samples_of("nv_inference_request_success{model=\"resnet\"} 5\n"));
  EXPECT_FALSE(reading.engine);
  EXPECT_TRUE(reading.values.empty());
}

TEST(Signals, NamesAreDistinctAndReadBack) {
  std::set<std::string_view> names;
  for (const SignalInfo& info : signals()) {
    names.insert(info.name);
    EXPECT_EQ(signal_from_string(info.name), info.signal);
    EXPECT_EQ(to_string(info.signal), info.name);
  }
  EXPECT_EQ(names.size(), kSignalCount);
  EXPECT_EQ(signal_from_string("nonsense"), std::nullopt);
}

}  // namespace
}  // namespace kneepoint::coordinator
