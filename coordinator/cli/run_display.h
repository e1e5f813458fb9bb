#pragma once

#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/live/metrics.h"
#include "coordinator/live/run_feed.h"
#include "coordinator/live/terminal.h"
#include "coordinator/results/model.h"
#include "coordinator/run/run_loop.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

/// Shows a run as it goes on, in the terminal, in the metrics and on the live page. Owned by the main thread.
class RunDisplay {
 public:
  /// `metrics`, `feed` and `output`, which leads to standard error, must outlive it.
  RunDisplay(const Plan& plan, const std::vector<Cell>& cells, Metrics& metrics, RunFeed& feed,
             BackgroundOutput& output, bool quiet);

  /// One permanent line.
  void print(std::string_view line);
  void waiting_for_agents(std::size_t present, std::size_t expected);
  void waiting_for_targets();
  void progress(const Progress& progress, const Timeline& timeline, const TelemetrySeries& telemetry);
  /// A finished step: a row of the table, and its gauges.
  void step(const StepWindow& window, const Step& step);
  /// Takes the live view away and publishes the final, annotated figures.
  void finish(const Report& report);

 private:
  void show_cell(std::uint32_t cell);

  Metrics& metrics_;
  RunFeed& feed_;
  Terminal terminal_;
  LiveView view_;
  std::vector<ScenarioResult> results_;      // by cell, as far as measured
  std::vector<Ramp> ramps_;                  // by cell
  std::optional<std::uint32_t> table_cell_;  // whose head was printed last
  std::optional<std::uint32_t> loaded_cell_;
  std::int64_t rates_through_ = -1;
};

}  // namespace kneepoint::coordinator
