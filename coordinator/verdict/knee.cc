#include "coordinator/verdict/knee.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

#include "coordinator/verdict/token_time.h"

namespace kneepoint::coordinator {
namespace {

/// Measured steps at most this far apart leave nothing between them to be missed: a hard kink half-way
/// between two such steps puts the interpolated throughput off by less than 4 %.
constexpr double kResolvedRatio = 1.16;

constexpr double kUnreached = std::numeric_limits<double>::infinity();

/// What no resample shows: a kink or a peak between neighbouring steps, a host that moves between windows.
/// Relative.
constexpr double kSystematic = 0.02;

/// A standard normal from two words of the generator (Box–Muller): the same on every platform, unlike the
/// library's.
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

/// The knees of resampled curves, rising; infinite where a resample's scan does not reach. Resampled around
/// the fit: around the points as measured the noise would count twice.
std::vector<double> bootstrap_curve(const ThroughputCurve& curve, const KneeOptions& options) {
  Normal normal(options.seed);
  std::vector<double> knees;
  knees.reserve(static_cast<std::size_t>(options.bootstraps));
  for (int i = 0; i < options.bootstraps; ++i) {
    std::vector<ThroughputPoint> sample = curve.points();
    for (std::size_t p = 0; p < sample.size(); ++p) {
      const double centre = curve.collapsed(p) ? sample[p].throughput : curve.fitted(p);
      sample[p].throughput = std::max(centre + sample[p].standard_error * normal(), 1e-3 * centre);
    }
    knees.push_back(ThroughputCurve(std::move(sample)).knee().value_or(kUnreached));
  }
  return knees;
}

/// The same of resampled lines.
std::vector<double> bootstrap_line(const ThroughputCurve& curve, const TokenTimeLine& line,
                                   const Interval& range, const KneeOptions& options) {
  Normal normal(options.seed);
  std::vector<double> knees;
  knees.reserve(static_cast<std::size_t>(options.bootstraps));
  std::vector<ThroughputPoint> sample = curve.points();
  for (int i = 0; i < options.bootstraps; ++i) {
    for (std::size_t p = 0; p < sample.size(); ++p) {
      const double centre = sample[p].concurrency / line.at(sample[p].concurrency);
      sample[p].throughput = std::max(centre + curve.points()[p].standard_error * normal(), 1e-3 * centre);
    }
    const auto fit = fit_token_time(sample, range.low, range.high);
    knees.push_back(fit ? fit->knee() : kUnreached);
  }
  return knees;
}

struct NearbyLine {
  TokenTimeLine line;
  Interval range;
};

/// The line through the points around the knee, where they lie on one.
std::optional<NearbyLine> line_around(const ThroughputCurve& curve) {
  constexpr double kBelow = 2.5;
  constexpr double kAbove = 5;
  constexpr double kAgreement = 1.5;
  // With a scan that ends near twice the knee, noise decides whether the curve itself shows one.
  const double centre = curve.knee().value_or(curve.top() / 2);
  const Interval range{centre / kBelow, centre * kAbove};
  const auto line = fit_token_time(curve.points(), range.low, range.high);
  if (!line || !line->plausible()) return std::nullopt;
  const double knee = line->knee();
  if (knee > kAgreement * centre || kAgreement * knee < centre || 2 * knee > curve.top()) return std::nullopt;
  return NearbyLine{*line, range};
}

/// The measured steps around the knee: the last that is surely below it with none that is not before, and the
/// first at or above it.
Interval measured_bracket(const ThroughputCurve& curve, double knee) {
  const auto& points = curve.points();
  Interval bracket{1, curve.top()};
  for (std::size_t i = 0; i < points.size() && curve.below_knee(i) != false; ++i) {
    if (curve.below_knee(i) == true) bracket.low = points[i].concurrency;
  }
  for (std::size_t i = points.size(); i-- > 0;) {
    if (points[i].concurrency >= knee && curve.below_knee(i) == false) bracket.high = points[i].concurrency;
  }
  bracket.low = std::min(bracket.low, knee);
  return bracket;
}

/// How far from its own load the row nearest to `n` looked.
double reach_near(const ThroughputCurve& curve, double n) {
  const auto off = [n](const ThroughputPoint& p) { return std::abs(p.concurrency - n); };
  return std::min_element(curve.points().begin(), curve.points().end(),
                          [&](const auto& a, const auto& b) { return off(a) < off(b); })
      ->reach;
}

/// @param knees of resamples, rising.
Interval interval_of_steps(const ThroughputCurve& curve, double knee, const std::vector<double>& knees) {
  const Interval nearest = bracket_of(curve, knee);
  Interval interval = nearest;
  if (!knees.empty()) {
    const auto n = static_cast<double>(knees.size());
    const double low = knees[static_cast<std::size_t>(0.025 * n)];
    const double high =
        std::min(knees[std::min(knees.size() - 1, static_cast<std::size_t>(0.975 * n))], curve.top());
    interval = {std::min(knee - std::hypot(std::max(knee - low, 0.0), kSystematic * knee), interval.low),
                std::max(knee + std::hypot(std::max(high - knee, 0.0), kSystematic * knee), interval.high)};
  }
  // What lies below the least load of all was not looked at: the knee may be anywhere there.
  const double least = curve.points().front().concurrency;
  if (least > 1 && interval.low <= least && curve.below_knee(0) != true) {
    const bool within = interval.high <= least * (1 + 2 * kSystematic);
    return {1, within ? least : bracket_of(curve, interval.high).high};
  }
  const bool resolved = nearest.high <= kResolvedRatio * nearest.low || nearest.high - nearest.low <= 1;
  if (resolved) return interval;
  // Between distant steps the curve is interpolated, which is not evidence: only steps bound the knee.
  const Interval bracket = measured_bracket(curve, knee);
  return {std::min(bracket_of(curve, interval.low).low, bracket.low),
          std::max(bracket_of(curve, interval.high).high, bracket.high)};
}

/// The same of rows under a moving load, each of which may hold the knee within what it was measured over.
Interval interval_of(const ThroughputCurve& curve, double knee, const std::vector<double>& knees) {
  const Interval steps = interval_of_steps(curve, knee, knees);
  return {std::max(0.0, steps.low - reach_near(curve, steps.low)),
          steps.high + reach_near(curve, steps.high)};
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

std::optional<double> locate_knee(const ThroughputCurve& curve) {
  if (const auto nearby = line_around(curve)) return nearby->line.knee();
  return curve.knee();
}

std::optional<Knee> estimate_knee(const ThroughputCurve& curve, const KneeOptions& options) {
  const auto nearby = line_around(curve);
  const auto knee = nearby ? std::optional(nearby->line.knee()) : curve.knee();
  if (!knee) return std::nullopt;
  std::vector<double> knees =
      nearby ? bootstrap_line(curve, nearby->line, nearby->range, options) : bootstrap_curve(curve, options);
  std::sort(knees.begin(), knees.end());
  const auto unreached = std::count(knees.begin(), knees.end(), kUnreached);
  if (2 * unreached > static_cast<std::ptrdiff_t>(knees.size())) return std::nullopt;
  return Knee{*knee, interval_of(curve, *knee, knees), nearby ? std::optional(nearby->range) : std::nullopt};
}

}  // namespace kneepoint::coordinator
