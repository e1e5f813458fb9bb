#pragma once

#include <csignal>
#include <memory>
#include <optional>

#include "common/clock.h"
#include "tests/simhost/host.h"

namespace kneepoint::simhost {

/// What befalls a host while it serves, counted from its start. Nothing, unless asked for.
struct Lifecycle {
  std::optional<Nanos> die_after;     ///< Every connection is closed, and the port refuses.
  std::optional<Nanos> return_after;  ///< After it died: a new process's worth of host, on the same ports.
  std::optional<Nanos> hang_after;  ///< The whole process stands still: connections stay open, nothing comes.
};

/// Lives through it until one of `signals` comes, which every thread must have blocked.
/// @returns an error where the ports cannot be had again.
Result<void> live(std::unique_ptr<Host> host, const Lifecycle& life, const sigset_t& signals);

}  // namespace kneepoint::simhost
