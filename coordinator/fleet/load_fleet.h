#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "common/clock.h"
#include "common/plan.h"
#include "common/second_stats.h"

namespace kneepoint::coordinator {

/// What a fleet reports. Agents are numbered from 0 in the order in which they joined.
struct BatchArrived {
  std::uint32_t agent = 0;
  SnapshotBatch batch;
  std::shared_ptr<const std::string> wire;  ///< The same as it came; null where it came over no wire.
};
/// An agent has ended its share of a budgeted level.
struct LevelFinished {
  std::uint32_t agent = 0;
  std::uint64_t epoch = 0;
  Nanos finished_at{0};  ///< Since the run's zero.
};
/// Ready, and with load from the next level on. Of those that come while a run goes on.
struct AgentJoined {
  std::uint32_t agent = 0;
  std::int64_t from = 0;  ///< The first second that is expected from it.
};
/// It gets no load any more; what it had measured may still come.
struct AgentLost {
  std::uint32_t agent = 0;
  std::string reason;      ///< A clause.
  std::int64_t until = 0;  ///< The first second that is not expected from it.
  /// Until then it may have load; not for longer: its lease has ended, or its process is known to be dead.
  Nanos load_until{0};
};
using FleetEvent = std::variant<BatchArrived, LevelFinished, AgentJoined, AgentLost>;

/// An assembled fleet with its assignment, as the run loop sees it: real agents over gRPC, or a model in
/// virtual time. Used by one thread.
class LoadFleet {
 public:
  virtual ~LoadFleet() = default;
  virtual std::size_t agents() const = 0;
  /// Time since the run's zero; negative before it.
  virtual Nanos now() const = 0;
  /// The next event, or none after `timeout`.
  virtual std::optional<FleetEvent> wait(Nanos timeout) = 0;
  /// Deals `level` among the agents that are left: the slots of those that stay go on where they are.
  virtual void send(const LoadLevel& level) = 0;
  /// Ends all load: running requests may finish for `limit`, then are cancelled.
  virtual void drain(Nanos limit) = 0;
  /// After drain(): every agent that is left has ended its last request, and wait() has returned all its
  /// batches.
  virtual bool drained() const = 0;
  /// Whether somebody is on the way back just now: an agent whose link is broken, or one that was lost, is
  /// there again and makes itself ready.
  virtual bool gathering() const { return false; }
};

}  // namespace kneepoint::coordinator
