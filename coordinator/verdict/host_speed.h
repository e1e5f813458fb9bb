#pragma once

#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Allows for a movement of the host that is known: one that comes and goes (waves, two speeds, stalls), and
/// that is told from all rows together as one factor of what every load gives. Sets `speed` of the rows it
/// was told from, and takes `UNSTEADY` from those that moved by nothing else. Nothing is set where the host
/// stands still, where the factor explains less than most of what moved, or where a change for good or a
/// trend explains as much: these do not come back.
///
/// Idempotent. Returns whether a movement is known.
bool mark_speed(std::vector<Step>& steps);

/// What the movement that is known makes rows scatter by, relative (root of the mean square); 0 where there
/// is none.
double known_scatter(const std::vector<Step>& steps);

}  // namespace kneepoint::coordinator
