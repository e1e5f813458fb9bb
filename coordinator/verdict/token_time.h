#pragma once

#include <optional>
#include <span>

#include "coordinator/verdict/throughput_curve.h"

namespace kneepoint::coordinator {

/// s(N) = N/X(N), the time in which each of N requests gets one token, as a straight line a + c·N: what a
/// batching host does where nothing but the batch slows it.
struct TokenTimeLine {
  double intercept = 0;  ///< a, seconds.
  double slope = 0;      ///< c, seconds per request.
  double misfit = 0;     ///< χ² of the points about the line.
  int degrees = 0;       ///< Points less two.

  double at(double concurrency) const { return intercept + slope * concurrency; }
  /// Where doubling the load adds 5 %: s(2N) = 1.9·s(N), which is 9·a/c.
  double knee() const;
  /// The points lie about the line as their errors allow (χ² at 5 %).
  bool plausible() const;
};

/// Weighted least squares through the points with low ≤ N ≤ high; absent with fewer than `kFewestOnLine` of
/// them, or where the line does not rise from a positive intercept.
inline constexpr int kFewestOnLine = 5;
std::optional<TokenTimeLine> fit_token_time(std::span<const ThroughputPoint> points, double low, double high);

}  // namespace kneepoint::coordinator
