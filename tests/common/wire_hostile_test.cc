#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "common/wire.h"
#include "kneepoint/v1/measurement.pb.h"
#include "kneepoint/v1/plan.pb.h"

namespace kneepoint {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// One way of spoiling a valid message, and what the refusal must name.
template <class Message>
struct Spoiled {
  std::string names;
  std::function<void(Message&)> spoil;
};

template <class Message, class Domain>
void expect_refusals(const Domain& valid, const std::vector<Spoiled<Message>>& cases) {
  Message message;
  to_wire(valid, message);
  ASSERT_TRUE(from_wire(message)) << from_wire(message).error().message;
  for (const auto& [names, spoil] : cases) {
    Message spoiled = message;
    spoil(spoiled);
    const auto result = from_wire(spoiled);
    ASSERT_FALSE(result) << names << " was accepted";
    EXPECT_THAT(result.error().message, HasSubstr(names));
  }
}

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(WireHostile, HistogramsAreRefusedByField) {
  Histogram valid;
  valid.record(2ms, 3);
  valid.record(9ms, 1);
  using M = v1::Histogram;
  expect_refusals<M>(
      valid,
      {
          {"layout", [](M& m) { m.set_layout(2); }},
          {"counts: 3 counts for 2", [](M& m) { m.add_counts(1); }},
          {"index_deltas[1]: repeats", [](M& m) { m.set_index_deltas(1, 0); }},
          {"index_deltas[1]: runs past", [](M& m) { m.set_index_deltas(1, HistogramLayout::kBucketCount); }},
          {"index_deltas[1]: runs past", [](M& m) { m.set_index_deltas(1, 0xffffffffu); }},
          {"counts[0]: is 0", [](M& m) { m.set_counts(0, 0); }},
          {"counts[1]", [](M& m) { m.set_counts(1, ~std::uint64_t{0}); }},
          {"overflow", [](M& m) { m.set_overflow(~std::uint64_t{0}); }},
          {"max_nanos", [](M& m) { m.set_overflow(1); }},
          {"min_nanos", [](M& m) { m.set_min_nanos(-1); }},
          {"min_nanos", [](M& m) { m.set_min_nanos(1); }},
          {"max_nanos", [](M& m) { m.set_max_nanos(1); }},
          {"max_nanos", [](M& m) { m.set_max_nanos(std::numeric_limits<std::int64_t>::max()); }},
          {"sum_seconds", [](M& m) { m.set_sum_seconds(kNaN); }},
          {"sum_seconds", [](M& m) { m.set_sum_seconds(1e9); }},
          {"sum_seconds", [](M& m) { m.set_sum_seconds(0); }},
          {"sum_squares", [](M& m) { m.set_sum_squares(kInfinity); }},
          {"sum_squares", [](M& m) { m.set_sum_squares(-1); }},
          {"no values", [](M& m) { m.clear_counts(), m.clear_index_deltas(); }},
      });
}

v1::Failures& failure_of(v1::SnapshotBatch& batch) {
  return *batch.mutable_seconds(0)->mutable_series(0)->mutable_failures(0);
}

TEST(WireHostile, BatchesAreRefusedByField) {
  SnapshotBatch valid{.sequence = 7, .complete_through = 4};
  SecondSnapshot& second = valid.seconds.emplace_back();
  second.second = 4;
  SeriesStats& first = second.series[{.cell = 1}];
  first.slo.resize(1);
  first.outcomes[static_cast<std::size_t>(Outcome::kRejected)] = 2;
  *first.failures.of({Outcome::kRejected, 429}) = {.count = 2, .said = "slow down", .request_id = "r-1"};
  second.series[{.cell = 2}].ttft.record(5ms);
  second.generator.rx_lag.record(3us);
  second.requests.resize(1);
  using M = v1::SnapshotBatch;
  expect_refusals<M>(
      valid,
      {
          {"sequence", [](M& m) { m.set_sequence(0); }},
          {"replica_names[0].replica",
           [](M& m) {
             m.add_replica_names()->set_name("pod-1");
             m.mutable_replica_names(0)->set_replica(7);
           }},
          {"complete_through", [](M& m) { m.set_complete_through(-2); }},
          {"seconds[0].second", [](M& m) { m.mutable_seconds(0)->set_second(-1); }},
          {"seconds[0].second", [](M& m) { m.mutable_seconds(0)->set_second(std::int64_t{1} << 40); }},
          {"seconds[0].requests[0].outcome",
           [](M& m) { m.mutable_seconds(0)->mutable_requests(0)->set_outcome(16); }},
          {"seconds[0].requests[0].first_nanos",
           [](M& m) { m.mutable_seconds(0)->mutable_requests(0)->set_first_nanos(-1); }},
          {"seconds[0].requests[0].output_tokens",
           [](M& m) { m.mutable_seconds(0)->mutable_requests(0)->set_output_tokens(~std::uint64_t{0}); }},
          {"seconds: 5000 entries",
           [](M& m) {
             for (int i = 1; i < 5000; ++i) m.add_seconds();
           }},
          {"seconds[0].series[2]: repeats",
           [](M& m) { *m.mutable_seconds(0)->add_series() = m.seconds(0).series(0); }},
          {"seconds[0].series[0].outcomes: 17 entries",
           [](M& m) { m.mutable_seconds(0)->mutable_series(0)->add_outcomes(0); }},
          {"seconds[0].series[0].failures[0].outcome: 0 is no failure",
           [](M& m) { failure_of(m).set_outcome(static_cast<std::uint32_t>(Outcome::kSuccess)); }},
          {"failures[0].outcome: 10 is no failure",
           [](M& m) { failure_of(m).set_outcome(static_cast<std::uint32_t>(Outcome::kCancelled)); }},
          {"failures[0].outcome: 4294967295 is no failure",
           [](M& m) { failure_of(m).set_outcome(0xffffffffu); }},
          {"failures[0].status: 99 is no status", [](M& m) { failure_of(m).set_status(99); }},
          {"failures[0].status: 65965 is no status", [](M& m) { failure_of(m).set_status(65'965); }},
          {"failures[0].count: is 0", [](M& m) { failure_of(m).set_count(0); }},
          {"failures[0].count: is more than have ended so", [](M& m) { failure_of(m).set_count(3); }},
          {"failures[0].said: is not one printable line", [](M& m) { failure_of(m).set_said("\x1b[2J"); }},
          {"failures[0].said: 204 bytes, at most 203",
           [](M& m) { failure_of(m).set_said(std::string(204, 'x')); }},
          {"failures[0].request_id: is not one printable line",
           [](M& m) { failure_of(m).set_request_id("a\nb"); }},
          {"failures[0].request_id: 129 bytes",
           [](M& m) { failure_of(m).set_request_id(std::string(129, 'x')); }},
          {"failures[1]: repeats",
           [](M& m) { *m.mutable_seconds(0)->mutable_series(0)->add_failures() = failure_of(m); }},
          {"failures: 17 entries, at most 16",
           [](M& m) {
             for (int i = 0; i < 16; ++i) m.mutable_seconds(0)->mutable_series(0)->add_failures();
           }},
          {"seconds[0].series[0].outcomes[3]",
           [](M& m) { m.mutable_seconds(0)->mutable_series(0)->set_outcomes(3, ~std::uint64_t{0}); }},
          {"seconds[0].series[0].reported_tokens",
           [](M& m) { m.mutable_seconds(0)->mutable_series(0)->clear_reported_tokens(); }},
          {"seconds[0].series[0].slo[0].missed",
           [](M& m) {
             m.mutable_seconds(0)->mutable_series(0)->mutable_slo(0)->set_missed(~std::uint64_t{0});
           }},
          {"seconds[0].series[0].slo: 100 entries",
           [](M& m) {
             while (m.seconds(0).series(0).slo_size() < 100)
               m.mutable_seconds(0)->mutable_series(0)->add_slo();
           }},
          {"seconds[0].series[1].waiting",
           [](M& m) { m.mutable_seconds(0)->mutable_series(1)->set_waiting(kNaN); }},
          {"seconds[0].series[1].in_flight",
           [](M& m) { m.mutable_seconds(0)->mutable_series(1)->set_in_flight(-1); }},
          {"seconds[0].series[1].ttft.layout",
           [](M& m) { m.mutable_seconds(0)->mutable_series(1)->mutable_ttft()->set_layout(9); }},
          {"seconds[0].generator.cpu_user_seconds",
           [](M& m) { m.mutable_seconds(0)->mutable_generator()->set_cpu_user_seconds(kInfinity); }},
          {"seconds[0].generator.rx_lag.counts",
           [](M& m) { m.mutable_seconds(0)->mutable_generator()->mutable_rx_lag()->clear_counts(); }},
      });
}

TEST(WireHostile, AssignmentsAreRefusedByField) {
  Assignment valid{.run_id = "r"};
  valid.targets.push_back({.name = "t", .urls = {"http://127.0.0.1:1"}});
  Cell cell{.id = 0};
  cell.workload.classes.push_back({"c", {"p"}, 1});
  cell.slo.push_back({SloMetric::kTtft, 0.95, 500ms});
  valid.cells.push_back(cell);
  using M = v1::Assignment;
  expect_refusals<M>(
      valid,
      {
          {"run_id: is empty", [](M& m) { m.clear_run_id(); }},
          {"targets[0].name", [](M& m) { m.mutable_targets(0)->set_name(""); }},
          {"targets[0].urls: is empty", [](M& m) { m.mutable_targets(0)->clear_urls(); }},
          {"targets[0].urls[0]", [](M& m) { m.mutable_targets(0)->set_urls(0, "http://a\r\nb"); }},
          {"targets[0].api", [](M& m) { m.mutable_targets(0)->set_api(v1::API_UNSPECIFIED); }},
          {"targets[0].dialect", [](M& m) { m.mutable_targets(0)->set_api(v1::API_CUSTOM); }},
          {"targets[0].dialect: 'path' must start",
           [](M& m) {
             m.mutable_targets(0)->set_api(v1::API_CUSTOM);
             m.mutable_targets(0)->mutable_dialect()->set_path("no slash");
           }},
          {"targets[0].api: unknown value 77",
           [](M& m) { m.mutable_targets(0)->set_api(static_cast<v1::Api>(77)); }},
          {"targets[0].auth.environment",
           [](M& m) { m.mutable_targets(0)->mutable_auth()->set_environment(""); }},
          {"targets[0].headers[0].name", [](M& m) { m.mutable_targets(0)->add_headers(); }},
          {"targets[0].headers[0].value",
           [](M& m) {
             v1::Header& header = *m.mutable_targets(0)->add_headers();
             header.set_name("X-A");
             header.set_value("1\r\nX-B: 2");
           }},
          {"targets[0].headers[1]: repeats",
           [](M& m) {
             for (int i = 0; i < 2; ++i) m.mutable_targets(0)->add_headers()->set_name("X-A");
           }},
          {"targets[0].idle_timeout_nanos", [](M& m) { m.mutable_targets(0)->set_idle_timeout_nanos(0); }},
          {"targets[0].request_timeout_nanos",
           [](M& m) {
             m.mutable_targets(0)->set_request_timeout_nanos(std::numeric_limits<std::int64_t>::max());
           }},
          {"cells[0].id", [](M& m) { m.mutable_cells(0)->set_id(1); }},
          {"cells[0].target", [](M& m) { m.mutable_cells(0)->set_target(1); }},
          {"cells[0].workload.classes: is empty",
           [](M& m) { m.mutable_cells(0)->mutable_workload()->clear_classes(); }},
          {"cells[0].workload.classes[0].prompts",
           [](M& m) { m.mutable_cells(0)->mutable_workload()->mutable_classes(0)->clear_prompts(); }},
          {"cells[0].workload.classes[0].weight",
           [](M& m) { m.mutable_cells(0)->mutable_workload()->mutable_classes(0)->set_weight(0); }},
          {"cells[0].workload.temperature",
           [](M& m) { m.mutable_cells(0)->mutable_workload()->set_temperature(kNaN); }},
          {"cells[0].workload.output_tokens",
           [](M& m) { m.mutable_cells(0)->mutable_workload()->mutable_output_tokens(); }},
          {"cells[0].workload.output_tokens: is 0",
           [](M& m) {
             v1::Distribution& d = *m.mutable_cells(0)->mutable_workload()->mutable_output_tokens();
             d.set_kind(v1::DISTRIBUTION_KIND_FIXED);
           }},
          {"cells[0].workload.conversation.think_seconds.values",
           [](M& m) {
             auto& conversation = *m.mutable_cells(0)->mutable_workload()->mutable_conversation();
             conversation.mutable_think_seconds()->set_kind(v1::DISTRIBUTION_KIND_EMPIRICAL);
           }},
          {"cells[0].workload.conversation.think_seconds.weights",
           [](M& m) {
             auto& conversation = *m.mutable_cells(0)->mutable_workload()->mutable_conversation();
             v1::Distribution& think = *conversation.mutable_think_seconds();
             think.set_kind(v1::DISTRIBUTION_KIND_EMPIRICAL);
             think.add_values(1);
             think.add_weights(0);
           }},
          {"cells[0].workload.synthetic.prefix_groups",
           [](M& m) { m.mutable_cells(0)->mutable_workload()->mutable_synthetic(); }},
          {"cells[0].workload.dataset.hash",
           [](M& m) { m.mutable_cells(0)->mutable_workload()->mutable_dataset()->set_hash("../etc"); }},
          {"cells[0].workload.dataset.bytes",
           [](M& m) {
             v1::DatasetUse& use = *m.mutable_cells(0)->mutable_workload()->mutable_dataset();
             use.set_hash(std::string(64, 'a'));
             use.set_bytes(std::uint64_t{1} << 40);
           }},
          {"cells[0].calibration.tokens_per_word", [](M& m) { m.mutable_cells(0)->mutable_calibration(); }},
          {"cells[0].usage", [](M& m) { m.mutable_cells(0)->set_usage(static_cast<v1::UsageOption>(9)); }},
          {"cells[0].slo[0].metric", [](M& m) { m.mutable_cells(0)->mutable_slo(0)->clear_metric(); }},
          {"cells[0].slo[0].quantile", [](M& m) { m.mutable_cells(0)->mutable_slo(0)->set_quantile(kNaN); }},
          {"cells[0].slo[0].limit_nanos",
           [](M& m) { m.mutable_cells(0)->mutable_slo(0)->set_limit_nanos(-5); }},
      });
}

TEST(WireHostile, LevelsAreRefusedByField) {
  using M = v1::LoadLevel;
  expect_refusals<M>(
      LoadLevel{.epoch = 1, .concurrency = 8, .shares = 5, .held = {{0, 3}, {}, {4}}},
      {
          {"concurrency", [](M& m) { m.set_concurrency(0xffffffffu); }},
          {"shares", [](M& m) { m.set_shares(0); }},
          {"shares", [](M& m) { m.set_shares(0xffffffffu); }},
          {"held",
           [](M& m) {
             while (m.held_size() <= 256) m.add_held();
           }},
          {"held[2]: share 5 of 5", [](M& m) { m.mutable_held(2)->set_deltas(0, 5); }},
          {"held[0]: share 4294967295 of 5", [](M& m) { m.mutable_held(0)->set_deltas(0, 0xffffffffu); }},
          {"held[0]: share 0 twice", [](M& m) { m.mutable_held(0)->set_deltas(1, 0); }},
          {"held[2]: share 3 twice", [](M& m) { m.mutable_held(2)->set_deltas(0, 3); }},
          {"effective_at_nanos", [](M& m) { m.set_effective_at_nanos(-1); }},
          {"spread_over_nanos",
           [](M& m) { m.set_spread_over_nanos(std::numeric_limits<std::int64_t>::min()); }},
          {"budget", [](M& m) { m.set_budget(~std::uint64_t{0}); }},
          {"kind", [](M& m) { m.mutable_arrivals()->set_rate(1); }},
          {"rate",
           [](M& m) {
             m.mutable_arrivals()->set_kind(v1::ARRIVAL_KIND_POISSON);
             m.mutable_arrivals()->set_rate(0);
           }},
          {"burstiness",
           [](M& m) {
             m.mutable_arrivals()->set_kind(v1::ARRIVAL_KIND_GAMMA);
             m.mutable_arrivals()->set_rate(1);
           }},
          {"end_rate",
           [](M& m) {
             m.mutable_arrivals()->set_kind(v1::ARRIVAL_KIND_CONSTANT);
             m.mutable_arrivals()->set_rate(1);
             m.mutable_arrivals()->set_burstiness(1);
             m.mutable_arrivals()->set_over_nanos(5);
           }},
      });
}

}  // namespace
}  // namespace kneepoint
