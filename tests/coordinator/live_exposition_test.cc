#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "coordinator/live/metric_definitions.h"
#include "tests/coordinator/live_metrics_fixture.h"

/// What the metrics look like to a scraper.
namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string without(const std::string& text, std::string_view substring) {
  std::string result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(substring) == std::string::npos) result += line + "\n";
  }
  return result;
}

TEST(Metrics, WritesAPlainRun) {
  Metrics metrics(one_cell());
  fill(metrics);
  // Buckets are tested apart, against the histogram that went in.
  const std::string text = without(without(metrics.text(), "_bucket"), "# HELP");
  EXPECT_EQ(text, R"(# TYPE kneepoint_agents gauge
kneepoint_agents{run_id="r1",state="awaited"} 1
kneepoint_agents{run_id="r1",state="lost"} 0
kneepoint_agents{run_id="r1",state="ready"} 0
kneepoint_agents{run_id="r1",state="running"} 2
# TYPE kneepoint_build_info gauge
kneepoint_build_info{commit="c0ffee",version="0.1.0"} 1
# TYPE kneepoint_good_requests_total counter
kneepoint_good_requests_total{run_id="r1",scenario="chat",target="host"} 2
# TYPE kneepoint_inflight_requests gauge
kneepoint_inflight_requests{run_id="r1",scenario="chat",target="host"} 7
# TYPE kneepoint_inter_chunk_latency_seconds histogram
kneepoint_inter_chunk_latency_seconds_count{run_id="r1",scenario="chat",target="host"} 90
kneepoint_inter_chunk_latency_seconds_sum{run_id="r1",scenario="chat",target="host"} 0.8099999999999999
# TYPE kneepoint_output_tokens_total counter
kneepoint_output_tokens_total{run_id="r1",scenario="chat",target="host"} 192
# TYPE kneepoint_prompt_tokens_total counter
kneepoint_prompt_tokens_total{run_id="r1",scenario="chat",target="host"} 30
# TYPE kneepoint_receive_lag_seconds histogram
kneepoint_receive_lag_seconds_count{run_id="r1"} 100
kneepoint_receive_lag_seconds_sum{run_id="r1"} 0.002
# TYPE kneepoint_request_duration_seconds histogram
kneepoint_request_duration_seconds_count{run_id="r1",scenario="chat",target="host"} 3
kneepoint_request_duration_seconds_sum{run_id="r1",scenario="chat",target="host"} 3
# TYPE kneepoint_requests_total counter
kneepoint_requests_total{run_id="r1",outcome="aborted",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="cancelled",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="connect",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="dns",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="empty",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="error_at_200",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="http_4xx",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="http_5xx",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="parse",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="rejected",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="stream",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="success",scenario="chat",target="host"} 3
kneepoint_requests_total{run_id="r1",outcome="timeout",scenario="chat",target="host"} 1
kneepoint_requests_total{run_id="r1",outcome="tls",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="truncated",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="unread",scenario="chat",target="host"} 0
# TYPE kneepoint_result_trust gauge
kneepoint_result_trust{run_id="r1",scenario="chat",target="host"} 1
# TYPE kneepoint_run_info gauge
kneepoint_run_info{run_id="r1",model="qwen3",plan="sweep",scenario="chat",target="host"} 1
# TYPE kneepoint_saturation_concurrency gauge
kneepoint_saturation_concurrency{run_id="r1",criterion="knee",scenario="chat",target="host"} 6.5
kneepoint_saturation_concurrency{run_id="r1",criterion="queue",scenario="chat",target="host"} 8
kneepoint_saturation_concurrency{run_id="r1",criterion="slo",scenario="chat",target="host"} 4
# TYPE kneepoint_schedule_lag_seconds histogram
kneepoint_schedule_lag_seconds_count{run_id="r1"} 4
kneepoint_schedule_lag_seconds_sum{run_id="r1"} 0.00032
# TYPE kneepoint_slo_limit_seconds gauge
kneepoint_slo_limit_seconds{run_id="r1",figure="ttft",percentile="p95",scenario="chat",target="host"} 0.5
# TYPE kneepoint_start_skew_seconds gauge
kneepoint_start_skew_seconds{run_id="r1"} 0.0015
# TYPE kneepoint_step_achieved_concurrency gauge
kneepoint_step_achieved_concurrency{run_id="r1",scenario="chat",step="01",target="host"} 7.5
# TYPE kneepoint_step_duration_seconds gauge
kneepoint_step_duration_seconds{run_id="r1",scenario="chat",step="01",target="host"} 10
# TYPE kneepoint_step_error_ratio gauge
kneepoint_step_error_ratio{run_id="r1",scenario="chat",step="01",target="host"} 0.25
# TYPE kneepoint_step_goodput_ratio gauge
kneepoint_step_goodput_ratio{run_id="r1",scenario="chat",step="01",target="host"} 0.5
# TYPE kneepoint_step_output_tokens_per_second gauge
kneepoint_step_output_tokens_per_second{run_id="r1",scenario="chat",step="01",target="host"} 256
# TYPE kneepoint_step_request_duration_seconds gauge
kneepoint_step_request_duration_seconds{run_id="r1",percentile="p50",scenario="chat",step="01",target="host"} 1
# TYPE kneepoint_step_requests_per_second gauge
kneepoint_step_requests_per_second{run_id="r1",scenario="chat",step="01",target="host"} 4
# TYPE kneepoint_step_target_concurrency gauge
kneepoint_step_target_concurrency{run_id="r1",scenario="chat",step="01",target="host"} 8
# TYPE kneepoint_step_time_per_output_token_seconds gauge
kneepoint_step_time_per_output_token_seconds{run_id="r1",percentile="p99",scenario="chat",step="01",target="host"} 0.01
# TYPE kneepoint_step_time_to_first_token_seconds gauge
kneepoint_step_time_to_first_token_seconds{run_id="r1",percentile="p50",scenario="chat",step="01",target="host"} 0.04
kneepoint_step_time_to_first_token_seconds{run_id="r1",percentile="p95",scenario="chat",step="01",target="host"} 0.6
# TYPE kneepoint_step_valid gauge
kneepoint_step_valid{run_id="r1",scenario="chat",step="01",target="host"} 1
# TYPE kneepoint_target_concurrency gauge
kneepoint_target_concurrency{run_id="r1",scenario="chat",target="host"} 8
# TYPE kneepoint_time_per_output_token_seconds histogram
kneepoint_time_per_output_token_seconds_count{run_id="r1",scenario="chat",target="host"} 3
kneepoint_time_per_output_token_seconds_sum{run_id="r1",scenario="chat",target="host"} 0.03
# TYPE kneepoint_time_to_first_token_seconds histogram
kneepoint_time_to_first_token_seconds_count{run_id="r1",scenario="chat",target="host"} 3
kneepoint_time_to_first_token_seconds_sum{run_id="r1",scenario="chat",target="host"} 0.6799999999999999
)");
}

TEST(Metrics, StartWithEveryCounterAtZeroAndNoUnknownGauge) {
  const Metrics metrics(one_cell());
  const auto all = samples(metrics);
  for (const Outcome outcome : kOutcomes) {
    const std::string name =
        fmt::format(R"(kneepoint_requests_total{{run_id="r1",outcome="{}",scenario="chat",target="host"}})",
                    to_string(outcome));
    ASSERT_TRUE(all.contains(name)) << name;
    EXPECT_EQ(all.at(name), 0);
  }
  EXPECT_EQ(all.at("kneepoint_time_to_first_token_seconds_count{" + kCell + "}"), 0);
  EXPECT_EQ(all.at("kneepoint_output_tokens_total{" + kCell + "}"), 0);
  EXPECT_THAT(metrics.text(), Not(HasSubstr("kneepoint_step_")));
  EXPECT_THAT(metrics.text(), Not(HasSubstr("kneepoint_start_skew_seconds")));
  EXPECT_THAT(metrics.text(), Not(HasSubstr("kneepoint_saturation_concurrency")));
}

TEST(Metrics, ExportExactlyTheNamesThatAreListed) {
  Metrics metrics(one_cell());
  fill(metrics);
  ScenarioResult open = some_result();
  open.steps[0].offered_rate = 20;
  metrics.set_step(open, open.steps[0], 1);
  metrics.set_saturation(open);
  metrics.set_bystander(
      {0, "host", "bystander", {{Signal::kBystanderTtft, 0.3}, {Signal::kBystanderRequests, 4}}, {}});
  std::vector<std::string> exported;
  std::istringstream lines(metrics.text());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) exported.push_back(line.substr(7, line.find(' ', 7) - 7));
  }
  EXPECT_EQ(exported, exported_metric_names());
}

TEST(Metrics, ABystanderIsLabelledWithItsTargetOnly) {
  Metrics metrics(one_cell());
  TelemetrySample felt{
      7, "host", "bystander", {{Signal::kBystanderTtft, 0.25}, {Signal::kBystanderRequests, 4}}, {}};
  metrics.set_bystander(felt);
  felt.values = {{Signal::kBystanderRequests, 5}, {Signal::kBystanderFailed, 1}};  // the last one was refused
  metrics.set_bystander(felt);
  EXPECT_THAT(
      metrics.text(),
      HasSubstr("kneepoint_bystander_time_to_first_token_seconds{run_id=\"r1\",target=\"host\"} 0.25"));
  EXPECT_THAT(
      metrics.text(),
      HasSubstr("kneepoint_bystander_requests_total{run_id=\"r1\",outcome=\"success\",target=\"host\"} 5"));
  EXPECT_THAT(
      metrics.text(),
      HasSubstr("kneepoint_bystander_requests_total{run_id=\"r1\",outcome=\"failed\",target=\"host\"} 1"));
}

TEST(Metrics, KeepToTheirClosedSetOfLabels) {
  Metrics metrics(one_cell());
  fill(metrics);
  const std::set<std::string> allowed = {"run_id",  "plan",  "scenario",   "target",    "model",
                                         "version", "state", "outcome",    "commit",    "figure",
                                         "class",   "step",  "percentile", "criterion", "le"};
  const auto exported = samples(metrics);
  ASSERT_FALSE(exported.empty());
  for (const auto& [sample, value] : exported) {
    EXPECT_TRUE(std::isfinite(value)) << sample;
    for (std::size_t at = 0; (at = sample.find("=\"", at)) != std::string::npos; ++at) {
      const std::size_t begin = sample.find_last_of("{,", at) + 1;
      EXPECT_TRUE(allowed.contains(sample.substr(begin, at - begin))) << sample;
    }
  }
}

TEST(Metrics, LabelsAreEscaped) {
  RunIdentity identity = one_cell();
  identity.cells[0].target = "a\"b\\c\nd";
  identity.cells[0].scenario = "长上下文 🚀";
  EXPECT_THAT(Metrics(identity).text(), HasSubstr(R"(scenario="长上下文 🚀",target="a\"b\\c\nd")"));
}

TEST(Metrics, PromtoolFindsNothingToSay) {
  if (std::system("command -v promtool > /dev/null 2>&1") != 0) {
    GTEST_SKIP() << "promtool is not installed (Debian package prometheus)";
  }
  Metrics metrics(one_cell());
  fill(metrics);
  const std::string path = testing::TempDir() + "kneepoint_metrics_test.prom";
  std::ofstream(path) << metrics.text();
  FILE* promtool = popen(("promtool check metrics < '" + path + "' 2>&1").c_str(), "r");
  ASSERT_NE(promtool, nullptr);
  std::string said;
  char chunk[512];
  while (const std::size_t size = fread(chunk, 1, sizeof chunk, promtool)) said.append(chunk, size);
  EXPECT_EQ(pclose(promtool), 0);
  EXPECT_EQ(said, "");
  std::remove(path.c_str());
}

}  // namespace
}  // namespace kneepoint::coordinator
