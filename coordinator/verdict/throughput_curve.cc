#include "coordinator/verdict/throughput_curve.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "coordinator/measure/statistics.h"
#include "coordinator/results/throughput.h"
#include "coordinator/verdict/scatter.h"
#include "coordinator/verdict/survey.h"

namespace kneepoint::coordinator {
namespace {

/// By how much χ² must fall when a curve may fall after its peak, before it is taken to do so. The peak is
/// chosen by chance as well, so this is well above what one more parameter would earn.
constexpr double kSureOfFall = 12;

double relative_error(const ThroughputPoint& point) {
  return point.throughput > 0 ? point.standard_error / point.throughput : 0;
}

}  // namespace

std::vector<ThroughputPoint> throughput_points(const std::vector<Step>& steps) {
  const double pace = std::abs(pace_of(steps).value_or(0));
  const std::vector<CurveRow> all = curve_rows(steps);
  const Scatter scatter = scatter_of(all);
  std::map<double, std::vector<const CurveRow*>> by_load;
  for (const CurveRow& row : all) by_load[row.load()].push_back(&row);
  std::vector<ThroughputPoint> points;
  for (const auto& [load, rows] : by_load) {
    ThroughputPoint point{.concurrency = load, .rows = rows.size()};
    double weighted = 0, weights = 0, longest = 0;
    std::vector<double> values, errors;
    for (const CurveRow* row : rows) {
      longest = std::max(longest, row->step->duration_seconds);
      values.push_back(row->throughput * std::exp(scatter.correction(row->middle())));
      const double relative = std::hypot(row->error, scatter.ratio, scatter.correction_error(row->middle()));
      errors.push_back(relative * values.back());
      weighted += values.back() / (errors.back() * errors.back());
      weights += 1 / (errors.back() * errors.back());
      point.refused = point.refused || !row->step->valid;
    }
    point.throughput = weighted / weights;
    double excess = 0;
    for (std::size_t i = 0; i < rows.size(); ++i)
      excess += std::pow((values[i] - point.throughput) / errors[i], 2);
    if (rows.size() > 1) excess /= static_cast<double>(rows.size() - 1);
    point.standard_error = std::sqrt(std::max(1.0, excess) / weights);
    point.reach = pace * longest / 2;
    constexpr double kSeen = 5e-4;  // of a figure of three digits
    point.fitted = std::none_of(rows.begin(), rows.end(), [&](const CurveRow* row) {
      return std::abs(point.throughput / *throughput_of(*row->step).value - 1) <= kSeen;
    });
    points.push_back(point);
  }
  return points;
}

ThroughputCurve::ThroughputCurve(std::vector<ThroughputPoint> points)
    : points_(std::move(points)), collapsed_(points_.size(), false) {
  std::vector<double> values, weights;
  values.reserve(points_.size());
  weights.reserve(points_.size());
  for (const ThroughputPoint& point : points_) {
    values.push_back(point.throughput);
    weights.push_back(1 / (point.standard_error * point.standard_error));
  }
  fit_ = isotonic_fit(values, weights);
  const auto peak = static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
  if (!falls_after(peak, values, weights)) return;
  constexpr double kCarriedWeight = 1e-9;
  for (std::size_t i = peak + 1; i < points_.size(); ++i) {
    collapsed_[i] = true;
    values[i] = values[peak];
    weights[i] *= kCarriedWeight;
  }
  fit_ = isotonic_fit(values, weights);
}

bool ThroughputCurve::falls_after(std::size_t peak, std::span<const double> values,
                                  std::span<const double> weights) const {
  const auto misfit = [&](std::span<const double> fit, std::size_t from) {
    double sum = 0;
    for (std::size_t i = 0; i < fit.size(); ++i)
      sum += weights[from + i] * std::pow(values[from + i] - fit[i], 2);
    return sum;
  };
  const double never_falls = misfit(fit_, 0);
  if (never_falls < kSureOfFall) return false;
  const std::vector<double> rise = isotonic_fit(values.first(peak + 1), weights.first(peak + 1));
  // Falling is rising, read from the end.
  std::vector<double> reversed(values.rbegin(), values.rend() - static_cast<std::ptrdiff_t>(peak + 1));
  const std::vector<double> reversed_weights(weights.rbegin(),
                                             weights.rend() - static_cast<std::ptrdiff_t>(peak + 1));
  std::vector<double> fall = isotonic_fit(reversed, reversed_weights);
  std::reverse(fall.begin(), fall.end());
  return never_falls - misfit(rise, 0) - misfit(fall, peak + 1) > kSureOfFall;
}

double ThroughputCurve::token_time(double concurrency) const {
  const auto next = std::lower_bound(points_.begin(), points_.end(), concurrency,
                                     [](const ThroughputPoint& p, double n) { return p.concurrency < n; });
  if (next == points_.end()) return concurrency / fit_.back();
  const auto i = static_cast<std::size_t>(next - points_.begin());
  const double to = next->concurrency / fit_[i];
  if (i == 0) return to;
  const double start = points_[i - 1].concurrency;
  const double from = start / fit_[i - 1];
  return from + (to - from) * (concurrency - start) / (next->concurrency - start);
}

std::optional<double> ThroughputCurve::knee() const {
  if (points_.size() < 2) return std::nullopt;
  // The fit never falls, so max X over [N, 2N] is X(2N), and X(N) ≥ 0.95·X(2N) is s(2N) ≥ 1.9·s(N) with s =
  // N/X. Both sides are linear in N between these breaks: the first zero of their difference is exact. Past a
  // collapse X is below its peak wherever that was looked at.
  const double last = collapsed_.back() ? top() : top() / 2;
  std::vector<double> breaks;
  breaks.reserve(2 * points_.size());
  for (const ThroughputPoint& point : points_) {
    for (const double n : {point.concurrency, point.concurrency / 2}) {
      if (n >= points_.front().concurrency && n <= last) breaks.push_back(n);
    }
  }
  std::sort(breaks.begin(), breaks.end());
  std::optional<double> before;
  for (std::size_t i = 0; i < breaks.size(); ++i) {
    const double here = token_time(2 * breaks[i]) - 2 * kSaturatedShare * token_time(breaks[i]);
    if (here >= 0) {
      if (!before) return breaks[i];
      return breaks[i - 1] + (breaks[i] - breaks[i - 1]) * *before / (*before - here);
    }
    before = here;
  }
  return std::nullopt;
}

std::optional<bool> ThroughputCurve::below_knee(std::size_t i) const {
  // X rises with N, and no faster than in proportion: a point at or before 2N bounds X(2N) from below, one at
  // or after it from above, and its share for 2N from below too.
  const double twice = 2 * points_[i].concurrency;
  double at_least = 0;
  std::optional<double> at_most;
  for (std::size_t j = i; j < points_.size(); ++j) {
    if (points_[j].concurrency <= twice) at_least = fit_[j];
    if (points_[j].concurrency >= twice && !at_most) {
      at_most = fit_[j];
      at_least = std::max(at_least, fit_[j] * twice / points_[j].concurrency);
    }
  }
  if (fit_[i] < kSaturatedShare * at_least) return true;
  if (at_most && fit_[i] >= kSaturatedShare * *at_most) return false;
  return std::nullopt;
}

Gain gain(const ThroughputPoint& from, const ThroughputPoint& to) {
  const double quotient = to.throughput / from.throughput;
  const double se = quotient * std::hypot(relative_error(from), relative_error(to));
  return {quotient - 1, quotient - 1 - kOneSided95 * se, quotient - 1 + kOneSided95 * se};
}

Elasticity elasticity(const ThroughputPoint& from, const ThroughputPoint& to) {
  const double span = std::log(to.concurrency / from.concurrency);
  const double value = std::log(to.throughput / from.throughput) / span;
  return {value, value - kOneSided95 * std::hypot(relative_error(from), relative_error(to)) / span};
}

}  // namespace kneepoint::coordinator
