#include "coordinator/analysis/throughput_curve.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "coordinator/analysis/statistics.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kSmallestRelativeError = 0.005;

double relative_error(const ThroughputPoint& point) {
  return point.throughput > 0 ? point.standard_error / point.throughput : 0;
}

}  // namespace

std::vector<ThroughputPoint> throughput_points(const std::vector<Step>& steps) {
  struct Sum {
    double weighted = 0;
    double weight = 0;
  };
  std::map<std::uint32_t, Sum> by_concurrency;
  for (const Step& step : steps) {
    const auto& x = step.output_tokens_per_second;
    if (!step.valid || !x.value || *x.value <= 0) continue;
    const double se = std::max(x.standard_error.value_or(0), kSmallestRelativeError * *x.value);
    Sum& sum = by_concurrency[step.concurrency];
    sum.weighted += *x.value / (se * se);
    sum.weight += 1 / (se * se);
  }
  std::vector<ThroughputPoint> points;
  for (const auto& [concurrency, sum] : by_concurrency) {
    points.push_back(
        {static_cast<double>(concurrency), sum.weighted / sum.weight, 1 / std::sqrt(sum.weight)});
  }
  return points;
}

ThroughputCurve::ThroughputCurve(std::vector<ThroughputPoint> points) : points_(std::move(points)) {
  const auto peak = std::max_element(points_.begin(), points_.end(), [](const auto& a, const auto& b) {
    return a.throughput < b.throughput;
  });
  std::vector<double> values, weights;
  for (auto at = points_.begin(); at != points_.end(); ++at) {
    const bool collapsed =
        at > peak && at->throughput + kOneSided95 * at->standard_error < kSaturatedShare * peak->throughput;
    values.push_back(collapsed ? peak->throughput : at->throughput);
    weights.push_back(collapsed ? 1e-9 : 1 / (at->standard_error * at->standard_error));
  }
  fit_ = isotonic_fit(values, weights);
}

double ThroughputCurve::at(double concurrency) const {
  const auto next = std::lower_bound(points_.begin(), points_.end(), concurrency,
                                     [](const ThroughputPoint& p, double n) { return p.concurrency < n; });
  if (next == points_.end()) return fit_.back();
  const auto i = static_cast<std::size_t>(next - points_.begin());
  if (i == 0 || next->concurrency == concurrency) return fit_[i];
  const double from = std::log(points_[i - 1].concurrency);
  const double share = (std::log(concurrency) - from) / (std::log(next->concurrency) - from);
  return fit_[i - 1] + share * (fit_[i] - fit_[i - 1]);
}

std::optional<double> ThroughputCurve::knee() const {
  if (points_.size() < 2) return std::nullopt;
  const double first = std::log(points_.front().concurrency);
  const double last = std::log(top()) - std::log(2.0);
  // X(N) and X(2N) are linear in log N between these, and so is their difference: its first zero is exact.
  std::vector<double> breaks;
  for (const ThroughputPoint& point : points_) {
    const double u = std::log(point.concurrency);
    for (const double candidate : {u, u - std::log(2.0)}) {
      if (candidate >= first - 1e-12 && candidate <= last + 1e-12) breaks.push_back(candidate);
    }
  }
  std::sort(breaks.begin(), breaks.end());
  const auto surplus = [&](double u) { return at(std::exp(u)) - kSaturatedShare * at(2 * std::exp(u)); };
  std::optional<double> before;
  for (std::size_t i = 0; i < breaks.size(); ++i) {
    const double here = surplus(breaks[i]);
    if (here >= 0) {
      if (!before) return std::exp(breaks[i]);
      const double share = -*before / (here - *before);
      return std::exp(breaks[i - 1] + share * (breaks[i] - breaks[i - 1]));
    }
    before = here;
  }
  return std::nullopt;
}

std::optional<bool> ThroughputCurve::below_knee(std::size_t i) const {
  // X rises with N, so a point at or before 2N bounds X(2N) from below and one at or after it from above.
  const double twice = 2 * points_[i].concurrency;
  std::optional<double> at_least, at_most;
  for (std::size_t j = i; j < points_.size(); ++j) {
    if (points_[j].concurrency <= twice) at_least = fit_[j];
    if (points_[j].concurrency >= twice && !at_most) at_most = fit_[j];
  }
  if (at_least && fit_[i] < kSaturatedShare * *at_least) return true;
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
