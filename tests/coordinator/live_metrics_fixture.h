#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <sstream>
#include <string>

#include "coordinator/live/metrics.h"

/// A small run, and a reader of the text format.
namespace kneepoint::coordinator {

inline RunIdentity one_cell() {
  RunIdentity identity;
  identity.run_id = "r1";
  identity.plan = "sweep";
  identity.build = {"0.1.0", "c0ffee"};
  identity.cells = {{"chat", "host", "qwen3", {{SloMetric::kTtft, 0.95, std::chrono::milliseconds(500)}}}};
  return identity;
}

/// A batch with one second of one cell.
inline SnapshotBatch batch_of(SeriesStats stats, std::uint32_t cell = 0) {
  SnapshotBatch batch;
  SecondSnapshot second;
  second.series[SeriesKey{cell}] = std::move(stats);
  batch.seconds.push_back(std::move(second));
  return batch;
}

inline std::uint64_t& count(SeriesStats& stats, Outcome outcome) {
  return stats.outcomes[static_cast<std::size_t>(outcome)];
}

inline SeriesStats some_stats() {
  using namespace std::chrono_literals;
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

inline ScenarioResult some_result() {
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
inline void fill(Metrics& metrics) {
  using namespace std::chrono_literals;
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
  metrics.set_trust(some_result());
}

/// Every sample as "name{labels}" → value.
inline std::map<std::string, double> samples(const Metrics& metrics) {
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

inline const std::string kCell = R"(run_id="r1",scenario="chat",target="host")";

}  // namespace kneepoint::coordinator
