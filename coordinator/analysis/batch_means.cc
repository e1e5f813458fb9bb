#include "coordinator/analysis/batch_means.h"

#include <algorithm>
#include <cmath>

#include "coordinator/analysis/statistics.h"

namespace kneepoint::coordinator {
namespace {
constexpr int kFewest = 5;
constexpr int kMost = 10;
constexpr double kFinestBin = 0.5;
constexpr double kNormal95 = 1.959963984540054;
}  // namespace

std::optional<Batches> plan_batches(double window_seconds, double residence_seconds) {
  const double shortest = std::max(2 * residence_seconds, kFinestBin);
  const double fitting = std::floor(window_seconds / shortest + 1e-9);
  if (fitting >= kFewest) return Batches{static_cast<int>(std::min<double>(fitting, kMost)), false};
  if (window_seconds / kFewest < kFinestBin) return std::nullopt;
  return Batches{kFewest, true};
}

std::vector<double> batch_sums(std::span<const double> bins, int count) {
  std::vector<double> sums(static_cast<std::size_t>(count), 0.0);
  const double width = static_cast<double>(bins.size()) / count;
  for (std::size_t b = 0; b < sums.size(); ++b) {
    const double begin = width * static_cast<double>(b);
    const double end = width * static_cast<double>(b + 1);
    for (auto i = static_cast<std::size_t>(begin); i < bins.size() && static_cast<double>(i) < end; ++i) {
      const double at = static_cast<double>(i);
      sums[b] += bins[i] * std::max(0.0, std::min(end, at + 1) - std::max(begin, at));
    }
  }
  return sums;
}

std::size_t batch_of(std::size_t index, std::size_t bins, int count) {
  return index * static_cast<std::size_t>(count) / bins;
}

double batch_standard_error(std::span<const double> batch_values, const Batches& batches) {
  const double se = moments(batch_values).stddev / std::sqrt(static_cast<double>(batch_values.size()));
  return batches.short_window ? 2 * se : se;
}

double edge_error(double burst, double window_seconds) {
  return burst / window_seconds / std::sqrt(6.0);
}

Estimate batch_estimate(double value, std::span<const double> batch_values, const Batches& batches,
                        double smallest_error) {
  const double se = batch_standard_error(batch_values, batches);
  const double half =
      std::max(student_t(0.975, static_cast<double>(batches.count - 1)) * se, kNormal95 * smallest_error);
  return {.value = value,
          .ci95 = Interval{std::max(0.0, value - half), value + half},
          .standard_error = std::max(se, smallest_error)};
}

}  // namespace kneepoint::coordinator
