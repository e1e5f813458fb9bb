#pragma once

#include <optional>

#include "coordinator/fleet/fleet.h"
#include "tests/faults/disk.h"
#include "tests/faults/share_watch.h"
#include "tests/faults/world.h"

namespace kneepoint::faults {

/// One coordinator, from its start to its end or to its being killed.
struct Life {
  Life(World& world, Nanos wall) : process(world), clock(world, Nanos(0), process) { clock.step_wall(wall); }
  Process process;
  MachineClock clock;
  coordinator::Fleet* fleet = nullptr;
  std::optional<Disk> disk;
  ShareWatch shares;
};

}  // namespace kneepoint::faults
