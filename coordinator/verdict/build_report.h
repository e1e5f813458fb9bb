#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/results/model.h"
#include "coordinator/telemetry/telemetry_series.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

/// What the coordinator knows of a run beside its timeline.
struct RunFacts {
  struct Agent {
    std::string name;
    Presence presence;
    /// Round trip of the exchange that its clock offset comes from; the offset is off by at most half of it.
    Nanos clock_round_trip{0};
  };
  std::string run_id;
  std::string version;
  RealTime started_at{};
  Nanos duration{0};
  bool interrupted = false;
  bool unfinished = false;  ///< The coordinator was gone before the run was over: a recording without an end.
  std::string stopped_by;   ///< The guard rail that stopped the run; empty: none.
  std::string fleet_failure;  ///< Why the loss of agents ended the run, as a clause; empty: it did not.
  std::vector<Agent> agents;
  std::map<std::uint32_t, WorkloadIdentity> workloads;  ///< By cell.
  std::map<std::uint32_t, DatasetSource> datasets;      ///< By cell, where requests are made of one.
  /// By cell: why a search ended before it had found what it was looking for.
  std::map<std::uint32_t, std::string> cut_short;
  std::map<std::uint32_t, double> load_seconds;  ///< By target: until it served its model, where waited for.
  std::uint64_t seed = 1;                        ///< Of the bootstrap.
  std::vector<Resumption> resumed;
};

/// Measures every step, decides and explains. Pure: the same inputs give the same report.
/// @param windows in the order in which the steps were run; a window whose cell the plan lacks is a
/// programming error. @param telemetry what the targets said of themselves; may be empty.
Report build_report(const Plan& plan, const Timeline& timeline, const std::vector<StepWindow>& windows,
                    const RunFacts& facts, const TelemetrySeries& telemetry = {});

}  // namespace kneepoint::coordinator
