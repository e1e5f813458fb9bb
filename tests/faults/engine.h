#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "agent/load/load_engine.h"
#include "agent/stream/lease.h"
#include "common/slot_set.h"
#include "tests/faults/host.h"
#include "tests/faults/world.h"

namespace kneepoint::faults {

/// Which engine a batch is of, and how an engine of a process differs from the one before it. Told to the
/// coordinator as the name of a replica, so that every recorded batch says where it comes from.
using EngineId = std::uint32_t;

/// Carries out an agent's share of levels as the real one does, against the simulated host: closed loop, each
/// slot with one request in flight. Takes one cell.
class Engine final : public agent::LoadEngine, public Client {
 public:
  struct Options {
    World& world;
    Host& host;
    MachineClock& clock;
    Process process;
    std::shared_ptr<agent::Lease> lease;
    EngineId id;
  };
  Engine(Options options, Assignment assignment, std::function<void(agent::LevelDone)> on_level_done);
  ~Engine() override;

  void apply(const LoadLevel& level) override;
  SnapshotBatch collect() override;
  void drain(Nanos limit) override;
  bool idle() const override;
  void set_zero(MonoTime zero) override { next_zero_ = zero; }
  EngineId id() const { return options_.id; }

  void first_token(Request& request) override;
  void tokens(const Request& request) override;
  void finished(Request& request) override;

 private:
  struct Slot {
    std::shared_ptr<Request> request;  ///< In flight.
    Nanos not_before{0};               ///< The next one.
    std::uint64_t issued = 0;          ///< Under a budget.
  };
  Nanos now() const { return options_.clock.now() - zero_; }
  void later(Nanos at, std::function<void()> what);
  void promote();
  bool keeps(std::uint32_t slot) const;
  void consider(std::uint32_t slot);
  void consider_all();
  void check_lease();
  void cancel_all();
  void end_second();
  void integrate();
  void note_budget();
  SeriesStats& stats(std::uint64_t epoch);

  const Options options_;
  const Assignment assignment_;
  const std::function<void(agent::LevelDone)> on_level_done_;
  MonoTime zero_, next_zero_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  std::deque<LoadLevel> pending_;
  LoadLevel level_;  // in force
  SlotSet mine_;     // of it
  std::map<std::uint32_t, Slot> slots_;
  std::uint64_t done_epoch_ = 0;
  Nanos last_end_{0};
  // The second under way and those before it that nobody has collected.
  std::int64_t second_;
  Nanos integrated_;
  std::map<std::int64_t, SecondSnapshot> seconds_;
};

}  // namespace kneepoint::faults
