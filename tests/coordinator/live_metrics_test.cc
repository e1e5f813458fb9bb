#include "coordinator/live/metrics.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace kneepoint::coordinator {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

RunIdentity one_cell() {
  RunIdentity identity;
  identity.run_id = "r1";
  identity.plan = "sweep";
  identity.version = "0.1.0";
  identity.cells = {{"chat", "host", "qwen3", true}};
  return identity;
}

/// A batch with one second of one cell.
SnapshotBatch batch_of(SeriesStats stats, std::uint32_t cell = 0) {
  SnapshotBatch batch;
  SecondSnapshot second;
  second.series[SeriesKey{cell}] = std::move(stats);
  batch.seconds.push_back(std::move(second));
  return batch;
}

std::uint64_t& count(SeriesStats& stats, Outcome outcome) {
  return stats.outcomes[static_cast<std::size_t>(outcome)];
}

SeriesStats some_stats() {
  SeriesStats stats;
  count(stats, Outcome::kSuccess) = 3;
  count(stats, Outcome::kTimeout) = 1;
  stats.joint_good = 2;
  stats.prompt_tokens = 30;
  stats.unreported_chunks = {50, 46};
  stats.usage_tokens = 192;
  stats.usage_chunks = 96;
  stats.ttft.record(40ms, 2);
  stats.ttft.record(600ms);
  stats.tpot.record(10ms, 3);
  stats.icl.record(9ms, 90);
  stats.e2e.record(1s, 3);
  return stats;
}

ScenarioResult some_result() {
  ScenarioResult result;
  result.target = "host";
  result.scenario = "chat";
  Step step;
  step.concurrency = 8;
  step.achieved_concurrency = 7.5;
  step.duration_seconds = 10;
  step.requests_per_second.value = 4;
  step.output_tokens_per_second.value = 256;
  step.goodput_ratio = 0.5;
  step.error_ratio = 0.25;
  step.ttft_seconds.p50 = 0.04;
  step.ttft_seconds.p95 = 0.6;
  step.tpot_seconds.p99 = 0.01;
  step.e2e_seconds.p50 = 1;
  step.flags = {"QUEUEING BEGINS"};
  result.steps = {step};
  result.saturation.concurrency = 6.5;
  result.slo.criteria = {{"ttft_p95", 0.5, 4.0, {}, "BRACKETED"}};
  return result;
}

/// Sets everything that can be exported.
void fill(Metrics& metrics) {
  SnapshotBatch batch = batch_of(some_stats());
  batch.seconds[0].generator.rx_lag.record(20us, 100);
  batch.seconds[0].generator.send_lag.record(80us, 4);
  metrics.observe(batch);
  metrics.set_target_concurrency(0, 8);
  metrics.set_in_flight(0, 7);
  metrics.set_agents({.awaited = 1, .ready = 0, .running = 2, .lost = 0});
  metrics.set_start_skew(1500us);
  metrics.set_step(some_result(), some_result().steps[0], 0);
  metrics.set_saturation(some_result());
}

/// Every sample as "name{labels}" → value.
std::map<std::string, double> samples(const Metrics& metrics) {
  std::map<std::string, double> result;
  std::istringstream lines(metrics.text());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const std::size_t space = line.rfind(' ');
    const bool fresh = result.emplace(line.substr(0, space), std::stod(line.substr(space + 1))).second;
    EXPECT_TRUE(fresh) << line;
  }
  return result;
}

std::string without(const std::string& text, std::string_view substring) {
  std::string result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(substring) == std::string::npos) result += line + "\n";
  }
  return result;
}

const std::string kCell = R"(run_id="r1",scenario="chat",target="host")";

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
kneepoint_build_info{version="0.1.0"} 1
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
kneepoint_requests_total{run_id="r1",outcome="cancelled",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="connect",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="dns",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="http_4xx",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="http_5xx",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="parse",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="rejected",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="stream",scenario="chat",target="host"} 0
kneepoint_requests_total{run_id="r1",outcome="success",scenario="chat",target="host"} 3
kneepoint_requests_total{run_id="r1",outcome="timeout",scenario="chat",target="host"} 1
kneepoint_requests_total{run_id="r1",outcome="tls",scenario="chat",target="host"} 0
# TYPE kneepoint_run_info gauge
kneepoint_run_info{run_id="r1",model="qwen3",plan="sweep",scenario="chat",target="host"} 1
# TYPE kneepoint_saturation_concurrency gauge
kneepoint_saturation_concurrency{run_id="r1",criterion="knee",scenario="chat",target="host"} 6.5
kneepoint_saturation_concurrency{run_id="r1",criterion="queue",scenario="chat",target="host"} 8
kneepoint_saturation_concurrency{run_id="r1",criterion="slo",scenario="chat",target="host"} 4
# TYPE kneepoint_schedule_lag_seconds histogram
kneepoint_schedule_lag_seconds_count{run_id="r1"} 4
kneepoint_schedule_lag_seconds_sum{run_id="r1"} 0.00032
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
  std::vector<std::string> exported;
  std::istringstream lines(metrics.text());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) exported.push_back(line.substr(7, line.find(' ', 7) - 7));
  }
  EXPECT_EQ(exported, exported_metric_names());
}

TEST(Metrics, KeepToTheirClosedSetOfLabels) {
  Metrics metrics(one_cell());
  fill(metrics);
  const std::set<std::string> allowed = {"run_id", "plan",       "scenario",  "target",
                                         "model",  "version",    "state",     "outcome",
                                         "step",   "percentile", "criterion", "le"};
  for (const auto& [sample, value] : samples(metrics)) {
    EXPECT_TRUE(std::isfinite(value)) << sample;
    for (std::size_t at = 0; (at = sample.find("=\"", at)) != std::string::npos; ++at) {
      const std::size_t begin = sample.find_last_of("{,", at) + 1;
      EXPECT_TRUE(allowed.contains(sample.substr(begin, at - begin))) << sample;
    }
  }
}

TEST(Metrics, CountersOnlyGrowWhateverArrives) {
  Metrics metrics(one_cell());
  // The ratio of tokens to chunks starts high and falls: the estimate would fall with it.
  std::vector<SeriesStats> arriving(4);
  arriving[0].unreported_chunks = {1000, 0};
  arriving[1].usage_tokens = 40;
  arriving[1].usage_chunks = 10;
  arriving[2].usage_tokens = 100;
  arriving[2].usage_chunks = 100;
  arriving[3] = some_stats();
  std::map<std::string, double> before = samples(metrics);
  for (const SeriesStats& stats : arriving) {
    metrics.observe(batch_of(stats));
    const std::map<std::string, double> after = samples(metrics);
    ASSERT_EQ(before.size(), after.size());
    for (const auto& [sample, value] : after) EXPECT_GE(value, before.at(sample)) << sample;
    before = after;
  }
}

TEST(Metrics, OutputTokensEndAtTheTotalOfTheReport) {
  Metrics metrics(one_cell());
  std::uint64_t usage = 0;
  for (std::uint64_t i = 1; i <= 20; ++i) {  // requests with 1 to 3 tokens a chunk
    SeriesStats stats;
    stats.unreported_chunks = {5 * i, 5 * i};
    stats.usage_chunks = 10 * i;
    stats.usage_tokens = 10 * i * (1 + i % 3);
    usage += stats.usage_tokens;
    metrics.observe(batch_of(stats));
  }
  EXPECT_DOUBLE_EQ(samples(metrics).at("kneepoint_output_tokens_total{" + kCell + "}"),
                   static_cast<double>(usage));
}

TEST(Metrics, BucketsAddUpToTheHistogramThatWentIn) {
  Metrics metrics(one_cell());
  SeriesStats stats;
  for (int i = 0; i < 1000; ++i) stats.ttft.record(Nanos(1ms) * (i * i) / 7 + 100us);
  stats.ttft.record(HistogramLayout::limit(), 5);  // overflow
  metrics.observe(batch_of(stats));
  metrics.observe(batch_of(stats));

  const auto all = samples(metrics);
  const std::string name = "kneepoint_time_to_first_token_seconds";
  EXPECT_EQ(all.at(name + "_count{" + kCell + "}"), 2 * 1005);
  EXPECT_NEAR(all.at(name + "_sum{" + kCell + "}"), 2 * stats.ttft.sum_seconds(), 1e-6);
  EXPECT_EQ(all.at(name + "_bucket{" + kCell + R"(,le="+Inf"})"), 2 * 1005);
  double previous = 0;
  for (const double bound : buckets::time_to_first_token()) {
    std::ostringstream text;
    text << bound;
    const double cumulative = all.at(name + "_bucket{" + kCell + ",le=\"" + text.str() + "\"}");
    EXPECT_GE(cumulative, previous);
    previous = cumulative;
    // Values within a fine bucket's width of the bound may fall on either side.
    EXPECT_LE(cumulative, 2 * (1005 - stats.ttft.count_above(bound * 1.008))) << bound;
    EXPECT_GE(cumulative, 2 * (1005 - stats.ttft.count_above(bound * 0.992))) << bound;
  }
}

TEST(Metrics, HistogramsHaveAbout25AscendingBuckets) {
  for (const auto* bounds :
       {&buckets::time_to_first_token(), &buckets::time_per_output_token(), &buckets::inter_chunk_latency(),
        &buckets::request_duration(), &buckets::generator_lag()}) {
    EXPECT_GE(bounds->size(), 24u);
    EXPECT_LE(bounds->size(), 26u);
    EXPECT_EQ(std::adjacent_find(bounds->begin(), bounds->end(), std::greater_equal<>()), bounds->end());
  }
}

TEST(Metrics, StepsAreReplacedAndFiguresThatVanishAreTakenAway) {
  Metrics metrics(one_cell());
  ScenarioResult result = some_result();
  Step& step = result.steps[0];
  metrics.set_step(result, step, 0);
  const std::string labels = R"({run_id="r1",scenario="chat",step="01",target="host"})";
  EXPECT_EQ(samples(metrics).at("kneepoint_step_goodput_ratio" + labels), 0.5);

  step.attempt = 2;
  step.valid = false;
  step.goodput_ratio.reset();
  step.achieved_concurrency = std::numeric_limits<double>::quiet_NaN();
  step.ttft_seconds.p95.reset();
  metrics.set_step(result, step, 0);
  const auto all = samples(metrics);
  EXPECT_EQ(all.at("kneepoint_step_valid" + labels), 0);
  EXPECT_FALSE(all.contains("kneepoint_step_goodput_ratio" + labels));
  EXPECT_FALSE(all.contains("kneepoint_step_achieved_concurrency" + labels));
  EXPECT_THAT(metrics.text(), Not(HasSubstr("percentile=\"p95\"")));
  EXPECT_THAT(metrics.text(), Not(HasSubstr("quantile")));
}

TEST(Metrics, ExportAtMost64Steps) {
  Metrics metrics(one_cell());
  const ScenarioResult result = some_result();
  for (std::size_t i = 0; i < 70; ++i) metrics.set_step(result, result.steps[0], i);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("step=\"64\""));
  EXPECT_THAT(text, Not(HasSubstr("step=\"65\"")));
}

TEST(Metrics, SaturationComesByCriterion) {
  Metrics metrics(one_cell());
  ScenarioResult result = some_result();
  metrics.set_saturation(result);
  const auto sample = [](const char* criterion) {
    return fmt::format(
        R"(kneepoint_saturation_concurrency{{run_id="r1",criterion="{}",scenario="chat",target="host"}})",
        criterion);
  };
  auto all = samples(metrics);
  EXPECT_EQ(all.at(sample("knee")), 6.5);
  EXPECT_EQ(all.at(sample("slo")), 4);
  EXPECT_EQ(all.at(sample("queue")), 8);

  result.saturation.concurrency.reset();  // only a lower bound is known
  result.saturation.lower_bound = 32;
  result.slo.joint = SloCriterion{"joint", 0, std::nullopt, {}, "FAIL"};
  result.steps[0].flags.clear();
  metrics.set_saturation(result);
  EXPECT_THAT(metrics.text(), Not(HasSubstr("kneepoint_saturation_concurrency")));
}

TEST(Metrics, OnlyTheCellUnderLoadHasAConcurrency) {
  RunIdentity identity = one_cell();
  identity.cells.push_back({"chat", "other", "llama", false});
  Metrics metrics(identity);
  metrics.set_target_concurrency(0, 8);
  metrics.set_in_flight(0, 8);
  metrics.set_target_concurrency(1, 4);
  metrics.set_in_flight(1, 3);
  const auto all = samples(metrics);
  EXPECT_EQ(all.at("kneepoint_target_concurrency{" + kCell + "}"), 0);
  EXPECT_EQ(all.at("kneepoint_inflight_requests{" + kCell + "}"), 0);
  EXPECT_EQ(all.at(R"(kneepoint_target_concurrency{run_id="r1",scenario="chat",target="other"})"), 4);
  EXPECT_EQ(all.at(R"(kneepoint_inflight_requests{run_id="r1",scenario="chat",target="other"})"), 3);
  // Without an SLO there is no goodput.
  EXPECT_FALSE(all.contains(R"(kneepoint_good_requests_total{run_id="r1",scenario="chat",target="other"})"));
  metrics.observe(batch_of(some_stats(), 7));  // an unknown cell is nobody's
  EXPECT_EQ(samples(metrics), all);
}

TEST(Metrics, IdentityFollowsThePlansCells) {
  Plan plan;
  plan.name = "sweep";
  plan.targets.resize(2);
  plan.targets[0].name = "a";
  plan.targets[0].model = "m";
  plan.targets[1].name = "b";
  plan.scenarios.resize(1);
  plan.scenarios[0].name = "chat";
  plan.scenarios[0].slo = {{SloMetric::kTtft, 0.95, 500ms}};
  const RunIdentity identity = identity_of(plan, "r9", "0.1.0");
  ASSERT_EQ(identity.cells.size(), 2u);
  EXPECT_EQ(identity.plan, "sweep");
  EXPECT_EQ(identity.cells[0].target, "a");
  EXPECT_EQ(identity.cells[0].model, "m");
  EXPECT_EQ(identity.cells[1].target, "b");
  EXPECT_EQ(identity.cells[1].scenario, "chat");
  EXPECT_TRUE(identity.cells[1].has_slo);
}

TEST(Metrics, LabelsAreEscaped) {
  RunIdentity identity = one_cell();
  identity.cells[0].target = "a\"b\\c\nd";
  EXPECT_THAT(Metrics(identity).text(), HasSubstr(R"(target="a\"b\\c\nd")"));
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
