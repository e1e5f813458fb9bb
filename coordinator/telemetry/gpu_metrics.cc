#include "coordinator/telemetry/gpu_metrics.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace kneepoint::coordinator {
namespace {

using enum Signal;

enum class CardCombine { kSum, kSumOfCards, kMean, kMax };

struct GpuMetric {
  Signal signal;
  std::string_view name;
  CardCombine combine;
  double scale;
};

constexpr double kMiB = 1024.0 * 1024.0;

/// The first name that is exposed counts.
constexpr GpuMetric kGpuMetrics[] = {
    {kGpuMemoryUsed, "DCGM_FI_DEV_FB_USED", CardCombine::kSum, kMiB},
    {kGpuPower, "DCGM_FI_DEV_POWER_USAGE", CardCombine::kSumOfCards, 1},
    {kGpuEnergy, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", CardCombine::kSumOfCards, 1e-3},
    {kGpuTemperature, "DCGM_FI_DEV_GPU_TEMP", CardCombine::kMax, 1},
    {kGpuUtil, "DCGM_FI_DEV_GPU_UTIL", CardCombine::kMean, 1e-2},
    {kGpuSmActive, "DCGM_FI_PROF_SM_ACTIVE", CardCombine::kMean, 1},
    {kGpuSmActive, "DCGM_FI_PROF_GR_ENGINE_ACTIVE", CardCombine::kMean, 1},
    {kGpuTensorActive, "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", CardCombine::kMean, 1},
    {kGpuDramActive, "DCGM_FI_PROF_DRAM_ACTIVE", CardCombine::kMean, 1},
};
/// The total is what is used, free and reserved; newer exporters list the last apart.
constexpr std::string_view kMemoryParts[] = {"DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE",
                                             "DCGM_FI_DEV_FB_RESERVED"};
/// DCGM's "blank" values (not supported, no permission, …) start here; real ones are far below.
constexpr double kBlank = 0x7ffffff0;

using Card = std::pair<std::string, std::string>;  // UUID (or number), MIG slice

std::map<Card, double> by_card(const std::vector<MetricSample>& samples, std::string_view name, bool slices,
                               const std::map<std::string, std::string>& labels) {
  std::map<Card, double> cards;
  const bool grows = name == "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION";
  for (const MetricSample& sample : samples) {
    if (sample.name != name || !std::isfinite(sample.value) || sample.value < 0) continue;
    if (!grows && sample.value >= kBlank) continue;
    const bool chosen = std::all_of(labels.begin(), labels.end(), [&](const auto& wanted) {
      return sample.label(wanted.first) == wanted.second;
    });
    if (!chosen) continue;
    std::string card(sample.label("UUID"));
    if (card.empty()) card = std::string(sample.label("Hostname")) + '/' + std::string(sample.label("gpu"));
    double& value = cards[{card, slices ? std::string(sample.label("GPU_I_ID")) : ""}];
    value = std::max(value, sample.value);
  }
  return cards;
}

double sum_of(const std::map<Card, double>& cards) {
  double sum = 0;
  for (const auto& [card, value] : cards) sum += value;
  return sum;
}

double combine_cards(const std::map<Card, double>& cards, CardCombine how) {
  if (how == CardCombine::kMax) {
    return std::max_element(cards.begin(), cards.end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; })
        ->second;
  }
  return how == CardCombine::kMean ? sum_of(cards) / static_cast<double>(cards.size()) : sum_of(cards);
}

}  // namespace

bool is_gpu_metric(std::string_view name) {
  if (!name.starts_with("DCGM_FI_")) return false;
  return std::any_of(std::begin(kGpuMetrics), std::end(kGpuMetrics),
                     [&](const GpuMetric& m) { return m.name == name; }) ||
         std::find(std::begin(kMemoryParts), std::end(kMemoryParts), name) != std::end(kMemoryParts);
}

SignalValues read_gpu_metrics(const std::vector<MetricSample>& samples,
                              const std::map<std::string, std::string>& labels) {
  SignalValues values;
  for (const GpuMetric& metric : kGpuMetrics) {
    if (values.contains(metric.signal)) continue;
    const auto cards = by_card(samples, metric.name, metric.combine != CardCombine::kSumOfCards, labels);
    if (!cards.empty()) values[metric.signal] = combine_cards(cards, metric.combine) * metric.scale;
  }
  const auto free = by_card(samples, kMemoryParts[1], true, labels);
  if (values.contains(kGpuMemoryUsed) && !free.empty()) {
    const double reserved = sum_of(by_card(samples, kMemoryParts[2], true, labels));
    values[kGpuMemoryTotal] = values[kGpuMemoryUsed] + (sum_of(free) + reserved) * kMiB;
  }
  return values;
}

}  // namespace kneepoint::coordinator
