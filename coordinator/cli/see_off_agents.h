#pragma once

#include <cstddef>

#include "coordinator/cli/interrupts.h"
#include "coordinator/cli/run_command.h"
#include "coordinator/fleet/fleet.h"

namespace kneepoint::coordinator {

/// Where a run has ended and this process had no fleet to tell, or not all of it: agents elsewhere would look
/// for a coordinator for as long as their --join-timeout says. Those that dial within `linger`, or within the
/// three seconds in which each of them dials once, hear that there is nothing to wait for, and why. Returns
/// as soon as all that the run expected have heard it, or at an interrupt; at once where the run awaits no
/// agents, or cannot listen.
/// @param end of a run that nobody goes on with. @param told how many have heard it before.
void see_off_agents(const RunOptions& options, const Fleet::End& end, std::size_t told,
                    const Interrupts& interrupts);

}  // namespace kneepoint::coordinator
