#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/plan/plan_printer.h"
#include "tests/coordinator/plan_samples.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string with_host_keys(const std::string& keys) {
  return Parts{.target = "{name: host, url: 'http://h:1', model: m, " + keys + "}"}.text();
}
/// Line 2 is the rail.
std::string rail(const std::string& keys) {
  std::string text = Parts{}.text();
  return text.insert(text.find('\n') + 1, "guard_rails: [{" + keys + "}]\n");
}
/// Line 2 is the bystander.
std::string beside(const std::string& value) {
  std::string text = Parts{}.text();
  return text.insert(text.find('\n') + 1, "bystander: " + value + "\n");
}

TEST(PlanTelemetry, MetricsAreTriedUnlessThePlanSaysOtherwise) {
  EXPECT_EQ(load(Parts{}.text()).targets[0].telemetry, TelemetryOptions{});
  EXPECT_TRUE(load(with_host_keys("telemetry: off")).targets[0].telemetry.off);
}

TEST(PlanTelemetry, NamesUrlsAndExporters) {
  const Plan plan = load(with_host_keys(
      "telemetry: {metrics: ['http://h:2/metrics'], gpus: ['http://h:9400/metrics', {url: 'http://i:9400/m', "
      "labels: {gpu: '0'}}], nvml: false}"));
  const TelemetryOptions& telemetry = plan.targets[0].telemetry;
  EXPECT_EQ(telemetry.urls, std::vector<std::string>{"http://h:2/metrics"});
  ASSERT_EQ(telemetry.gpus.size(), 2u);
  EXPECT_EQ(telemetry.gpus[0].url, "http://h:9400/metrics");
  EXPECT_EQ(telemetry.gpus[1].labels.at("gpu"), "0");
  EXPECT_EQ(telemetry.nvml, false);
  EXPECT_THAT(
      describe_plan(plan),
      HasSubstr("    telemetry http://h:2/metrics; GPUs of http://h:9400/metrics; GPUs of http://i:9400/m "
                "with gpu=0; not this machine's GPUs\n"));
}

TEST(PlanTelemetry, WaitsForTargets) {
  EXPECT_EQ(load(with_host_keys("wait_ready: 5m")).targets[0].wait_ready,
            (WaitReady{.timeout = 5min, .started = {}}));
  const Plan plan = load(with_host_keys("wait_ready: {timeout: 90s, started: 1763766000.5}"));
  EXPECT_EQ(plan.targets[0].wait_ready,
            (WaitReady{.timeout = 90s, .started = RealTime(1'763'766'000'500ms)}));
  EXPECT_EQ(load(with_host_keys("wait_ready: {}")).targets[0].wait_ready, WaitReady{});
  EXPECT_THAT(describe_plan(plan), HasSubstr("    waits     up to 1m30s until it serves its model\n"));
}

TEST(PlanTelemetry, GuardRails) {
  const Plan plan = load(rail("metric: error_ratio, above: 0.1, for: 5s"));
  ASSERT_EQ(plan.guard_rails.size(), 1u);
  EXPECT_EQ(plan.guard_rails[0],
            (GuardLimit{.metric = "error_ratio", .limit = 0.1, .source = "", .seconds = 5}));
  EXPECT_THAT(describe_plan(plan), HasSubstr("\nThe run stops when\n  error_ratio above 0.1 for 5s\n"));
  const Plan latency = load(rail("metric: ttft_p95, above: 2500ms"));
  EXPECT_EQ(latency.guard_rails[0].limit, 2.5);
  EXPECT_THAT(describe_plan(latency), HasSubstr("  ttft_p95 above 2s500ms\n"));
  const Plan other = load(rail("metric: 'vllm:num_requests_waiting', above: 20, url: 'http://o:1/metrics'"));
  EXPECT_EQ(other.guard_rails[0].source, "http://o:1/metrics");
  EXPECT_TRUE(load(rail("metric: running, below: 1")).guard_rails[0].below);
  const Plan engines = load(rail("metric: tgi_queue_size, above: 20"));
  EXPECT_EQ(engines.guard_rails[0].metric, "tgi_queue_size");
  EXPECT_EQ(load(rail("metric: error_rate, above: 1, url: 'http://o:1/m'")).guard_rails[0].metric,
            "error_rate");
}

TEST(PlanTelemetry, ABystander) {
  const Plan plan = load(beside("true"));
  EXPECT_EQ(plan.bystander, BystanderPlan{});
  EXPECT_EQ(load(beside("false")).bystander, std::nullopt);
  const Plan told = load(beside("{every: 5s, timeout: 1m, prompt: Hello}"));
  EXPECT_EQ(told.bystander, (BystanderPlan{std::chrono::seconds(5), std::chrono::minutes(1), "Hello"}));
  EXPECT_THAT(describe_plan(told), HasSubstr("\nBeside the load: one token asked of each target every 5s\n"));
}

struct TelemetryCase {
  const char* name;
  std::string text;
  std::string error;
};
class PlanTelemetryError : public testing::TestWithParam<TelemetryCase> {};

TEST_P(PlanTelemetryError, IsOneLineWithThePlace) {
  EXPECT_EQ(error_of(GetParam().text), GetParam().error);
}

const TelemetryCase kTelemetryCases[] = {
    {"NoSuchWord", with_host_keys("telemetry: none"),
     "sweep.yaml:3:58: 'telemetry' must be off or a mapping (metrics, gpus, nvml), not 'none'"},
    {"UnknownKey", with_host_keys("telemetry: {gpu: []}"),
     "sweep.yaml:3:59: unknown key 'gpu' in telemetry; did you mean 'gpus'?"},
    {"NoPath", with_host_keys("telemetry: {gpus: ['http://h:9400']}"),
     "sweep.yaml:3:66: 'http://h:9400' has no path; write where the metrics are, such as "
     "http://HOST:PORT/metrics"},
    {"Query", with_host_keys("telemetry: {metrics: ['http://h/m?key=secret']}"),
     "sweep.yaml:3:69: 'http://h/m' must end before '?' or '#'"},
    {"NoSuchRole", with_host_keys("telemetry: {metrics: [{url: 'http://h:1/m', role: both}]}"),
     "sweep.yaml:3:97: unknown role 'both'; write one of: prefill, decode, router"},
    {"NoLabels", with_host_keys("telemetry: {gpus: [{url: 'http://h:1/m', labels: []}]}"),
     "sweep.yaml:3:96: 'labels' must name labels and their values, such as {gpu: '0'}"},
    {"WaitForNothing", with_host_keys("wait_ready: 0s"),
     "sweep.yaml:3:59: 'wait_ready' must be from 1s to 24h, not '0s'"},
    {"WaitSince", with_host_keys("wait_ready: {started: noon}"),
     "sweep.yaml:3:69: 'started', in seconds since 1970, must be a number from 0 to 4e+09, not 'noon'"},
    // Each would have stopped nothing, and a run with --quiet never said so.
    {"AlmostOurFigure", rail("metric: error_rate, above: 0.2"),
     "sweep.yaml:2:24: unknown metric 'error_rate'; did you mean 'error_ratio'?"},
    {"AlmostOurPercentile", rail("metric: ttft_p99, above: 20"),
     "sweep.yaml:2:24: unknown metric 'ttft_p99'; did you mean 'ttft_p95'?"},
    {"LimitWithoutBystander", rail("metric: bystander_ttft_seconds, above: 2s"),
     "sweep.yaml:2:14: a guard rail on 'bystander_ttft_seconds' needs a bystander; add bystander: {every: "
     "2s}"},
    {"BystanderTooOften", beside("{every: 100ms}"),
     "sweep.yaml:2:20: 'every' must be from 500ms to 10m, not '100ms'"},
    {"BystandersWithoutEnd", beside("{every: 1s, timeout: 5m}"),
     "sweep.yaml:2:12: with a request every 1 s and a timeout of 300 s more than 64 could wait at a time; "
     "ask "
     "less often, or wait less long"},
    {"NoSuchBystander", beside("{prompts: x}"),
     "sweep.yaml:2:13: unknown key 'prompts' in bystander; did you mean 'prompt'?"},
    {"NoMetric", rail("above: 1"), "sweep.yaml:2:15: a guard rail has no 'metric'; add it"},
    {"NoLimit", rail("metric: waiting"),
     "sweep.yaml:2:15: a guard rail needs its limit; write above: VALUE or below: VALUE"},
    {"BothLimits", rail("metric: waiting, above: 1, below: 2"),
     "sweep.yaml:2:43: a guard rail has both 'above' and 'below'; keep one"},
    {"LatencyWithoutUnit", rail("metric: ttft_p95, above: 2"),
     "sweep.yaml:2:41: 'above' must be a duration such as 30s, 2m, 500ms or 1h30m, not '2'"},
    {"OwnFigureElsewhere", rail("metric: error_ratio, above: 0.1, url: 'http://h/m'"),
     "sweep.yaml:2:54: 'error_ratio' is the tool's own figure; remove the URL"},
    {"MisspeltMetric", rail("metric: waitng, above: 5"),
     "sweep.yaml:2:24: unknown metric 'waitng'; did you mean 'waiting'?"},
    {"MetricFarFromAll", rail("metric: up, above: 5"),
     "sweep.yaml:2:24: unknown metric 'up'; write one of: error_ratio, ttft_p50, ttft_p95, running, waiting, "
     "kv_usage_ratio, prefix_hit_ratio, spec_acceptance_ratio, spec_acceptance_length, "
     "router_waiting, kv_transferring, bystander_ttft_seconds, "
     "gpu_memory_used_bytes, gpu_process_memory_bytes, "
     "gpu_memory_total_bytes, gpu_power_watts, "
     "gpu_temperature_celsius, gpu_util_ratio, gpu_sm_active_ratio, gpu_tensor_active_ratio, "
     "gpu_dram_active_ratio"},
    {"OwnCounter", rail("metric: queue_time_seconds_sum, above: 5"),
     "sweep.yaml:2:24: 'queue_time_seconds_sum' is a counter, which only grows: a limit would say how long "
     "the "
     "server has run; name a figure that also falls, such as 'waiting'"},
    {"EnginesCounter", rail("metric: 'vllm:num_preemptions_total', above: 5"),
     "sweep.yaml:2:24: 'vllm:num_preemptions_total' is a counter, which only grows: a limit would say how "
     "long "
     "the server has run; name a figure that also falls, such as 'waiting'"},
    {"RatioAboveOne", rail("metric: error_ratio, above: 5"),
     "sweep.yaml:2:44: 'above' must be a number from 0 to 1, not '5'"},
};
INSTANTIATE_TEST_SUITE_P(All, PlanTelemetryError, testing::ValuesIn(kTelemetryCases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace kneepoint::coordinator
