#pragma once

#include <optional>
#include <span>
#include <vector>

#include "coordinator/report/model.h"

namespace kneepoint::coordinator {

/// Throughput at one concurrency.
struct ThroughputPoint {
  double concurrency = 0;
  double throughput = 0;  ///< Output tokens a second.
  double standard_error = 0;
};

/// The share of what twice the load gives from which on a concurrency counts as saturated.
inline constexpr double kSaturatedShare = 0.95;

/// The points of the rows that may say something about the knee: valid rows with a throughput, rising in
/// concurrency, repeated measurements of one N merged by their precision. A standard error below 0.5 % of the
/// figure (or absent) is taken as 0.5 %, so that no row dominates by luck.
std::vector<ThroughputPoint> throughput_points(const std::vector<Step>& steps);

/// X(N): isotonic fit of the points weighted 1/se², linear in log N between them. Points past the peak that
/// lie significantly below 0.95 of it (a collapse) are carried at the peak's level: pooled, they would lower
/// the peak.
class ThroughputCurve {
 public:
  explicit ThroughputCurve(std::vector<ThroughputPoint> points);

  const std::vector<ThroughputPoint>& points() const { return points_; }  ///< As measured.
  double top() const { return points_.back().concurrency; }
  /// Fitted throughput of point `i`.
  double fitted(std::size_t i) const { return fit_[i]; }
  /// Fitted throughput; outside the range, that of the nearest end.
  double at(double concurrency) const;
  /// The smallest N with X(N) ≥ 0.95·max X over [N, 2N]; absent where the scan did not reach 2N of such an N.
  std::optional<double> knee() const;

  /// Whether point `i` is below the knee, judged by measured points only: some point at most 2N away has more
  /// than X/0.95. Absent where the points cannot tell.
  std::optional<bool> below_knee(std::size_t i) const;

 private:
  std::vector<ThroughputPoint> points_;
  std::vector<double> fit_;
};

/// What more load brought, relative: ΔX/X.
struct Gain {
  double value = 0;
  double lower = 0;  ///< One-sided 95 % bounds.
  double upper = 0;
  /// Doubling the load surely added less than 5 %.
  bool exhausted() const { return upper < 0.05; }
};
Gain gain(const ThroughputPoint& from, const ThroughputPoint& to);

/// d ln X / d ln N between two points with its lower one-sided 95 % bound: 1 where throughput follows the
/// load, 0 where it is flat.
struct Elasticity {
  double value = 0;
  double lower = 0;
};
Elasticity elasticity(const ThroughputPoint& from, const ThroughputPoint& to);

}  // namespace kneepoint::coordinator
