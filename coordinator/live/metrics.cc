#include "coordinator/live/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "common/serve/exposition.h"
#include "coordinator/live/metric_definitions.h"
#include "coordinator/live/token_estimate.h"
#include "coordinator/telemetry/readings.h"

namespace kneepoint::coordinator {
namespace {

using prometheus::Labels;

}  // namespace

RunIdentity identity_of(const Plan& plan, std::string run_id, Build build) {
  RunIdentity identity;
  identity.run_id = std::move(run_id);
  identity.plan = plan.name;
  identity.build = std::move(build);
  for (const kneepoint::Cell& cell : cells_of(plan)) {
    const Target& target = plan.targets.at(cell.target);
    identity.cells.push_back({plan.scenarios.at(cell.scenario).name, target.name, target.model, cell.slo});
  }
  return identity;
}

class Metrics::Impl {
 public:
  explicit Impl(RunIdentity identity) : identity_(std::move(identity)) {
    GaugeFamily& run_info = gauges("kneepoint_run_info");
    cells_.reserve(identity_.cells.size());
    for (const RunIdentity::Cell& cell : identity_.cells) {
      const Labels labels = cell_labels(cell.target, cell.scenario);
      Labels info = labels;
      info.emplace("plan", identity_.plan);
      info.emplace("model", cell.model);
      run_info.Add(info).Set(1);
      cells_.emplace_back(*this, labels, !cell.slo.empty());
      for (const SloLimit& limit : cell.slo) set_slo_limit(labels, limit);
    }
    set_agents({});
  }

  void observe(const SnapshotBatch& batch) {
    const auto lock = exposition_.hold();
    for (const SecondSnapshot& second : batch.seconds) {
      for (const auto& [key, stats] : second.series) {
        if (key.cell < cells_.size()) cells_[key.cell].observe(stats);
      }
      receive_lag_.observe(second.generator.rx_lag);
      schedule_lag_.observe(second.generator.send_lag);
    }
  }

  void set_target_concurrency(std::uint32_t cell, std::uint32_t concurrency) {
    const auto lock = exposition_.hold();
    for (std::size_t i = 0; i < cells_.size(); ++i)
      cells_[i].target_concurrency.Set(i == cell ? concurrency : 0);
  }

  void set_in_flight(std::uint32_t cell, std::uint32_t requests) {
    const auto lock = exposition_.hold();
    for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i].in_flight.Set(i == cell ? requests : 0);
  }

  void set_agents(const AgentCounts& agents) {
    const auto lock = exposition_.hold();
    agents_.Add({{"state", "awaited"}}).Set(static_cast<double>(agents.awaited));
    agents_.Add({{"state", "ready"}}).Set(static_cast<double>(agents.ready));
    agents_.Add({{"state", "running"}}).Set(static_cast<double>(agents.running));
    agents_.Add({{"state", "lost"}}).Set(static_cast<double>(agents.lost));
  }

  void set_start_skew(Nanos skew) {
    const auto lock = exposition_.hold();
    start_skew_.Add({}).Set(to_seconds(skew));
  }

  void set_bystander(const TelemetrySample& sample) {
    const auto lock = exposition_.hold();
    const Labels labels = {{"target", sample.target}};
    if (const auto ttft = value_of(sample, Signal::kBystanderTtft)) put(bystander_ttft_, labels, ttft);
    for (const auto& [outcome, signal] :
         {std::pair("success", Signal::kBystanderRequests), {"failed", Signal::kBystanderFailed}}) {
      Labels with_outcome = labels;
      with_outcome.emplace("outcome", outcome);
      prometheus::Counter& total = counter("kneepoint_bystander_requests_total", with_outcome);
      total.Increment(std::max(0.0, value_of(sample, signal).value_or(0) - total.Value()));
    }
  }

  void set_step(const ScenarioResult& result, const Step& step, std::size_t index) {
    if (index >= kMaxSteps) return;
    const auto lock = exposition_.hold();
    Labels labels = cell_labels(result.target, result.scenario);
    labels.emplace("step", fmt::format("{:02}", index + 1));
    put(step_.target_concurrency, labels, step.concurrency);
    put(step_.target_request_rate, labels, step.offered_rate);
    put(step_.achieved_concurrency, labels, step.achieved_concurrency);
    put(step_.requests_per_second, labels, step.requests_per_second.value);
    put(step_.output_tokens_per_second, labels, step.output_tokens_per_second.value);
    put(step_.goodput_ratio, labels, step.goodput_ratio);
    put(step_.error_ratio, labels, step.error_ratio);
    put(step_.duration, labels, step.duration_seconds);
    put(step_.valid, labels, step.valid ? 1 : 0);
    put_percentiles(step_.time_to_first_token, labels, step.ttft_seconds);
    put_percentiles(step_.time_per_output_token, labels, step.tpot_seconds);
    put_percentiles(step_.request_duration, labels, step.e2e_seconds);
  }

  void set_saturation(const ScenarioResult& result) {
    const auto lock = exposition_.hold();
    std::optional<double> slo;
    if (result.slo.joint) {
      slo = result.slo.joint->concurrency;
    } else if (result.slo.criteria.size() == 1) {
      slo = result.slo.criteria.front().concurrency;
    }
    std::optional<double> queue;
    for (const Step& step : result.steps) {
      if (std::find(step.flags.begin(), step.flags.end(), "QUEUEING BEGINS") == step.flags.end()) continue;
      queue = std::min(queue.value_or(step.load()), step.load());
    }
    const auto set = [&](const char* criterion, std::optional<double> value) {
      Labels labels = cell_labels(result.target, result.scenario);
      labels.emplace("criterion", criterion);
      put(is_rate(result.load_kind()) ? saturation_rate_ : saturation_, labels, value);
    };
    set("knee", result.saturation.concurrency);
    // What is known of it where no point is claimed, and how well where one is.
    const auto& ci95 = result.saturation.ci95;
    set("knee_low", ci95 ? std::optional(ci95->low) : result.saturation.lower_bound);
    set("knee_high", ci95 ? std::optional(ci95->high) : std::nullopt);
    set("slo", slo);
    set("queue", queue);
  }

  void set_trust(const ScenarioResult& result) {
    constexpr double kReserved = 0.5;
    const auto lock = exposition_.hold();
    const Trust trust = result.verdict.trust();
    put(trust_, cell_labels(result.target, result.scenario),
        trust == Trust::kTrustworthy ? 1
        : trust == Trust::kReserved  ? kReserved
                                     : 0);
  }

  std::string text() const { return exposition_.text(); }

 private:
  /// What one cell counts.
  struct CellSeries {
    CellSeries(Impl& of, const Labels& labels, bool has_slo)
        : target_concurrency(of.gauges("kneepoint_target_concurrency").Add(labels)),
          in_flight(of.gauges("kneepoint_inflight_requests").Add(labels)),
          good(has_slo ? &of.counter("kneepoint_good_requests_total", labels) : nullptr),
          prompt_tokens(of.counter("kneepoint_prompt_tokens_total", labels)),
          output_tokens(of.counter("kneepoint_output_tokens_total", labels)),
          ttft(of.histogram("kneepoint_time_to_first_token_seconds", labels, buckets::time_to_first_token())),
          tpot(of.histogram("kneepoint_time_per_output_token_seconds", labels,
                            buckets::time_per_output_token())),
          icl(of.histogram("kneepoint_inter_chunk_latency_seconds", labels, buckets::inter_chunk_latency())),
          e2e(of.histogram("kneepoint_request_duration_seconds", labels, buckets::request_duration())) {
      for (const Outcome outcome : kOutcomes) {
        Labels with_outcome = labels;
        with_outcome.emplace("outcome", to_string(outcome));
        requests[static_cast<std::size_t>(outcome)] = &of.counter("kneepoint_requests_total", with_outcome);
      }
    }

    void observe(const SeriesStats& stats) {
      for (std::size_t i = 0; i < kOutcomeCount; ++i) {
        requests[i]->Increment(static_cast<double>(stats.outcomes[i]));
      }
      if (good != nullptr) good->Increment(static_cast<double>(stats.joint_good));
      prompt_tokens.Increment(static_cast<double>(stats.prompt_tokens));
      tokens.add(stats);
      output_tokens.Increment(std::max(0.0, tokens.tokens() - output_tokens.Value()));
      ttft.observe(stats.ttft);
      tpot.observe(stats.tpot);
      icl.observe(stats.icl);
      e2e.observe(stats.e2e);
    }

    prometheus::Gauge& target_concurrency;
    prometheus::Gauge& in_flight;
    std::array<prometheus::Counter*, kOutcomeCount> requests{};
    prometheus::Counter* good;
    prometheus::Counter& prompt_tokens;
    prometheus::Counter& output_tokens;
    TokenEstimate tokens;
    BulkHistogram ttft, tpot, icl, e2e;
  };

  /// The gauges of finished steps.
  struct StepGauges {
    explicit StepGauges(Impl& of)
        : target_concurrency(of.gauges("kneepoint_step_target_concurrency")),
          target_request_rate(of.gauges("kneepoint_step_target_request_rate")),
          achieved_concurrency(of.gauges("kneepoint_step_achieved_concurrency")),
          requests_per_second(of.gauges("kneepoint_step_requests_per_second")),
          output_tokens_per_second(of.gauges("kneepoint_step_output_tokens_per_second")),
          goodput_ratio(of.gauges("kneepoint_step_goodput_ratio")),
          error_ratio(of.gauges("kneepoint_step_error_ratio")),
          duration(of.gauges("kneepoint_step_duration_seconds")),
          valid(of.gauges("kneepoint_step_valid")),
          time_to_first_token(of.gauges("kneepoint_step_time_to_first_token_seconds")),
          time_per_output_token(of.gauges("kneepoint_step_time_per_output_token_seconds")),
          request_duration(of.gauges("kneepoint_step_request_duration_seconds")) {}

    GaugeFamily &target_concurrency, &target_request_rate, &achieved_concurrency, &requests_per_second,
        &output_tokens_per_second, &goodput_ratio, &error_ratio, &duration, &valid, &time_to_first_token,
        &time_per_output_token, &request_duration;
  };

  void set_slo_limit(Labels labels, const SloLimit& limit) {
    labels.emplace("figure", to_string(limit.metric));
    labels.emplace("percentile", fmt::format("p{:g}", limit.quantile * 100));
    if (!limit.prompt_class.empty()) labels.emplace("class", limit.prompt_class);
    gauges("kneepoint_slo_limit_seconds").Add(labels).Set(to_seconds(limit.limit));
  }

  static Labels cell_labels(const std::string& target, const std::string& scenario) {
    return {{"scenario", scenario}, {"target", target}};
  }

  static void put_percentiles(GaugeFamily& gauges, Labels labels, const LatencySummary& latency) {
    // The label `quantile` is reserved for summaries.
    std::string& percentile = labels["percentile"];
    for (const auto& [name, value] :
         {std::pair("p50", latency.p50), {"p90", latency.p90}, {"p95", latency.p95}, {"p99", latency.p99}}) {
      percentile = name;
      put(gauges, labels, value);
    }
  }

  GaugeFamily& gauges(std::string_view name) { return exposition_.gauges(name); }
  prometheus::Counter& counter(std::string_view name, const Labels& labels) {
    return exposition_.counters(name).Add(labels);
  }
  BulkHistogram histogram(std::string_view name, const Labels& labels, const std::vector<double>& bounds) {
    return exposition_.histogram(name, labels, bounds);
  }

  const RunIdentity identity_;
  // A scrape sees a batch or a step whole.
  Exposition exposition_{metric_definitions(), identity_.build, {{"run_id", identity_.run_id}}};
  std::vector<CellSeries> cells_;
  BulkHistogram receive_lag_ = histogram("kneepoint_receive_lag_seconds", {}, buckets::generator_lag());
  BulkHistogram schedule_lag_ = histogram("kneepoint_schedule_lag_seconds", {}, buckets::generator_lag());
  GaugeFamily& agents_ = gauges("kneepoint_agents");
  GaugeFamily& start_skew_ = gauges("kneepoint_start_skew_seconds");
  GaugeFamily& bystander_ttft_ = gauges("kneepoint_bystander_time_to_first_token_seconds");
  GaugeFamily& trust_ = gauges("kneepoint_result_trust");
  GaugeFamily& saturation_ = gauges("kneepoint_saturation_concurrency");
  GaugeFamily& saturation_rate_ = gauges("kneepoint_saturation_request_rate");
  StepGauges step_{*this};
};

Metrics::Metrics(RunIdentity identity) : impl_(std::make_unique<Impl>(std::move(identity))) {}
Metrics::~Metrics() = default;

void Metrics::observe(const SnapshotBatch& batch) {
  impl_->observe(batch);
}
void Metrics::set_target_concurrency(std::uint32_t cell, std::uint32_t concurrency) {
  impl_->set_target_concurrency(cell, concurrency);
}
void Metrics::set_in_flight(std::uint32_t cell, std::uint32_t requests) {
  impl_->set_in_flight(cell, requests);
}
void Metrics::set_agents(const AgentCounts& agents) {
  impl_->set_agents(agents);
}
void Metrics::set_bystander(const TelemetrySample& sample) {
  impl_->set_bystander(sample);
}

void Metrics::set_start_skew(Nanos skew) {
  impl_->set_start_skew(skew);
}
void Metrics::set_step(const ScenarioResult& result, const Step& step, std::size_t index) {
  impl_->set_step(result, step, index);
}
void Metrics::set_trust(const ScenarioResult& result) {
  impl_->set_trust(result);
}

void Metrics::set_saturation(const ScenarioResult& result) {
  impl_->set_saturation(result);
}
std::string Metrics::text() const {
  return impl_->text();
}

}  // namespace kneepoint::coordinator
