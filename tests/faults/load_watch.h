#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/fleet/fleet.h"
#include "tests/faults/host.h"
#include "tests/faults/share_watch.h"
#include "tests/faults/world.h"

namespace kneepoint::faults {

/// Knows what load has been asked for, and holds the host's own count against it.
class LoadWatch {
 public:
  explicit LoadWatch(World& world) : world_(world) {}
  /// @param at when it takes effect, give or take `blur`: what the fleet knows that its agents' clocks may be
  /// wrong by.
  void asked(MonoTime at, Nanos blur, std::uint32_t concurrency) {
    levels_.push_back({at - blur, at + blur, concurrency});
  }
  /// What may be in flight: no agent follows a level that has been over for longer than a lease.
  std::uint32_t allowed() const;
  /// @param moved requests that still run at one agent while their slot runs at another, both in the fleet.
  /// @returns what is wrong.
  std::optional<std::string> check(std::size_t in_flight, std::size_t moved) const;

 private:
  struct Level {
    MonoTime first{}, last{};  ///< For the first and the last agent.
    std::uint32_t concurrency = 0;
  };
  World& world_;
  std::vector<Level> levels_;
};

/// A fleet whose levels are watched.
class WatchedFleet final : public coordinator::LoadFleet {
 public:
  WatchedFleet(coordinator::Fleet& fleet, World& world, LoadWatch& watch, ShareWatch& shares)
      : fleet_(fleet), world_(world), watch_(watch), shares_(shares) {}
  std::size_t agents() const override { return fleet_.agents(); }
  Nanos now() const override { return fleet_.now(); }
  std::optional<coordinator::FleetEvent> wait(Nanos timeout) override { return fleet_.wait(timeout); }
  void send(const LoadLevel& level) override {
    watch_.asked(world_.now() + (level.effective_at - fleet_.now()), blur(), level.concurrency);
    shares_.asked(level);
    fleet_.send(level);
  }
  void drain(Nanos limit) override { fleet_.drain(limit); }
  bool gathering() const override { return fleet_.gathering(); }
  bool drained() const override { return fleet_.drained(); }

 private:
  Nanos blur() const {
    Nanos widest{0};
    for (std::uint32_t agent = 0; agent < fleet_.agents_ever(); ++agent)
      widest = std::max(widest, fleet_.agent(agent).clock.round_trip / 2);
    return widest;
  }

  coordinator::Fleet& fleet_;
  World& world_;
  LoadWatch& watch_;
  ShareWatch& shares_;
};

}  // namespace kneepoint::faults
