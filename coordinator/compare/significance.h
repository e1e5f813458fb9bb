#pragma once

#include <optional>
#include <vector>

#include "coordinator/report/model.h"

/// Whether two measured figures differ, and by how much. Differences are relative and computed on logarithms,
/// so that "A against B" and "B against A" agree.
namespace kneepoint::coordinator {

/// A measured figure and how precisely it is known.
struct Sample {
  double value = 0;  ///< Above 0, but for a range that begins there.
  std::optional<double> standard_error;
  double degrees = 0;  ///< Of freedom of the standard error: batches, or requests, less one.
  /// What the figure surely lies in, where it is known by a bracket and not by a standard error.
  std::optional<Interval> range;
};

struct Difference {
  double ratio = 0;              ///< other / base − 1.
  std::optional<Interval> ci95;  ///< Of the ratio, for this figure alone.
  std::optional<double> p;       ///< Two-sided; absent where nothing was tested.
  bool tested = false;
  bool significant = false;  ///< Holm's verdict over all tests, or brackets that do not overlap.
};

/// Welch's t-test on the logarithms (standard errors by the delta method), degrees of freedom after Welch and
/// Satterthwaite. Where both have a range instead: significant when the ranges do not overlap, which is
/// stricter; their touching ends count as apart, because a bracket's upper end is known to fail. Where
/// neither can be had: the ratio alone. @param base above 0.
Difference difference(const Sample& base, const Sample& other);

/// Holm's step-down procedure: marks as significant so many that the chance of even one false mark among all
/// is at most `level`, however the figures depend on each other. Only differences with a p take part.
void apply_holm(const std::vector<Difference*>& differences, double level = 0.05);

}  // namespace kneepoint::coordinator
