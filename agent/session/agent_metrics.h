#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "agent/stream/lease.h"
#include "common/clock.h"
#include "common/second_stats.h"
#include "common/serve/exposition.h"

namespace kneepoint::agent {

/// Where an agent's session stands.
struct AgentStanding {
  std::string_view state;          ///< One of AgentMetrics::kStates.
  std::string run_id;              ///< Of the run that it serves; empty: none.
  std::size_t outbox_batches = 0;  ///< Seconds that the coordinator has not acknowledged, and their size.
  std::size_t outbox_bytes = 0;
  Nanos clock_offset{0};       ///< The agent's monotonic clock minus the coordinator's.
  Nanos clock_uncertainty{0};  ///< How far that may be off.
};

/// The metrics of one agent: nothing in them says which, the scraper's own labels do. Filled by the session's
/// thread from what it hands to the coordinator anyway, once a second; the token path knows nothing of it.
/// text() from any thread.
class AgentMetrics {
 public:
  /// In the order in which a run passes through them. `lost`: the coordinator is being looked for.
  static constexpr std::string_view kStates[] = {"joining",  "joined",  "ready", "loading",
                                                 "draining", "drained", "lost"};

  /// @param lease the engine's. @param clock must outlive it.
  AgentMetrics(const Build& build, std::shared_ptr<const Lease> lease, const Clock& clock);
  ~AgentMetrics();

  /// What is about to go to the coordinator: its figures are deltas.
  void observe(const SnapshotBatch& batch);
  void set(const AgentStanding& standing);

  std::string text() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Every family that an agent can export, sorted by name.
std::span<const MetricDefinition> agent_metric_definitions();

}  // namespace kneepoint::agent
