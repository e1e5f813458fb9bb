#pragma once

#include <optional>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// The smallest load (Step::load()) that was seen to make the host give 60 % of the most that it gave. At
/// less it rests, and what moves it there need not move a full one.
double least_full_load(const std::vector<Step>& steps);

/// The host became another than it was, one way, and has held still since.
struct LastingChange {
  double at = 0;      ///< Seconds since the run's zero from which on it holds still.
  double until = 0;   ///< The last moment that it surely did not: between the two nothing tells.
  double still = 0;   ///< Repeats since, over the number of their loads.
  double factor = 0;  ///< ln of the throughput since over that before, where it changed most.
};

/// Told by loads that were measured before and after, and by rows within which throughput jumped; superseded
/// rows, refused ones and those of light load are left out (what moves a host at rest need not move a full
/// one). Of all moments it is the earliest after which the repeats agree, so that no more is given up
/// than was refuted. None where the host drifts at one pace, moves by turns, or moves less than 5 %. Pure.
std::optional<LastingChange> find_lasting_change(const std::vector<Step>& steps);

/// The same of all rows, those that were superseded since among them: whether the host changed once and has
/// held still in one repeat or more. Such a host does not move by turns.
bool changed_for_good(std::vector<Step> steps);

}  // namespace kneepoint::coordinator
