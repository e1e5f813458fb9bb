#include "coordinator/measure/batch_means.h"

#include <algorithm>
#include <cmath>

#include "coordinator/measure/statistics.h"

namespace kneepoint::coordinator {
namespace {
constexpr int kFewest = 5;
constexpr int kMost = 10;
constexpr double kFinestBin = 0.5;

/// Least squares over equally spaced values.
struct Line {
  double slope = 0;      ///< Per spacing.
  double leverage = 0;   ///< Σ (place − mean place)²
  double residuals = 0;  ///< Σ of their squares.
};

Line line_through(std::span<const double> values) {
  Line line;
  const double middle = (static_cast<double>(values.size()) - 1) / 2;
  const double mean = moments(values).mean;
  double products = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double place = static_cast<double>(i) - middle;
    line.leverage += place * place;
    products += place * (values[i] - mean);
  }
  line.slope = products / line.leverage;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double off = values[i] - mean - line.slope * (static_cast<double>(i) - middle);
    line.residuals += off * off;
  }
  return line;
}

double spread_about_line(std::span<const double> values) {
  return std::sqrt(line_through(values).residuals / (static_cast<double>(values.size()) - 2));
}
}  // namespace

std::optional<Batches> plan_batches(double window_seconds, double residence_seconds) {
  const double shortest = std::max(2 * residence_seconds, kFinestBin);
  const double fitting = std::floor(window_seconds / shortest + 1e-9);
  if (fitting >= kFewest) {
    // Most of what agents report has bins of a second, and no bin is shared.
    const double seconds = std::max<double>(kFewest, std::floor(window_seconds));
    return Batches{static_cast<int>(std::min({fitting, seconds, static_cast<double>(kMost)})), false};
  }
  if (window_seconds / kFewest < kFinestBin) return std::nullopt;
  return Batches{kFewest, true};
}

std::size_t batch_of(std::size_t index, std::size_t bins, int count) {
  return index * static_cast<std::size_t>(count) / bins;
}

std::vector<double> batch_means(std::span<const double> bins, int count) {
  if (bins.size() < static_cast<std::size_t>(count)) return {};
  std::vector<double> means(static_cast<std::size_t>(count), 0.0);
  std::vector<double> sizes(means.size(), 0.0);
  for (std::size_t i = 0; i < bins.size(); ++i) {
    const std::size_t b = batch_of(i, bins.size(), count);
    means[b] += bins[i];
    sizes[b] += 1;
  }
  for (std::size_t b = 0; b < means.size(); ++b) means[b] /= sizes[b];
  return means;
}

double batch_spread(std::span<const double> batch_values, const Batches& batches) {
  const double spread = batches.moving ? spread_about_line(batch_values) : moments(batch_values).stddev;
  return batches.short_window ? 2 * spread : spread;
}

double batch_standard_error(std::span<const double> batch_values, const Batches& batches) {
  return batch_spread(batch_values, batches) / std::sqrt(static_cast<double>(batch_values.size()));
}

Trend batch_growth(std::span<const double> batch_values, const Batches& batches) {
  const Line line = line_through(batch_values);
  const double n = static_cast<double>(batch_values.size());
  const double error = std::sqrt(line.residuals / (n - 2) / line.leverage) * (batches.short_window ? 2 : 1);
  const double half = student_t(0.975, n - 2) * error;
  return {n * line.slope, {n * (line.slope - half), n * (line.slope + half)}};
}

double edge_error(double burst, double window_seconds) {
  return burst / window_seconds / std::sqrt(6.0);
}

Estimate batch_estimate(double value, std::span<const double> batch_values, const Batches& batches,
                        double smallest_error) {
  const double se = batch_standard_error(batch_values, batches);
  const double half =
      std::max(student_t(0.975, batches.degrees_of_freedom()) * se, kTwoSided95 * smallest_error);
  return {.value = value,
          .ci95 = Interval{std::max(0.0, value - half), value + half},
          .standard_error = std::max(se, smallest_error)};
}

}  // namespace kneepoint::coordinator
