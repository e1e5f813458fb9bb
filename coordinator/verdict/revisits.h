#pragma once

#include <cstddef>
#include <vector>

#include "coordinator/results/model.h"

/// What rows of one load, measured at different times, say about the host.
namespace kneepoint::coordinator {

/// Two rows of one load, one after the other, with no third between.
struct Revisit {
  std::size_t before = 0, after = 0;  ///< Indices of the rows.
  double change = 0;                  ///< ln of the throughput after over that before.
  double error = 0;                   ///< Standard error of `change`.

  /// Moved beyond what is tolerated and beyond chance.
  bool moved() const;
};

/// A host whose throughput at one load stays within this, relative, is not said to move.
inline constexpr double kStill = 0.03;
/// TPOT up to which rows are cut into short stretches: at the edges of one that lasts T, TPOT/(√6·T) of it
/// may shift in or out, 4 % of a second and 1 % of five.
inline constexpr double kSlowestTick = 0.1;

/// Whether a row tells what the host gave: it is valid, or invalid only because it was still settling.
bool tells_throughput(const Step& step);

/// Whether seconds within a row tell what the host gives: only where the load keeps requests in flight. Of
/// arrivals and of sessions that think as many are in flight as it happens, and throughput follows that.
bool tells_by_the_second(const Step& step);

/// Standard error of its throughput as its batches tell it, relative.
double relative_error(const Step& step);

/// Of the rows that tell it, none of which refused requests. Rising in the time of `after`.
std::vector<Revisit> revisits_of(const std::vector<Step>& steps);

}  // namespace kneepoint::coordinator
