#pragma once

#include <optional>
#include <span>
#include <vector>

#include "coordinator/measure/statistics.h"
#include "coordinator/results/model.h"

/// Confidence intervals of steady-state figures by the method of batch means: neighbouring seconds of a
/// server are correlated, but means over batches of at least two residence times nearly are not.
/// docs/method.md has the derivations.
namespace kneepoint::coordinator {

/// How a window is cut into equal batches.
struct Batches {
  int count = 0;
  /// The window holds fewer than five batches of 2·R̂: five shorter ones are used, which understate the
  /// variance, so standard errors are doubled.
  bool short_window = false;
  /// The load moved throughout: figures move with it, which is no noise. Batches are held against their own
  /// straight line instead of their mean.
  bool moving = false;

  /// Of the batches' spread: one less than there are; two, where the line had to be found first.
  double degrees_of_freedom() const { return count - (moving ? 2 : 1); }
};

/// 5 to 10 batches of at least 2·R̂ and a second each, or five shorter ones where the window is too short for
/// that; none where a batch would be shorter than half a second, the finest bin that agents report.
/// @param residence_seconds mean time in the system, R̂.
std::optional<Batches> plan_batches(double window_seconds, double residence_seconds);

/// The batch that bin `index` of `bins` belongs to. Bins are never shared between batches: neighbours that
/// share one are alike for no other reason, and intervals were too narrow by up to a quarter.
std::size_t batch_of(std::size_t index, std::size_t bins, int count);

/// The mean bin of each batch; empty where there are fewer bins than batches.
std::vector<double> batch_means(std::span<const double> bins, int count);

/// Standard deviation of one batch about the mean of all, or about their line where the load moved; doubled
/// for a short window.
double batch_spread(std::span<const double> batch_values, const Batches& batches);

/// Standard error of a figure that is the mean of the batches: a straight line through them passes through
/// their mean, so it is spread/√n either way.
double batch_standard_error(std::span<const double> batch_values, const Batches& batches);

/// How much values grow from the first to the last edge of the window by the line through the batches, and
/// the 95 % interval of that, in their own unit. Not for fewer than three.
Trend batch_growth(std::span<const double> batch_values, const Batches& batches);

/// Standard error of a count over a window whose edges cut a train of equal bursts anywhere: what stays when
/// batches agree, as those of a host that ticks like a clock do. The count is off by a whole burst or not,
/// with a variance of f(1 − f) bursts², f uniform: 1/6 on average.
/// @param burst what comes at once, in the unit of the count.
double edge_error(double burst, double window_seconds);

/// value ± t(0.975, degrees of freedom)·se, not below 0.
/// @param smallest_error the standard error that is certain whatever the batches say.
Estimate batch_estimate(double value, std::span<const double> batch_values, const Batches& batches,
                        double smallest_error = 0);

}  // namespace kneepoint::coordinator
