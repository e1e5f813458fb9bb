#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "coordinator/results/model.h"

/// A host's speed in time, as one factor of what every load gives: ln X(t) = ln curve(N) + m(t) + noise. The
/// curve is free, m is fitted to all rows together.
namespace kneepoint::coordinator {

/// Two seconds within a row.
struct SpeedBlock {
  double at = 0;          ///< Its middle, seconds since the run's zero.
  std::size_t row = 0;    ///< Index of its step.
  std::size_t level = 0;  ///< Which load: 0, 1, … rising.
  double load = 0;
  double value = 0;   ///< ln of what arrived.
  double weight = 1;  ///< 1 / variance, up to a factor.
};
inline constexpr std::size_t kHalvesInBlock = 4;

/// Of rows that tell what the host gave, in the order of time. Rows whose streams tick so slowly that a
/// block's edges would show are left out.
std::vector<SpeedBlock> speed_blocks(const std::vector<Step>& steps);

struct SpeedFit {
  std::vector<double> speed;  ///< m at each block, up to a constant.
  std::vector<double> error;  ///< For each block: standard error of the mean of m over its row.
  double before = 0;          ///< Σ weight · (value − mean of its load)².
  double left = 0;            ///< The same with m taken out.
  double share() const { return before > 0 ? 1 - left / before : 0; }
};

/// Takes the weighted mean of its load from each value.
void centre_levels(const std::vector<SpeedBlock>& blocks, std::vector<double>& values);

/// Up to three sines with their second harmonics, each beyond red noise (one run in a thousand by chance),
/// with periods from `shortest` to 1.1 of the time that was looked at. Absent where there is none.
std::optional<SpeedFit> fit_waves(const std::vector<SpeedBlock>& blocks, double shortest);

/// Two speeds, between which the host goes to and fro within rows. A load that was seen at one of them only
/// is held against the curve of the others, to tell which of them it was. Absent where it does not.
std::optional<SpeedFit> fit_two_speeds(const std::vector<SpeedBlock>& blocks);

}  // namespace kneepoint::coordinator
