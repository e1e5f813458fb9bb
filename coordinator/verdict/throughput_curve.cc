#include "coordinator/verdict/throughput_curve.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "coordinator/measure/batch_means.h"
#include "coordinator/measure/statistics.h"
#include "coordinator/measure/validity.h"
#include "coordinator/results/throughput.h"
#include "coordinator/verdict/survey.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kNormal95 = 1.959963984540054;
/// No window of a real host is known better than this.
constexpr double kSmallestRelativeError = 0.001;
/// Of a row without any interval.
constexpr double kUnknownRelativeError = 0.01;

/// By how much χ² must fall when a curve may fall after its peak, before it is taken to do so. The peak is
/// chosen by chance as well, so this is well above what one more parameter would earn.
constexpr double kSureOfFall = 12;

double relative_error(const ThroughputPoint& point) {
  return point.throughput > 0 ? point.standard_error / point.throughput : 0;
}

struct Row {
  const Step* step;
  double throughput;
  double error;  // relative
  double middle() const { return step->window_begin_seconds + step->duration_seconds / 2; }
};

/// What the row's own batches say: half the t interval over the normal quantile.
double own_error(const Step& step) {
  const Estimate& x = throughput_of(step);
  double error = kUnknownRelativeError * *x.value;
  if (x.standard_error) error = *x.standard_error;
  if (x.ci95) error = std::max(error, (x.ci95->high - *x.value) / kNormal95);
  return error / *x.value;
}

/// Relative: streams tick together, once for every token.
double relative_edge_error(const Step& step) {
  return edge_error(step.tpot_seconds.p50.value_or(0), std::max(step.duration_seconds, 1.0));
}

std::vector<Row> usable_rows(const std::vector<Step>& steps) {
  std::vector<Row> rows;
  std::vector<double> noise;  // times √seconds: the same for every window of one host
  for (const Step& step : steps) {
    const auto& x = throughput_of(step).value;
    if ((!step.valid && !invalid_by_target_only(step)) || !x || *x <= 0) continue;
    rows.push_back({&step, *x, own_error(step)});
    const double edge = relative_edge_error(step);
    noise.push_back(std::sqrt(std::max(rows.back().error * rows.back().error - edge * edge, 0.0) *
                              step.duration_seconds));
  }
  if (rows.size() > 2) {
    const auto middle = noise.begin() + static_cast<std::ptrdiff_t>(noise.size() / 2);
    std::nth_element(noise.begin(), middle, noise.end());
    for (Row& row : rows) {
      const double usual = std::hypot(*middle / std::sqrt(std::max(row.step->duration_seconds, 1.0)),
                                      relative_edge_error(*row.step));
      row.error = row.error > usual ? std::sqrt(row.error * usual) : usual;
    }
  }
  for (Row& row : rows) row.error = std::max(row.error, kSmallestRelativeError);
  return rows;
}

using RowsByLoad = std::map<double, std::vector<Row>>;

/// Takes a host's drift out of the rows: repeats of one N tell how log X moves with time, and where that is
/// surely not chance every row is carried to their mean time. The lowest N is left out: what slows a lone
/// request need not slow a full batch.
void remove_drift(RowsByLoad& rows) {
  constexpr double kSure = 2.576;  // 99 %
  double weights = 0, times = 0, leverage = 0, slopes = 0;
  for (auto at = rows.begin(); at != rows.end(); ++at) {
    if (at == rows.begin() || at->second.size() < 2) continue;
    double weight = 0, time = 0, value = 0;
    const auto each = [&](auto use) {
      for (const Row& row : at->second)
        use(1 / (row.error * row.error), row.middle(), std::log(row.throughput));
    };
    each([&](double w, double t, double x) { weight += w, time += w * t, value += w * x; });
    time /= weight;
    value /= weight;
    each([&](double w, double t, double x) {
      leverage += w * (t - time) * (t - time);
      slopes += w * (t - time) * (x - value);
    });
    weights += weight;
    times += weight * time;
  }
  if (leverage <= 0 || std::abs(slopes) <= kSure * std::sqrt(leverage)) return;
  const double drift = slopes / leverage;
  for (auto& [load, repeats] : rows) {
    for (Row& row : repeats) row.throughput *= std::exp(-drift * (row.middle() - times / weights));
  }
}

}  // namespace

std::vector<ThroughputPoint> throughput_points(const std::vector<Step>& steps) {
  const double pace = std::abs(pace_of(steps).value_or(0));
  RowsByLoad by_load;
  for (const Row& row : usable_rows(steps)) by_load[row.step->load()].push_back(row);
  remove_drift(by_load);
  std::vector<ThroughputPoint> points;
  for (const auto& [load, rows] : by_load) {
    double weighted = 0;
    double weights = 0;
    bool refused = false;
    double longest = 0;
    for (const Row& row : rows) {
      longest = std::max(longest, row.step->duration_seconds);
      const double weight = 1 / (row.error * row.throughput * row.error * row.throughput);
      weighted += weight * row.throughput;
      weights += weight;
      refused = refused || !row.step->valid;
    }
    const double mean = weighted / weights;
    double excess = 0;
    for (const Row& row : rows) {
      excess += std::pow((row.throughput - mean) / (row.error * row.throughput), 2);
    }
    if (rows.size() > 1) excess /= static_cast<double>(rows.size() - 1);
    points.push_back({load, mean, std::sqrt(std::max(1.0, excess) / weights), refused, pace * longest / 2});
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
