#include "coordinator/analysis/saturation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include "coordinator/analysis/bottleneck.h"
#include "coordinator/report/units.h"

namespace kneepoint::coordinator {
namespace {

/// Measured steps at most this far apart leave nothing between them to be missed: a hard kink half-way between two
/// such steps puts the interpolated throughput off by less than 4 %.
constexpr double kResolvedRatio = 1.16;

/// A standard normal from two words of the generator (Box–Muller): the same on every platform, unlike the library's.
class Normal {
 public:
  explicit Normal(std::uint64_t seed) : random_(seed) {}
  double operator()() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  double uniform() { return static_cast<double>(random_() >> 11) * 0x1.0p-53; }
  std::mt19937_64 random_;
};

/// The knees of resampled curves, rising; infinite where a resample's scan does not reach. Resampled around the
/// fit: around the points as measured the noise would count twice.
std::vector<double> bootstrap_knees(const ThroughputCurve& curve, const SaturationOptions& options) {
  Normal normal(options.seed);
  std::vector<double> knees;
  knees.reserve(static_cast<std::size_t>(options.bootstraps));
  for (int i = 0; i < options.bootstraps; ++i) {
    std::vector<ThroughputPoint> sample = curve.points();
    for (std::size_t p = 0; p < sample.size(); ++p) {
      const double centre = curve.collapsed(p) ? sample[p].throughput : curve.fitted(p);
      sample[p].throughput = std::max(centre + sample[p].standard_error * normal(), 1e-3 * centre);
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

Interval interval_of(const ThroughputCurve& curve, double knee, const std::vector<double>& knees) {
  const Interval nearest = bracket_of(curve, knee);
  Interval interval = nearest;
  if (!knees.empty()) {
    const auto n = static_cast<double>(knees.size());
    const double low = knees[static_cast<std::size_t>(0.025 * n)];
    const double high = std::min(knees[std::min(knees.size() - 1, static_cast<std::size_t>(0.975 * n))], curve.top());
    interval = {std::min(low, interval.low), std::max(high, interval.high)};
  }
  const bool resolved = nearest.high <= kResolvedRatio * nearest.low || nearest.high - nearest.low <= 1;
  if (resolved) return interval;
  // Between distant steps the curve is interpolated, which is not evidence: only steps bound the knee.
  const Interval bracket = measured_bracket(curve, knee);
  return {std::min(bracket_of(curve, interval.low).low, bracket.low),
          std::max(bracket_of(curve, interval.high).high, bracket.high)};
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

Interval bracket_of(const ThroughputCurve& curve, double n) {
  Interval bracket{curve.points().front().concurrency, curve.top()};
  for (const ThroughputPoint& point : curve.points()) {
    if (point.concurrency <= n) bracket.low = point.concurrency;
  }
  for (auto point = curve.points().rbegin(); point != curve.points().rend(); ++point) {
    if (point->concurrency >= n) bracket.high = point->concurrency;
  }
  return bracket;
}

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
    const std::vector<double> knees = bootstrap_knees(curve, options);
    const auto unreached = std::count_if(knees.begin(), knees.end(), [](double n) { return std::isinf(n); });
    if (2 * unreached <= static_cast<std::ptrdiff_t>(knees.size())) {
      found.concurrency = knee;
      found.ci95 = interval_of(curve, *knee, knees);
      found.knee_kind = knee_kind_of(steps, *knee);
    }
  }
  if (!found.concurrency) found.lower_bound = known_below(curve);
  found.explanation = explain(curve, found);
  attribute(found, steps);
  return found;
}

}  // namespace kneepoint::coordinator
