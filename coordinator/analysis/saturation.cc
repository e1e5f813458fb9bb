#include "coordinator/analysis/saturation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "coordinator/analysis/bottleneck.h"
#include "coordinator/report/units.h"

namespace kneepoint::coordinator {
namespace {

/// The knees of resampled curves, rising; infinite where a resample's scan does not reach.
std::vector<double> bootstrap_knees(const std::vector<ThroughputPoint>& points,
                                    const SaturationOptions& options) {
  std::mt19937_64 random(options.seed);
  std::normal_distribution<double> normal;
  std::vector<double> knees;
  for (int i = 0; i < options.bootstraps; ++i) {
    std::vector<ThroughputPoint> sample = points;
    for (ThroughputPoint& point : sample) {
      point.throughput =
          std::max(point.throughput + point.standard_error * normal(random), 1e-3 * point.throughput);
    }
    knees.push_back(
        ThroughputCurve(std::move(sample)).knee().value_or(std::numeric_limits<double>::infinity()));
  }
  std::sort(knees.begin(), knees.end());
  return knees;
}

/// The measured steps around the knee: the last of those that are all below it, and the first at or above it.
Interval measured_bracket(const ThroughputCurve& curve, double knee) {
  const auto& points = curve.points();
  Interval bracket{1, curve.top()};
  for (std::size_t i = 0; i < points.size() && curve.below_knee(i) == true; ++i)
    bracket.low = points[i].concurrency;
  for (std::size_t i = points.size(); i-- > 0;) {
    if (points[i].concurrency >= knee && curve.below_knee(i) == false) bracket.high = points[i].concurrency;
  }
  bracket.low = std::min(bracket.low, knee);
  return bracket;
}

Interval widen_to_steps(Interval interval, const std::vector<double>& knees, const ThroughputCurve& curve) {
  if (knees.empty()) return interval;
  const auto n = static_cast<double>(knees.size());
  const double low = knees[static_cast<std::size_t>(0.025 * n)];
  const double high = knees[std::min(knees.size() - 1, static_cast<std::size_t>(0.975 * n))];
  double low_step = 1;
  double high_step = curve.top();
  for (const ThroughputPoint& point : curve.points()) {
    if (point.concurrency <= low) low_step = point.concurrency;
  }
  for (auto point = curve.points().rbegin(); point != curve.points().rend(); ++point) {
    if (point->concurrency >= high) high_step = point->concurrency;
  }
  return {std::min(interval.low, low_step), std::max(interval.high, high_step)};
}

/// The largest step after which a doubling surely added more than the knee allows.
std::optional<double> known_below(const ThroughputCurve& curve) {
  std::optional<double> bound;
  const auto& points = curve.points();
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (std::size_t j = i + 1; j < points.size() && points[j].concurrency <= 2 * points[i].concurrency;
         ++j) {
      if (gain(points[i], points[j]).lower > 1 / kSaturatedShare - 1) bound = points[i].concurrency;
    }
  }
  return bound;
}

std::string last_gain(const ThroughputCurve& curve) {
  const auto& points = curve.points();
  const ThroughputPoint& to = points.back();
  const ThroughputPoint* from = &points.front();
  for (const ThroughputPoint& point : points) {
    if (2 * point.concurrency <= to.concurrency) from = &point;
  }
  const Gain last = gain(*from, to);
  return fmt::format("from {} to {} throughput changed by {:+.1f} % ({:+.1f} to {:+.1f} %)",
                     format_figure(from->concurrency), format_figure(to.concurrency), last.value * 100,
                     last.lower * 100, last.upper * 100);
}

std::string explain(const ThroughputCurve& curve, const Saturation& found) {
  if (found.concurrency) {
    return fmt::format("From {} requests in flight on, doubling the load adds less than 5 %: {}.",
                       format_figure(*found.concurrency), last_gain(curve));
  }
  if (curve.points().size() < 2) return "One concurrency only: saturation needs a ramp.";
  const std::string bound =
      found.lower_bound ? fmt::format("above {} requests in flight", format_figure(*found.lower_bound))
                        : "not located";
  return fmt::format("Not reached: saturation lies {}; {}. Scan further than {}.", bound, last_gain(curve),
                     format_figure(curve.top()));
}

const Step* nearest_valid(const std::vector<Step>& steps, double at_least) {
  const Step* best = nullptr;
  for (const Step& step : steps) {
    if (!step.valid || step.concurrency < at_least) continue;
    if (best == nullptr || step.concurrency < best->concurrency) best = &step;
  }
  return best;
}

}  // namespace

std::string knee_kind_of(const std::vector<Step>& steps, double knee) {
  // The decode batch is full from here on if it ever is; what more load does from here tells the kinds apart.
  const Step* from = nearest_valid(steps, knee);
  if (from == nullptr) return "";
  const Step* to = nearest_valid(steps, 1.5 * from->concurrency);
  if (to == nullptr || !from->tpot_seconds.p50 || !to->tpot_seconds.p50 || *from->tpot_seconds.p50 <= 0)
    return "";
  const double span = std::log(static_cast<double>(to->concurrency) / from->concurrency);
  const double decode = std::log(*to->tpot_seconds.p50 / *from->tpot_seconds.p50) / span;
  if (decode > 0.5) return "soft";
  const bool queueing = from->ttft_seconds.p50 && to->ttft_seconds.p50 &&
                        *to->ttft_seconds.p50 > 1.25 * *from->ttft_seconds.p50;
  return decode < 0.2 && queueing ? "hard" : "";
}

Saturation find_saturation(const std::vector<Step>& steps, const SaturationOptions& options) {
  Saturation found;
  std::vector<ThroughputPoint> points = throughput_points(steps);
  if (points.empty()) {
    found.explanation = "No step is valid: nothing can be said about saturation.";
    attribute(found, steps);
    return found;
  }
  const ThroughputCurve curve(std::move(points));
  found.max_output_tokens_per_second = 0;
  for (const ThroughputPoint& point : curve.points()) {
    found.max_output_tokens_per_second = std::max(*found.max_output_tokens_per_second, point.throughput);
  }
  if (const auto knee = curve.knee()) {
    const std::vector<double> knees = bootstrap_knees(curve.points(), options);
    const auto unreached = std::count_if(knees.begin(), knees.end(), [](double n) { return std::isinf(n); });
    if (2 * unreached <= static_cast<std::ptrdiff_t>(knees.size())) {
      found.concurrency = knee;
      found.ci95 = widen_to_steps(measured_bracket(curve, *knee), knees, curve);
      found.knee_kind = knee_kind_of(steps, *knee);
    }
  }
  if (!found.concurrency) found.lower_bound = known_below(curve);
  found.explanation = explain(curve, found);
  attribute(found, steps);
  return found;
}

}  // namespace kneepoint::coordinator
