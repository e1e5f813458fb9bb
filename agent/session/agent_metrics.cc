#include "agent/session/agent_metrics.h"

#include <algorithm>
#include <array>
#include <utility>

namespace kneepoint::agent {
namespace {

constexpr auto kAgentDefinitions = std::to_array<MetricDefinition>({
    {"kneepoint_agent_busiest_thread_ratio",
     "Busy time of the busiest event-loop thread in the last second, of that second."},
    {"kneepoint_agent_clock_offset_seconds",
     "The agent's monotonic clock minus the coordinator's, as the run goes by it."},
    {"kneepoint_agent_clock_uncertainty_seconds",
     "How far the clock offset may be off: half the best round trip."},
    {"kneepoint_agent_content_chunks_total", "Content chunks received."},
    {"kneepoint_agent_cpu_seconds_total", "CPU time of the process while it serves a run, by mode."},
    {"kneepoint_agent_inflight_requests", "Requests in flight."},
    {"kneepoint_agent_lease_seconds",
     "How long the load may go on if the coordinator is not heard again; 0: no load is allowed."},
    {"kneepoint_agent_loop_gap_seconds",
     "How long an event loop was away from the network, from a poll's return to the next."},
    {"kneepoint_agent_outbox_batches", "Seconds that the coordinator has not acknowledged yet."},
    {"kneepoint_agent_outbox_bytes", "Size of what the coordinator has not acknowledged yet."},
    {"kneepoint_agent_output_tokens_total",
     "Output tokens of the requests that ended: usage, or content chunks where the server tells none."},
    {"kneepoint_agent_requests_total", "Requests that ended, by outcome."},
    {"kneepoint_agent_resident_memory_bytes", "Resident memory of the process, as last measured in a run."},
    {"kneepoint_agent_run_info", "Always 1; the run that the agent serves, while it does."},
    {"kneepoint_agent_state",
     "1 for the state that the agent is in: joining, joined, ready, loading, draining, drained, lost."},
    kBuildInfo,
});

/// A stall of 10 ms is noticeable in a TPOT, one of 100 ms in any figure. Few: there may be a thousand
/// agents.
const std::vector<double>& loop_gap_bounds() {
  static const std::vector<double> bounds = {0.0001, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1};
  return bounds;
}

}  // namespace

std::span<const MetricDefinition> agent_metric_definitions() {
  return kAgentDefinitions;
}

class AgentMetrics::Impl {
 public:
  Impl(const Build& build, std::shared_ptr<const Lease> lease, const Clock& clock)
      : lease_(std::move(lease)), clock_(clock), exposition_(agent_metric_definitions(), build) {
    auto& by_outcome = exposition_.counters("kneepoint_agent_requests_total");
    for (const Outcome outcome : kOutcomes) {
      requests_[static_cast<std::size_t>(outcome)] =
          &by_outcome.Add({{"outcome", std::string(to_string(outcome))}});
    }
    auto& by_state = exposition_.gauges("kneepoint_agent_state");
    for (std::size_t i = 0; i < std::size(kStates); ++i)
      states_[i] = &by_state.Add({{"state", std::string(kStates[i])}});
    set({.state = kStates[0]});
  }

  void observe(const SnapshotBatch& batch) {
    const auto lock = exposition_.hold();
    for (const SecondSnapshot& second : batch.seconds) {
      for (const auto& [key, stats] : second.series) {
        for (std::size_t i = 0; i < kOutcomeCount; ++i)
          requests_[i]->Increment(static_cast<double>(stats.outcomes[i]));
        output_tokens_.Increment(static_cast<double>(stats.usage_tokens + stats.chunks_without_usage));
        content_chunks_.Increment(static_cast<double>(stats.chunks));
      }
      const GeneratorStats& generator = second.generator;
      cpu_user_.Increment(std::max(0.0, generator.cpu_user));
      cpu_system_.Increment(std::max(0.0, generator.cpu_system));
      loop_gap_.observe(generator.loop_gap);
      // Late additions to an earlier second come first and are no news of now.
      if (second.second < newest_) continue;
      newest_ = second.second;
      busiest_thread_.Set(generator.busiest_thread);
      if (generator.resident_bytes > 0) resident_memory_.Set(static_cast<double>(generator.resident_bytes));
    }
    in_flight_.Set(batch.in_flight);
  }

  void set(const AgentStanding& standing) {
    const auto lock = exposition_.hold();
    for (std::size_t i = 0; i < std::size(kStates); ++i)
      states_[i]->Set(kStates[i] == standing.state ? 1 : 0);
    if (standing.run_id != run_id_) {
      if (!run_id_.empty()) put(run_info_, {{"run_id", run_id_}}, std::nullopt);
      run_id_ = standing.run_id;
      if (!run_id_.empty()) put(run_info_, {{"run_id", run_id_}}, 1);
    }
    outbox_batches_.Set(static_cast<double>(standing.outbox_batches));
    outbox_bytes_.Set(static_cast<double>(standing.outbox_bytes));
    clock_offset_.Set(to_seconds(standing.clock_offset));
    clock_uncertainty_.Set(to_seconds(standing.clock_uncertainty));
    const bool may_load =
        standing.state == "loading" || standing.state == "draining" || standing.state == "lost";
    if (may_load) return;
    in_flight_.Set(0);
    busiest_thread_.Set(0);
    newest_ = kNoSecond;  // another run counts from its own zero
  }

  std::string text() {
    {
      const auto lock = exposition_.hold();
      const MonoTime now = clock_.now();
      const MonoTime until = lease_->until();
      lease_left_.Set(until > now ? to_seconds(until - now) : 0);
    }
    return exposition_.text();
  }

 private:
  static constexpr std::int64_t kNoSecond = -1;

  prometheus::Gauge& gauge(std::string_view name) { return exposition_.gauges(name).Add({}); }

  const std::shared_ptr<const Lease> lease_;
  const Clock& clock_;
  Exposition exposition_;
  std::array<prometheus::Counter*, kOutcomeCount> requests_{};
  std::array<prometheus::Gauge*, std::size(kStates)> states_{};
  prometheus::Counter& output_tokens_ = exposition_.counters("kneepoint_agent_output_tokens_total").Add({});
  prometheus::Counter& content_chunks_ = exposition_.counters("kneepoint_agent_content_chunks_total").Add({});
  CounterFamily& cpu_ = exposition_.counters("kneepoint_agent_cpu_seconds_total");
  prometheus::Counter& cpu_user_ = cpu_.Add({{"mode", "user"}});
  prometheus::Counter& cpu_system_ = cpu_.Add({{"mode", "system"}});
  BulkHistogram loop_gap_ = exposition_.histogram("kneepoint_agent_loop_gap_seconds", {}, loop_gap_bounds());
  GaugeFamily& run_info_ = exposition_.gauges("kneepoint_agent_run_info");
  prometheus::Gauge& in_flight_ = gauge("kneepoint_agent_inflight_requests");
  prometheus::Gauge& busiest_thread_ = gauge("kneepoint_agent_busiest_thread_ratio");
  prometheus::Gauge& resident_memory_ = gauge("kneepoint_agent_resident_memory_bytes");
  prometheus::Gauge& outbox_batches_ = gauge("kneepoint_agent_outbox_batches");
  prometheus::Gauge& outbox_bytes_ = gauge("kneepoint_agent_outbox_bytes");
  prometheus::Gauge& clock_offset_ = gauge("kneepoint_agent_clock_offset_seconds");
  prometheus::Gauge& clock_uncertainty_ = gauge("kneepoint_agent_clock_uncertainty_seconds");
  prometheus::Gauge& lease_left_ = gauge("kneepoint_agent_lease_seconds");
  std::int64_t newest_ = kNoSecond;
  std::string run_id_;
};

AgentMetrics::AgentMetrics(const Build& build, std::shared_ptr<const Lease> lease, const Clock& clock)
    : impl_(std::make_unique<Impl>(build, std::move(lease), clock)) {}
AgentMetrics::~AgentMetrics() = default;

void AgentMetrics::observe(const SnapshotBatch& batch) {
  impl_->observe(batch);
}
void AgentMetrics::set(const AgentStanding& standing) {
  impl_->set(standing);
}
std::string AgentMetrics::text() const {
  return impl_->text();
}

}  // namespace kneepoint::agent
