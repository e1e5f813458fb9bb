#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/run/run_loop.h"
#include "tests/faults/host.h"
#include "tests/faults/share_watch.h"
#include "tests/faults/world.h"

namespace kneepoint::faults {

/// Knows what load has been asked for, and holds the host's own count against it.
class LoadWatch {
 public:
  explicit LoadWatch(World& world) : world_(world) {}
  /// @param at when it takes effect.
  void asked(MonoTime at, std::uint32_t concurrency) { levels_.push_back({at, concurrency}); }
  /// What may be in flight: no agent follows a level that has been over for longer than a lease.
  std::uint32_t allowed() const;
  /// @param moved requests that still run at one agent while their slot runs at another, both in the fleet.
  /// @returns what is wrong.
  std::optional<std::string> check(std::size_t in_flight, std::size_t moved) const;

 private:
  struct Level {
    MonoTime at{};
    std::uint32_t concurrency = 0;
  };
  World& world_;
  std::vector<Level> levels_;
};

/// A fleet whose levels are watched.
class WatchedFleet final : public coordinator::LoadFleet {
 public:
  WatchedFleet(coordinator::LoadFleet& fleet, World& world, LoadWatch& watch, ShareWatch& shares)
      : fleet_(fleet), world_(world), watch_(watch), shares_(shares) {}
  std::size_t agents() const override { return fleet_.agents(); }
  Nanos now() const override { return fleet_.now(); }
  std::optional<coordinator::FleetEvent> wait(Nanos timeout) override { return fleet_.wait(timeout); }
  void send(const LoadLevel& level) override {
    watch_.asked(world_.now() + (level.effective_at - fleet_.now()), level.concurrency);
    shares_.asked(level);
    fleet_.send(level);
  }
  void drain(Nanos limit) override { fleet_.drain(limit); }
  bool gathering() const override { return fleet_.gathering(); }
  bool drained() const override { return fleet_.drained(); }

 private:
  coordinator::LoadFleet& fleet_;
  World& world_;
  LoadWatch& watch_;
  ShareWatch& shares_;
};

}  // namespace kneepoint::faults
