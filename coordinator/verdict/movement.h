#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// How the host moved in time, at the same load: told from rows that were measured again, and from the half
/// seconds within rows. Absent where nothing moved by more than 3 % beyond chance. Pure.
///
///   burst       refusals begin after a while at a load that was taken before
///   stalls      it stops for about a second, again and again
///   periodic    a sine explains most of what moved, beyond red noise (one run in a thousand by chance)
///   drifting    slower or faster at one pace
///   stepped     from one moment on
///   warming     faster and faster, until it is warm
///   heat        slower under load, and again as before after light load
///   wandering   up and down, by none of these
std::optional<Movement> find_movement(const std::vector<Step>& steps);

/// Whether rows after a much lighter load begin fast and slow down, and nothing gets faster but after or at
/// light load: heat. What moves with the load in this way is no movement of its own in time.
bool heats_up(const std::vector<Step>& steps);

}  // namespace kneepoint::coordinator
