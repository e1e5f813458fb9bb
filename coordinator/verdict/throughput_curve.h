#pragma once

#include <optional>
#include <span>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Throughput at one load.
struct ThroughputPoint {
  double concurrency = 0;  ///< Step::load(): of an open loop, the rate that was asked for.
  double throughput = 0;   ///< throughput_of the row.
  double standard_error = 0;
  /// The target turned requests away: a bound of what it delivers under this load, but never itself the knee.
  bool refused = false;
  /// Of a load that moved: the row holds what loads from this much below to this much above gave.
  double reach = 0;
  std::size_t rows = 1;  ///< That it is made of.
  /// No row shows this figure: it is merged of several, or corrected for how the host moved.
  bool fitted = false;
};

/// The share of what twice the load gives from which on a concurrency counts as saturated.
inline constexpr double kSaturatedShare = 0.95;

/// The points of the rows that may say something about the knee: valid rows, and rows that are invalid only
/// because the target turned requests away, rising in concurrency (verdict/scatter.h).
///
/// What repeats scatter by is part of every row's error, whether it was repeated or not. Repeats of one N are
/// merged by precision, and where they disagree by more than their errors allow, the error grows accordingly
/// (Birge's ratio). A drift that the repeats surely show is taken out of the rows between them; what lies
/// outside is carried by no more than the last repeat was.
std::vector<ThroughputPoint> throughput_points(const std::vector<Step>& steps);

/// X(N): isotonic fit of the points weighted 1/se². Between points N/X(N), which is the time in which a
/// request gets one token, is linear in N: exact for X = N/(a + cN) and for a hard cap, on which it rises in
/// proportion to N. Where the points surely fall after their peak (a collapse, or retrograde scaling), those
/// past it are carried at its level: pooled, they would lower the peak.
class ThroughputCurve {
 public:
  explicit ThroughputCurve(std::vector<ThroughputPoint> points);

  const std::vector<ThroughputPoint>& points() const { return points_; }  ///< As measured.
  double top() const { return points_.back().concurrency; }
  /// Fitted throughput of point `i`.
  double fitted(std::size_t i) const { return fit_[i]; }
  /// Whether point `i` lies past the peak of a curve that falls again.
  bool collapsed(std::size_t i) const { return collapsed_[i]; }
  /// Fitted throughput; past the last point, that of it; before the first, in proportion to N.
  double at(double concurrency) const { return concurrency / token_time(concurrency); }
  /// The smallest N with X(N) ≥ 0.95·max X over [N, 2N]; absent where the scan reached neither 2N of such an
  /// N nor a fall.
  std::optional<double> knee() const;

  /// Whether point `i` is below the knee, judged by measured points only: what they leave X(2N) to be is more
  /// than X/0.95. Absent where the points cannot tell.
  std::optional<bool> below_knee(std::size_t i) const;

 private:
  bool falls_after(std::size_t peak, std::span<const double> values, std::span<const double> weights) const;
  double token_time(double concurrency) const;  ///< N/X(N)

  std::vector<ThroughputPoint> points_;
  std::vector<double> fit_;
  std::vector<bool> collapsed_;
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
