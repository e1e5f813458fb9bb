#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/plan.h"
#include "common/second_stats.h"
#include "coordinator/live/metric_definitions.h"
#include "coordinator/results/model.h"
#include "coordinator/telemetry/telemetry_sample.h"

namespace kneepoint::coordinator {

/// What the exported series are labelled with.
struct RunIdentity {
  struct Cell {
    std::string scenario, target, model;
    std::vector<SloLimit> slo;
  };
  std::string run_id;
  std::string plan;  ///< The plan's name.
  Build build;
  std::vector<Cell> cells;  ///< By cell id.
};

RunIdentity identity_of(const Plan& plan, std::string run_id, Build build);

/// Agents by state. Every agent that is expected or ever joined is in exactly one.
struct AgentCounts {
  std::size_t awaited = 0;  ///< Expected, not joined yet.
  std::size_t ready = 0;    ///< Joined; the run has not begun, or is over.
  std::size_t running = 0;
  std::size_t lost = 0;
};

/// The coordinator's metrics of one run, in Prometheus' text format. Labels: `run_id` on every series but
/// `kneepoint_build_info`; `target` and `scenario` on what belongs to a cell; `outcome`, `state`,
/// `percentile`, `step` ("01" to "64"), `criterion`. Never a URL, a prompt, a request id or an error's text.
/// Every counter and histogram exists at zero from the start; a gauge whose figure is not known is not
/// exported. Setters are called from the coordinator's main thread, text() from any.
class Metrics {
 public:
  static constexpr std::size_t kMaxSteps = 64;

  explicit Metrics(RunIdentity identity);
  ~Metrics();

  /// Adds a batch that the timeline has merged: its figures are deltas. A repeated batch would count twice.
  /// Fine histogram buckets go whole into the exported bucket that holds their middle (a shift of at most
  /// 0.39 %).
  void observe(const SnapshotBatch& batch);

  /// The commanded concurrency, and the requests in flight over the fleet. One cell is under load at a time:
  /// the other cells read 0.
  void set_target_concurrency(std::uint32_t cell, std::uint32_t concurrency);
  void set_in_flight(std::uint32_t cell, std::uint32_t requests);
  void set_agents(const AgentCounts& agents);
  void set_start_skew(Nanos skew);
  /// What a target's bystander said last.
  void set_bystander(const TelemetrySample& sample);

  /// Publishes a finished step of `result`; `index` is its place in ScenarioResult::steps and becomes the
  /// label `step`, from "01". Publishing it again (a repeated attempt, a row annotated later) replaces it.
  /// Steps from kMaxSteps on are not exported.
  void set_step(const ScenarioResult& result, const Step& step, std::size_t index);
  /// knee: the saturation point; slo: the joint limit (the only criterion's where there is one); queue: the
  /// lowest step flagged QUEUEING BEGINS. One that was not found is not exported.
  void set_saturation(const ScenarioResult& result);
  /// How far a finished result may be relied on: 1 trustworthy, 0.5 with reservations, 0 not.
  void set_trust(const ScenarioResult& result);

  /// The exposition, sorted by name and labels. No batch is seen in part.
  std::string text() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kneepoint::coordinator
