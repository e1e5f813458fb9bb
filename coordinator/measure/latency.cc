#include "coordinator/measure/latency.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "coordinator/measure/statistics.h"

namespace kneepoint::coordinator {
namespace {

/// Σ of the squared shares that the batches have in what lies around the pooled q-quantile: 1/n where all
/// have the same. Under a moving load that quantile is made by the few batches that it lies in the midst of,
/// and their errors are averaged over no more than those.
double concentration(const Histogram& pooled, double q, std::span<const Histogram> batch_histograms) {
  const double reach = std::min(0.05, (1 - q) / 2);
  const double low = *pooled.quantile_seconds(q - reach), high = *pooled.quantile_seconds(q + reach);
  double all = 0, squares = 0;
  for (const Histogram& histogram : batch_histograms) {
    const double near = histogram.count_above(low) - histogram.count_above(high);
    all += near;
    squares += near * near;
  }
  return all > 0 ? squares / (all * all) : 1 / static_cast<double>(batch_histograms.size());
}

/// @param fewest samples that a batch needs.
std::optional<Interval> quantile_interval(const Histogram& pooled, double q,
                                          std::span<const Histogram> batch_histograms, const Batches& batches,
                                          std::uint64_t fewest) {
  std::vector<double> quantiles;
  for (const Histogram& histogram : batch_histograms) {
    if (histogram.count() < fewest) return std::nullopt;
    quantiles.push_back(*histogram.quantile_seconds(q));
  }
  const double value = *pooled.quantile_seconds(q);
  if (!batches.moving) return batch_estimate(value, quantiles, batches).ci95;
  const double half = student_t(0.975, batches.degrees_of_freedom()) * batch_spread(quantiles, batches) *
                      std::sqrt(concentration(pooled, q, batch_histograms));
  return Interval{std::max(0.0, value - half), value + half};
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
  if (summary.p50) summary.p50_ci95 = quantile_interval(pooled, 0.50, batch_histograms, *batches, 5);
  if (summary.p95) summary.p95_ci95 = quantile_interval(pooled, 0.95, batch_histograms, *batches, 20);
  return summary;
}

}  // namespace kneepoint::coordinator
