#pragma once

#include <optional>
#include <vector>

#include "coordinator/results/model.h"

/// Whether two measured figures differ, and by how much. Differences are relative and computed on logarithms,
/// so that "A against B" and "B against A" agree.
namespace kneepoint::coordinator {

/// A measured figure and how precisely it is known.
struct Sample {
  double value = 0;  ///< Above 0, but for a range that begins there: a load at which nothing holds.
  std::optional<double> standard_error;
  double degrees = 0;  ///< Of freedom of the standard error: batches, or requests, less one.
  /// What the figure surely lies in, where it is known by a bracket and not by a standard error.
  std::optional<Interval> range;
  bool share = false;  ///< From 0 to 1: it differs by points, and need not be above 0.
};

/// What a ratio says where a figure is only known to lie above something ("> 17").
enum class RatioBound {
  kNone,     ///< It is the ratio.
  kAtLeast,  ///< The other figure is open: the true ratio is this or more.
  kAtMost,   ///< The base is: this or less.
  kUnknown,  ///< Both are: the ratio of two bounds, which says nothing of the figures'.
};

struct Difference {
  double ratio = 0;     ///< other / base − 1, infinite where only the base is 0; of shares other − base.
  bool points = false;  ///< Of shares.
  RatioBound bound = RatioBound::kNone;
  std::optional<Interval> ci95;  ///< Of the ratio, for this figure alone.
  std::optional<double> p;       ///< Two-sided; absent where nothing was tested.
  bool tested = false;
  bool significant = false;  ///< Holm's verdict over all tests, or brackets that do not overlap.
};

/// Standard errors that are exactly 0 (every batch alike) say that the spread was not seen, not that there is
/// none: a ten-thousandth is the least.
inline constexpr double kLeastRelativeError = 1e-4;
/// Of a sample that has a standard error.
double relative_error(const Sample& sample);

/// Of shares by how many points they differ, significant where their ranges do not overlap. Else
/// Welch's t-test on the logarithms (standard errors by the delta method), degrees of freedom after Welch and
/// Satterthwaite. Where both have a range instead: significant when the ranges do not overlap, which is
/// stricter; their touching ends count as apart, because a bracket's upper end is known to fail. Two ranges
/// without an upper end always overlap. Where neither can be had: the ratio alone.
Difference difference(const Sample& base, const Sample& other);

/// Holm's step-down procedure: marks as significant so many that the chance of even one false mark among all
/// is at most `level`, however the figures depend on each other. Only differences with a p take part.
void apply_holm(const std::vector<Difference*>& differences, double level = 0.05);

}  // namespace kneepoint::coordinator
