#include "coordinator/live/metrics.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "coordinator/live/metric_definitions.h"
#include "tests/coordinator/live_metrics_fixture.h"

/// What the metrics count.
namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

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
  EXPECT_THAT(metrics.text(), Not(HasSubstr(R"(percentile="p95",scenario="chat",step=)")));
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
  result.saturation.ci95.reset();
  result.saturation.lower_bound = 32;
  result.slo.joint = SloCriterion{"joint", 0, std::nullopt, {}, "FAIL"};
  result.steps[0].flags.clear();
  metrics.set_saturation(result);
  all = samples(metrics);
  EXPECT_EQ(all.at(sample("knee_low")), 32);
  for (const char* criterion : {"knee", "knee_high", "slo", "queue"})
    EXPECT_FALSE(all.contains(sample(criterion))) << criterion;
}

TEST(Metrics, OfAnOpenLoopSaturationIsARate) {
  Metrics metrics(one_cell());
  ScenarioResult result = some_result();
  result.steps[0].offered_rate = 20;
  metrics.set_saturation(result);
  metrics.set_step(result, result.steps[0], 0);
  EXPECT_THAT(metrics.text(), Not(HasSubstr("kneepoint_saturation_concurrency")));
  EXPECT_THAT(metrics.text(), HasSubstr("kneepoint_saturation_request_rate"));
  const auto all = samples(metrics);
  EXPECT_EQ(
      all.at(R"(kneepoint_step_target_request_rate{run_id="r1",scenario="chat",step="01",target="host"})"),
      20);
}

TEST(Metrics, OnlyTheCellUnderLoadHasAConcurrency) {
  RunIdentity identity = one_cell();
  identity.cells.push_back({"chat", "other", "llama", {}});
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
  const RunIdentity identity = identity_of(plan, "r9", {"0.1.0", "c0ffee"});
  ASSERT_EQ(identity.cells.size(), 2u);
  EXPECT_EQ(identity.plan, "sweep");
  EXPECT_EQ(identity.cells[0].target, "a");
  EXPECT_EQ(identity.cells[0].model, "m");
  EXPECT_EQ(identity.cells[1].target, "b");
  EXPECT_EQ(identity.cells[1].scenario, "chat");
  EXPECT_EQ(identity.cells[1].slo, plan.scenarios[0].slo);
}

}  // namespace
}  // namespace kneepoint::coordinator
