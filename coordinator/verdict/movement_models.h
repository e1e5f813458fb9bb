#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "coordinator/results/model.h"

/// Throughput in time, with what the load explains taken out: each load has its own level.
namespace kneepoint::coordinator {

/// ln of throughput about `at`, at one load.
struct Reading {
  double at = 0;          ///< Seconds since the run's zero.
  std::size_t level = 0;  ///< Which load: 0, 1, …
  double value = 0;
  double weight = 1;  ///< 1 / variance, or 1.
};

/// One reading for each row that tells what the host gave, of loads from `least` on that were measured more
/// than once.
std::vector<Reading> row_readings(const std::vector<Step>& steps, double least = 0);
/// One for each five seconds within such rows, of every load, all alike in weight; of rows only that tell by
/// the second (revisits.h).
std::vector<Reading> block_readings(const std::vector<Step>& steps);
inline constexpr double kBlock = 5;  ///< Seconds.

/// Readings about the means of their levels, and about one common movement.
struct MovementFit {
  double before = 0;     ///< Σ weight · (value − mean of its level)².
  double explained = 0;  ///< By how much the movement lowers that.
  double size = 0;       ///< The movement's factor.
  double share() const { return before > 0 ? explained / before : 0; }
};
/// Least squares. @param shape the movement's course in time.
MovementFit fit_movement(const std::vector<Reading>& readings, const std::function<double(double)>& shape);

/// ln of throughput jumped by `size` at `at`: where a step explains most.
struct StepFit : MovementFit {
  double at = 0;
};
std::optional<StepFit> fit_step(const std::vector<Reading>& readings);

/// Whether on both sides of `at` it goes on moving at the pace of the whole: a drift then, and no step.
/// Absent where too few rows were repeated on one side to tell.
std::optional<bool> keeps_moving(const std::vector<Reading>& rows, double at);

/// It approached a level as 1 − e^(−S/S₀), the best S₀, where S is how many requests it had served: what
/// warms up does so by use.
struct ApproachFit : MovementFit {
  double seconds = 0;  ///< In which it went half of the way.
  double total = 0;    ///< ln of what it gave in the end over what it gave at first.
  /// The most that ln of what it approaches over what it gave in the end may be: of all S₀ that explain less
  /// by one at most. With weights of 1/variance that is a standard error.
  double left_at_most = 0;
  double settled_at = 0;  ///< When half a percent was left; past the last reading: the time of that.
};
std::optional<ApproachFit> fit_approach(const std::vector<Reading>& readings, const std::vector<Step>& steps);

/// Seconds. A shorter period may be the load's own: requests that come round together.
double shortest_own_period(const std::vector<Step>& steps);

/// A sine.
struct Wave {
  double period = 0;     ///< Seconds.
  double amplitude = 0;  ///< Relative.
  double share = 0;      ///< Of the variance.
  double chance = 1;     ///< That red noise shows as much at any of the periods looked at.
};
/// The strongest with a period from `shortest` to half of the time that was looked at.
std::optional<Wave> find_wave(const std::vector<Reading>& blocks, double shortest);

}  // namespace kneepoint::coordinator
