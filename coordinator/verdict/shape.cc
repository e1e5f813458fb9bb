#include "coordinator/verdict/shape.h"

#include <cmath>
#include <map>
#include <optional>

#include "coordinator/measure/repeat.h"
#include "coordinator/measure/statistics.h"
#include "coordinator/results/throughput.h"
#include "coordinator/words/saturation.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kSurely = 2.58;  ///< Standard errors: a peak is looked for among many pairs.
constexpr double kLowTtft = 0.5, kHighTtft = 2;

/// One row is no evidence of a fall: it is measured again before it is named.
bool surely_less(const ThroughputPoint& a, const ThroughputPoint& b) {
  return a.rows > 1 && b.rows > 1 && a.throughput < kSaturatedShare * b.throughput &&
         b.throughput - a.throughput > kSurely * std::hypot(a.standard_error, b.standard_error);
}

/// Points of a curve, and what their throughput counts.
struct Curve {
  std::span<const ThroughputPoint> points;
  const char* unit;
};

words::CurvePoint told(const ThroughputPoint& point) {
  return {point.concurrency, point.throughput, point.fitted};
}

const ThroughputPoint& highest(std::span<const ThroughputPoint> points) {
  const ThroughputPoint* peak = &points.front();
  for (const ThroughputPoint& point : points) {
    if (point.throughput > peak->throughput) peak = &point;
  }
  return *peak;
}

/// A fall that one row alone tells of, or that the host's own movement may be.
std::optional<std::string> doubtful_fall(const Curve& curve, bool moved) {
  const auto points = curve.points;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const ThroughputPoint& peak = highest(points.first(i));
    if (points[i].throughput + kSurely * points[i].standard_error >= kSaturatedShare * peak.throughput)
      continue;
    return words::lower_with_more_load(told(points[i]), told(peak), curve.unit, moved);
  }
  return std::nullopt;
}

std::optional<std::string> collapse(const Curve& curve) {
  const auto points = curve.points;
  for (std::size_t i = 1; i < points.size(); ++i) {
    if (!falls_surely(points, i)) continue;
    const ThroughputPoint& peak = highest(points.first(i));
    // What more load brings back did not collapse: it is a second peak, or the moment.
    if (highest(points.subspan(i)).throughput >= kSaturatedShare * peak.throughput) continue;
    return words::collapses(told(points[i]), told(peak), curve.unit);
  }
  return std::nullopt;
}

std::optional<std::string> two_peaks(const Curve& curve) {
  const auto points = curve.points;
  for (std::size_t low = 1; low + 1 < points.size(); ++low) {
    const ThroughputPoint& before = highest(points.first(low));
    const ThroughputPoint& after = highest(points.subspan(low + 1));
    if (!surely_less(points[low], before) || !surely_less(points[low], after)) continue;
    return words::two_peaks(told(before), told(points[low]), told(after), curve.unit);
  }
  return std::nullopt;
}

std::optional<std::string> cliff(const std::vector<Step>& steps) {
  std::map<double, const Step*> rows;
  for (const Step& step : steps) {
    const Step* row = reference_row(steps, step.load());
    if (row != nullptr && row->ttft_seconds.p50) rows[step.load()] = row;
  }
  for (auto low = rows.begin(); low != rows.end() && std::next(low) != rows.end(); ++low) {
    const Step& below = *low->second;
    const Step& above = *std::next(low)->second;
    const LatencySummary &before = below.ttft_seconds, &after = above.ttft_seconds;
    // The p95 of one row and the median of another are no cliff.
    const bool tails = before.p95 && after.p95;
    const double from = tails ? *before.p95 : *before.p50, to = tails ? *after.p95 : *after.p50;
    if (from >= kLowTtft || to <= kHighTtft) continue;
    return words::cliff(tails ? "p95" : "p50", from, below, to, above);
  }
  return std::nullopt;
}

}  // namespace

bool falls_surely(std::span<const ThroughputPoint> points, std::size_t i) {
  const auto below = [&](std::size_t at, const ThroughputPoint& peak) {
    return points[at].throughput + kOneSided95 * points[at].standard_error <
           kSaturatedShare * peak.throughput;
  };
  if (i == 0 || !below(i, highest(points.first(i)))) return false;
  // Where one fall was measured again, those after it need not be.
  for (std::size_t at = 1; at <= i; ++at) {
    if (points[at].rows < 2) continue;
    for (std::size_t peak = 0; peak < at; ++peak) {
      if (points[peak].rows > 1 && below(at, points[peak])) return true;
    }
  }
  return false;
}

Shape shape_of(const std::vector<Step>& steps, std::span<const ThroughputPoint> points, bool moved) {
  Shape shape;
  const auto add = [&](const char* kind, std::optional<std::string> sentence) {
    if (!sentence) return;
    shape.kinds.emplace_back(kind);
    shape.sentences.push_back(std::move(*sentence));
  };
  const Curve curve{points, throughput_unit(steps)};
  if (!moved) add("collapse", collapse(curve));
  if (shape.kinds.empty()) {
    if (auto sentence = doubtful_fall(curve, moved)) shape.sentences.push_back(std::move(*sentence));
  }
  if (!moved) add("two peaks", two_peaks(curve));
  add("cliff", cliff(steps));
  return shape;
}

}  // namespace kneepoint::coordinator
