#pragma once

#include <string>

#include "coordinator/cli/interrupts.h"
#include "coordinator/cli/run_command.h"

namespace kneepoint::coordinator {

/// After a run that ended before it had a fleet, and that nobody comes to go on with: agents elsewhere would
/// look for it for as long as their --join-timeout says. Those that dial within `linger`, or within the three
/// seconds in which each of them dials once, hear that there is nothing to wait for, and why. Returns as soon
/// as all that the run expected have heard it, or at an interrupt; at once where the run awaits no agents, or
/// cannot listen.
/// @param told how many have heard it before.
void see_off_agents(const RunOptions& options, const std::string& reason, std::size_t told,
                    const Interrupts& interrupts);

}  // namespace kneepoint::coordinator
