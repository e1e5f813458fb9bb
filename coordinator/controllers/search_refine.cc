#include <algorithm>
#include <cmath>

#include "coordinator/controllers/search_loads.h"
#include "coordinator/controllers/search_planner.h"
#include "coordinator/measure/validity.h"
#include "coordinator/verdict/confirmation.h"
#include "coordinator/verdict/knee.h"

/// How a search closes in on the knee, and on a peak.
namespace kneepoint::coordinator {
namespace {

constexpr double kFarResolution = 1.3;  ///< Between the steps around twice the knee.
constexpr double kClose = 0.03;         ///< Of a step, relative.
constexpr double kWellBelow = 0.3;      ///< Of the knee: from there to twice that.
constexpr std::size_t kMostRefinements = 14;

/// Rise of token time from the nearest point that lies well below `i` to it (`way` −1), or from it to the
/// nearest well above (1): between neighbours noise would make a slope of anything. Absent without a second
/// point.
std::optional<double> slope_beside(const std::vector<ThroughputPoint>& points, std::size_t i, int way) {
  constexpr double kWellApart = 1.2;
  std::size_t to = i;
  const auto apart = [&] { return std::abs(std::log(points[to].concurrency / points[i].concurrency)); };
  while (apart() < std::log(kWellApart) && (way < 0 ? to > 0 : to + 1 < points.size()))
    to = way < 0 ? to - 1 : to + 1;
  if (to == i) return std::nullopt;
  const auto token_time = [&](std::size_t p) { return points[p].concurrency / points[p].throughput; };
  return (token_time(to) - token_time(i)) / (points[to].concurrency - points[i].concurrency);
}

/// By how much, relative, a peak between points `i` and i + 1 may rise above both: where the line of token
/// time from below and that from above cross. Without two points on each side: unknown, so large.
double hidden_height(const std::vector<ThroughputPoint>& points, std::size_t i) {
  const auto rise = slope_beside(points, i, -1), fall = slope_beside(points, i + 1, 1);
  if (!rise || !fall) return 1;
  if (*fall <= *rise) return 0;
  const auto token_time = [&](std::size_t p) { return points[p].concurrency / points[p].throughput; };
  const double from = points[i].concurrency;
  const double crossing =
      (token_time(i + 1) - *fall * points[i + 1].concurrency - token_time(i) + *rise * from) /
      (*rise - *fall);
  if (crossing <= from || crossing >= points[i + 1].concurrency) return 0;
  const double height = crossing / (token_time(i) + *rise * (crossing - from));
  return height / std::max(points[i].throughput, points[i + 1].throughput) - 1;
}

}  // namespace

std::optional<Probe> SearchPlanner::refine() {
  const auto curve = this->curve();
  if (!curve || refinements_ >= kMostRefinements) return std::nullopt;
  std::optional<Probe> probe = refine_peak(*curve);
  if (!probe) {
    const auto knee = locate_knee(*curve);
    if (!knee) {
      probe = refine_refusals(*curve);
      if (probe) ++refinements_;  // counted, so that it ends
      return probe;
    }
    // After a change the curve may begin past its knee.
    if (*knee <= curve->points().front().concurrency && *knee > first_) {
      ++refinements_;
      return Probe{.concurrency = std::max(first_, static_cast<std::uint32_t>(*knee / 2))};
    }
    // A line through token times has no length without a load well below.
    const auto& points = curve->points();
    const bool below = std::any_of(points.begin(), points.end(), [&](const ThroughputPoint& p) {
      return p.concurrency >= kWellBelow * *knee && p.concurrency <= 2 * kWellBelow * *knee;
    });
    if (const auto half = static_cast<std::uint32_t>(*knee / 2);
        !below && half > first_ && attempts(half) < 3) {
      ++refinements_;
      return Probe{.concurrency = half};
    }
    // Its other end, too; of a curve that falls it is the peak that the knee is compared with.
    const bool falls = curve->collapsed(points.size() - 1);
    if (!falls && kTwice * *knee > curve->top() && curve->top() < search_.max) {
      ++refinements_;
      return Probe{.concurrency =
                       static_cast<std::uint32_t>(std::min<double>(search_.max, 2 * curve->top()))};
    }
    // A knee close to a step may yet turn out to lie on its other side.
    for (const double n : {*knee, (1 - kClose) * *knee, (1 + kClose) * *knee}) {
      const Interval bracket = bracket_of(*curve, n);
      if (probe || !wide(bracket.low, bracket.high)) continue;
      probe = Probe{.concurrency = between(bracket.low, bracket.high, n)};
    }
    // X at twice the knee decides as much, but is flat or nearly so there: a wider gap will do.
    const Interval twice = bracket_of(*curve, 2 * *knee);
    if (!probe && !falls && twice.high > kFarResolution * twice.low && 2 * *knee < curve->top()) {
      probe = Probe{.concurrency = between(twice.low, twice.high, 2 * *knee)};
    }
    if (!probe) return std::nullopt;
  }
  if (standing_attempts(probe->concurrency) > 1) return std::nullopt;  // it gave no valid row
  ++refinements_;
  return probe;
}

/// Where refusals began within a row, or were still settling, it says that there is a bound and not which.
std::optional<Probe> SearchPlanner::repeat_refused() const {
  constexpr std::size_t kMostAttempts = 4;
  for (auto row = steps_.rbegin(); row != steps_.rend(); ++row) {
    if (surely_failing(row->requests) && mostly_rejected(*row) && attempts(row->concurrency) < kMostAttempts)
      return Probe{.concurrency = row->concurrency};
  }
  return std::nullopt;
}

/// A rate that is admitted for long is a bound at every load past the one that reaches it, and that one lies
/// somewhere between what was not refused and what was.
std::optional<Probe> SearchPlanner::refine_refusals(const ThroughputCurve& curve) const {
  const auto& points = curve.points();
  const auto refused =
      std::find_if(points.begin(), points.end(), [](const ThroughputPoint& p) { return p.refused; });
  if (refused == points.end()) return repeat_refused();
  const double high = refused->concurrency;
  if (refused == points.begin())
    return high > first_ ? std::optional(Probe{.concurrency = static_cast<std::uint32_t>(high / 2)})
                         : std::nullopt;
  const double low = std::prev(refused)->concurrency;
  if (wide(low, high)) return Probe{.concurrency = between(low, high, std::sqrt(low * high))};
  const auto further = static_cast<std::uint32_t>(2 * curve.top());
  if (further > search_.max) return std::nullopt;
  return Probe{.concurrency = further};
}

/// Where throughput falls after its peak, the peak itself decides, and doubling may have jumped over it.
std::optional<Probe> SearchPlanner::refine_peak(const ThroughputCurve& curve) const {
  constexpr double kPeakResolution = 1.025;
  constexpr double kHidden = 0.007;
  const auto& points = curve.points();
  if (!curve.collapsed(points.size() - 1)) return std::nullopt;
  const auto peak = static_cast<std::size_t>(
      std::max_element(points.begin(), points.end(),
                       [](const auto& a, const auto& b) { return a.throughput < b.throughput; }) -
      points.begin());
  for (const std::size_t i : {peak, peak - 1}) {
    if (i >= points.size() - 1) continue;  // also where peak is 0
    const double low = points[i].concurrency;
    const double high = points[i + 1].concurrency;
    if (hidden_height(points, i) > kHidden && high > kPeakResolution * low && high - low > 1.5) {
      return Probe{.concurrency = between(low, high, std::sqrt(low * high))};
    }
  }
  return std::nullopt;
}

}  // namespace kneepoint::coordinator
