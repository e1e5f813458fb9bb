#include "coordinator/telemetry/telemetry_series.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "coordinator/telemetry/pod_figures.h"
#include "coordinator/telemetry/readings.h"
#include "coordinator/telemetry/role_figures.h"

namespace kneepoint::coordinator {
namespace {

bool is_gpu(Signal signal) {
  return signal >= Signal::kGpuMemoryUsed;
}

/// As its last reading has it.
const std::string& last_role(const Readings& readings) {
  static const std::string none;
  return readings.empty() ? none : readings.rbegin()->second.role;
}

enum class Combine { kSum, kMean, kMax };

Combine over_sources(Signal signal) {
  switch (signal) {
    case Signal::kKvUsage:
    case Signal::kGpuTemperature:
    case Signal::kProcessCpu:
    case Signal::kEngineCpu:
    case Signal::kProcessStart:
      return Combine::kMax;
    case Signal::kPrefixHitRatio:
    case Signal::kSpecAcceptRatio:
    case Signal::kSpecAcceptLength:
    case Signal::kGpuUtil:
    case Signal::kGpuSmActive:
    case Signal::kGpuTensorActive:
    case Signal::kGpuDramActive:
      return Combine::kMean;
    default:
      return Combine::kSum;
  }
}

double combine(const std::vector<double>& values, Combine how) {
  if (how == Combine::kMax) return *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) sum += value;
  return how == Combine::kMean ? sum / static_cast<double>(values.size()) : sum;
}

}  // namespace

void StepTelemetry::forget_times() {
  for (auto figure : {&StepTelemetry::running_by_time, &StepTelemetry::waiting_by_time,
                      &StepTelemetry::queue_time_mean_seconds, &StepTelemetry::prefill_time_mean_seconds,
                      &StepTelemetry::ttft_mean_seconds})
    (this->*figure).reset();
}

void StepTelemetry::forget_counters() {
  forget_times();
  for (auto figure :
       {&StepTelemetry::preemptions_per_second, &StepTelemetry::iteration_tokens_mean,
        &StepTelemetry::front_end_cpu_cores, &StepTelemetry::engine_cpu_cores,
        &StepTelemetry::prefix_hit_ratio, &StepTelemetry::spec_acceptance_ratio,
        &StepTelemetry::spec_acceptance_length, &StepTelemetry::spec_draft_tokens_per_second,
        &StepTelemetry::server_tokens_per_second, &StepTelemetry::server_prompt_tokens_per_second,
        &StepTelemetry::server_requests_per_second}) {
    (this->*figure).reset();
  }
  gpu.joules_per_token.reset();
  pods.clear();
}

void TelemetrySeries::add(TelemetrySample sample) {
  const std::int64_t second = sample.second;
  by_source_[{sample.target, sample.source}][second] = std::move(sample);
}

std::vector<TelemetrySample> TelemetrySeries::samples() const {
  std::vector<TelemetrySample> all;
  for (const auto& [source, readings] : by_source_) {
    for (const auto& [second, sample] : readings) all.push_back(sample);
  }
  std::stable_sort(all.begin(), all.end(), [](const TelemetrySample& a, const TelemetrySample& b) {
    return std::tie(a.second, a.target, a.source) < std::tie(b.second, b.target, b.source);
  });
  return all;
}

std::vector<const Readings*> TelemetrySeries::sources_of(std::string_view target, Signal signal) const {
  std::vector<const Readings*> sources, nvml;
  for (const auto& [key, readings] : by_source_) {
    const auto& [its_target, source] = key;
    if (its_target != target && !(its_target.empty() && is_gpu(signal))) continue;
    if (!is_gpu(signal) && !speaks_for_target(last_role(readings), signal)) continue;
    const bool has = std::any_of(readings.begin(), readings.end(),
                                 [&](const auto& entry) { return entry.second.values.contains(signal); });
    if (has) (source == "nvml" ? nvml : sources).push_back(&readings);
  }
  return sources.empty() ? nvml : sources;
}

StepTelemetry TelemetrySeries::summarise(std::string_view target, double begin, double end) const {
  // One figure of every source's gauge, combined.
  const auto gauge = [&](Signal signal, auto figure, Combine how) -> std::optional<double> {
    std::vector<double> values;
    for (const Readings* readings : sources_of(target, signal)) {
      if (const auto g = gauge_of(*readings, signal, begin, end)) values.push_back(figure(*g));
    }
    if (values.empty()) return std::nullopt;
    return combine(values, how);
  };
  const auto mean = [](const Gauge& g) { return g.mean(); };
  const auto max = [](const Gauge& g) { return g.max; };
  const auto rate = [&](Signal signal) -> std::optional<double> {
    std::optional<double> sum;
    for (const Readings* readings : sources_of(target, signal)) {
      const auto growth = growth_of(*readings, signal, begin, end);
      if (growth) sum = sum.value_or(0) + growth->increase / growth->seconds;
    }
    return sum;
  };
  const auto increase = [&](Signal signal) -> std::optional<double> {
    std::optional<double> sum;
    for (const Readings* readings : sources_of(target, signal)) {
      const auto growth = growth_of(*readings, signal, begin, end);
      if (growth) sum = sum.value_or(0) + growth->increase;
    }
    return sum;
  };
  const auto ratio = [&](Signal over, Signal under) -> std::optional<double> {
    const auto numerator = increase(over);
    const auto denominator = increase(under);
    if (!numerator || !denominator || *denominator <= 0) return std::nullopt;
    return *numerator / *denominator;
  };

  const auto busiest = [&](Signal signal) -> std::optional<double> {
    std::optional<double> most;
    for (const Readings* readings : sources_of(target, signal)) {
      const auto growth = growth_of(*readings, signal, begin, end);
      if (growth) most = std::max(most.value_or(0), growth->increase / growth->seconds);
    }
    return most;
  };

  StepTelemetry step;
  for (const Readings* readings : sources_of(target, Signal::kRunning)) {
    if (gauge_of(*readings, Signal::kRunning, begin, end)) ++step.engine_sources;
  }
  step.running_mean = gauge(Signal::kRunning, mean, Combine::kSum);
  step.waiting_mean = gauge(Signal::kWaiting, mean, Combine::kSum);
  step.running_max = gauge(Signal::kRunning, max, Combine::kSum);
  step.running_by_time = rate(Signal::kInferenceTimeSum);
  step.waiting_by_time = rate(Signal::kQueueTimeSum);
  step.kv_usage_mean = gauge(Signal::kKvUsage, mean, Combine::kMean);
  step.kv_usage_max = gauge(Signal::kKvUsage, max, Combine::kMax);
  step.preemptions_per_second = rate(Signal::kPreemptions);
  step.queue_time_mean_seconds = ratio(Signal::kQueueTimeSum, Signal::kQueueTimeCount);
  step.prefill_time_mean_seconds = ratio(Signal::kPrefillTimeSum, Signal::kPrefillTimeCount);
  step.ttft_mean_seconds = ratio(Signal::kServerTtftSum, Signal::kServerTtftCount);
  step.iteration_tokens_mean = ratio(Signal::kIterationTokensSum, Signal::kIterationTokensCount);
  step.front_end_cpu_cores = busiest(Signal::kProcessCpu);
  step.engine_cpu_cores = busiest(Signal::kEngineCpu);
  step.prefix_hit_ratio = ratio(Signal::kPrefixHits, Signal::kPrefixQueries);
  if (!step.prefix_hit_ratio) step.prefix_hit_ratio = gauge(Signal::kPrefixHitRatio, mean, Combine::kMean);
  step.spec_draft_tokens_per_second = rate(Signal::kSpecDraftTokens);
  step.spec_acceptance_ratio = ratio(Signal::kSpecAccepted, Signal::kSpecDraftTokens);
  if (const auto extra = ratio(Signal::kSpecAccepted, Signal::kSpecDrafts))
    step.spec_acceptance_length = 1 + *extra;
  if (!step.spec_acceptance_ratio) {
    step.spec_acceptance_ratio = gauge(Signal::kSpecAcceptRatio, mean, Combine::kMean);
    step.spec_acceptance_length = gauge(Signal::kSpecAcceptLength, mean, Combine::kMean);
  }
  step.server_tokens_per_second = rate(Signal::kGenerationTokens);
  step.server_prompt_tokens_per_second = rate(Signal::kPromptTokens);
  step.server_requests_per_second = rate(Signal::kRequestsFinished);

  step.pods = pod_figures(pages(target), begin, end);
  step.roles = role_figures(pages_of_all_roles(target), begin, end);
  step.kv_transfer_mean_seconds = ratio(Signal::kKvTransferSum, Signal::kKvTransferCount);
  step.kv_transferring = gauge(Signal::kKvTransferring, mean, Combine::kSum);
  if (!step.kv_transferring) step.kv_transferring = rate(Signal::kKvTransferSum);
  step.kv_transfers_failed_per_second = rate(Signal::kKvTransferFailed);

  GpuTelemetry& gpu = step.gpu;
  gpu.memory_peak_bytes = gauge(Signal::kGpuMemoryUsed, max, Combine::kSum);
  gpu.process_memory_peak_bytes = gauge(Signal::kGpuProcessMemory, max, Combine::kSum);
  gpu.memory_total_bytes = gauge(Signal::kGpuMemoryTotal, max, Combine::kSum);
  gpu.power_mean_watts = gauge(Signal::kGpuPower, mean, Combine::kSum);
  if (const auto watts = rate(Signal::kGpuEnergy)) {
    gpu.energy_joules = *watts * (end - begin);
  } else if (gpu.power_mean_watts) {
    gpu.energy_joules = *gpu.power_mean_watts * (end - begin);
  }
  if (gpu.energy_joules && step.server_tokens_per_second.value_or(0) > 0) {
    gpu.joules_per_token = *gpu.energy_joules / (*step.server_tokens_per_second * (end - begin));
  }
  gpu.util_mean = gauge(Signal::kGpuUtil, mean, Combine::kMean);
  gpu.sm_active_mean = gauge(Signal::kGpuSmActive, mean, Combine::kMean);
  gpu.tensor_active_mean = gauge(Signal::kGpuTensorActive, mean, Combine::kMean);
  gpu.dram_active_mean = gauge(Signal::kGpuDramActive, mean, Combine::kMean);
  gpu.temperature_max_celsius = gauge(Signal::kGpuTemperature, max, Combine::kMax);
  return step;
}

std::vector<EnginePage> TelemetrySeries::pages(std::string_view target) const {
  std::vector<EnginePage> pages = pages_of_all_roles(target);
  std::erase_if(pages,
                [](const EnginePage& page) { return page.role == "prefill" || page.role == "router"; });
  return pages;
}

std::vector<EnginePage> TelemetrySeries::pages_of_all_roles(std::string_view target) const {
  std::vector<EnginePage> pages;
  for (const auto& [key, readings] : by_source_) {
    const bool engine = std::any_of(readings.begin(), readings.end(), [](const auto& entry) {
      return entry.second.values.contains(Signal::kGenerationTokens) ||
             entry.second.values.contains(Signal::kRunning) ||
             entry.second.values.contains(Signal::kRouterWaiting);
    });
    if (key.first == target && engine) pages.push_back({key.second, &readings, last_role(readings)});
  }
  return pages;
}

const Readings* TelemetrySeries::bystander_readings(std::string_view target) const {
  for (const auto& [key, readings] : by_source_) {
    if (key.first == target && !readings.empty() &&
        readings.begin()->second.values.contains(Signal::kBystanderRequests))
      return &readings;
  }
  return nullptr;
}

std::optional<BystanderFigures> TelemetrySeries::bystander(std::string_view target, double begin,
                                                           double end) const {
  const Readings* readings = bystander_readings(target);
  if (readings == nullptr) return std::nullopt;
  BystanderFigures figures;
  std::vector<double> waits;
  const TelemetrySample* before = nullptr;
  for (const auto& [second, sample] : *readings) {
    if (static_cast<double>(second) >= end) break;
    if (static_cast<double>(second) >= begin) {
      const auto more = [&](Signal signal) {
        const double earlier = before == nullptr ? 0 : value_of(*before, signal).value_or(0);
        // A coordinator that went on with the run counts from zero.
        return static_cast<std::size_t>(step_between(earlier, value_of(sample, signal).value_or(0)));
      };
      figures.requests += more(Signal::kBystanderRequests);
      figures.failed += more(Signal::kBystanderFailed);
      if (const auto wait = value_of(sample, Signal::kBystanderTtft)) waits.push_back(*wait);
    }
    before = &sample;
  }
  if (figures.requests + figures.failed == 0) return std::nullopt;
  if (!waits.empty()) {
    const auto middle = waits.begin() + static_cast<std::ptrdiff_t>(waits.size() / 2);
    std::nth_element(waits.begin(), middle, waits.end());
    figures.ttft_p50_seconds = *middle;
    figures.ttft_max_seconds = *std::max_element(waits.begin(), waits.end());
  }
  return figures;
}

std::map<std::int64_t, double> TelemetrySeries::timeline(std::string_view target, Signal signal) const {
  const bool counter = signals()[static_cast<std::size_t>(signal)].counter;
  std::map<std::int64_t, std::vector<double>> by_second;
  for (const Readings* readings : sources_of(target, signal)) {
    std::optional<std::pair<double, double>> previous;
    for (const auto& [second, sample] : *readings) {
      const auto value = value_of(sample, signal);
      if (!value) continue;
      if (!counter) {
        by_second[second].push_back(*value);
      } else if (previous) {
        const double elapsed = std::max(1e-3, sample.instant() - previous->first);
        by_second[second].push_back(step_between(previous->second, *value) / elapsed);
      }
      previous = {sample.instant(), *value};
    }
  }
  std::map<std::int64_t, double> line;
  for (const auto& [second, values] : by_second) line[second] = combine(values, over_sources(signal));
  return line;
}

}  // namespace kneepoint::coordinator
