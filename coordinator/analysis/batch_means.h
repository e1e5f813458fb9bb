#pragma once

#include <optional>
#include <span>
#include <vector>

#include "coordinator/report/model.h"

/// Confidence intervals of steady-state figures by the method of batch means: neighbouring seconds of a
/// server are correlated, but means over batches of at least two residence times nearly are not.
namespace kneepoint::coordinator {

/// How a window is cut into equal batches.
struct Batches {
  int count = 0;
  /// The window holds fewer than five batches of 2·R̂: five shorter ones are used, which understate the
  /// variance, so standard errors are doubled.
  bool short_window = false;
};

/// 5 to 10 batches of at least 2·R̂ each; five shorter ones where the window is too short for that; none where
/// a batch would be shorter than half a second, the finest bin that agents report.
/// @param residence_seconds mean time in the system, R̂.
std::optional<Batches> plan_batches(double window_seconds, double residence_seconds);

/// Sums over `count` equal spans of a series of equal bins. A bin that straddles an edge is shared in
/// proportion.
std::vector<double> batch_sums(std::span<const double> bins, int count);

/// The batch that bin `index` of `bins` belongs to, for what cannot be shared (histograms).
std::size_t batch_of(std::size_t index, std::size_t bins, int count);

/// Standard error of a figure from its value in each batch, doubled for a short window.
double batch_standard_error(std::span<const double> batch_values, const Batches& batches);

/// Standard error of a count over a window whose edges cut a train of equal bursts anywhere: what stays when
/// batches agree, as those of a host that ticks like a clock do. The count is off by a whole burst or not,
/// with a variance of f(1 − f) bursts², f uniform: 1/6 on average.
/// @param burst what comes at once, in the unit of the count.
double edge_error(double burst, double window_seconds);

/// value ± t(0.975, batches − 1)·se, not below 0.
/// @param smallest_error the standard error that is certain whatever the batches say.
Estimate batch_estimate(double value, std::span<const double> batch_values, const Batches& batches,
                        double smallest_error = 0);

}  // namespace kneepoint::coordinator
