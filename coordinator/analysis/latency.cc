#include "coordinator/analysis/latency.h"

#include <vector>

#include "coordinator/analysis/statistics.h"

namespace kneepoint::coordinator {
namespace {

/// @param fewest samples that a batch needs.
std::optional<Interval> quantile_interval(const std::optional<double>& pooled, double q,
                                          std::span<const Histogram> batch_histograms, const Batches& batches,
                                          std::uint64_t fewest) {
  if (!pooled) return std::nullopt;
  std::vector<double> quantiles;
  for (const Histogram& histogram : batch_histograms) {
    if (histogram.count() < fewest) return std::nullopt;
    quantiles.push_back(*histogram.quantile_seconds(q));
  }
  return batch_estimate(*pooled, quantiles, batches).ci95;
}

}  // namespace

LatencySummary summarise(const Histogram& pooled) {
  static const std::uint64_t kForP90 = minimum_count(0.90);
  static const std::uint64_t kForP95 = minimum_count(0.95);
  static const std::uint64_t kForP99 = minimum_count(0.99);
  LatencySummary summary{.count = pooled.count()};
  if (pooled.empty()) return summary;
  summary.mean = pooled.mean_seconds();
  summary.stddev = pooled.stddev_seconds();
  summary.min = pooled.min_seconds();
  summary.max = pooled.max_seconds();
  summary.p50 = pooled.quantile_seconds(0.50);
  if (pooled.count() >= kForP90) summary.p90 = pooled.quantile_seconds(0.90);
  if (pooled.count() >= kForP95) summary.p95 = pooled.quantile_seconds(0.95);
  if (pooled.count() >= kForP99) summary.p99 = pooled.quantile_seconds(0.99);
  return summary;
}

LatencySummary summarise(const Histogram& pooled, std::span<const Histogram* const> by_second,
                         const std::optional<Batches>& batches) {
  LatencySummary summary = summarise(pooled);
  if (!batches || pooled.empty()) return summary;
  std::vector<Histogram> batch_histograms(static_cast<std::size_t>(batches->count));
  for (std::size_t i = 0; i < by_second.size(); ++i) {
    batch_histograms[batch_of(i, by_second.size(), batches->count)].merge(*by_second[i]);
  }
  summary.p50_ci95 = quantile_interval(summary.p50, 0.50, batch_histograms, *batches, 5);
  summary.p95_ci95 = quantile_interval(summary.p95, 0.95, batch_histograms, *batches, 20);
  return summary;
}

}  // namespace kneepoint::coordinator
