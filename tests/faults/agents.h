#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/session/agent_session.h"
#include "tests/faults/engine.h"
#include "tests/faults/network.h"
#include "tests/faults/world.h"

namespace kneepoint::faults {

/// What the agents know of their batches: the half of the truth about them that no coordinator can lose.
class Ledger {
 public:
  EngineId new_engine() { return next_++; }
  /// The coordinator has told the process with this engine that it need not keep batches up to `sequence`.
  void acknowledged(EngineId engine, std::uint64_t sequence) {
    acknowledged_[engine] = std::max(acknowledged_[engine], sequence);
  }
  const std::map<EngineId, std::uint64_t>& acknowledged() const { return acknowledged_; }

 private:
  EngineId next_ = 1;
  std::map<EngineId, std::uint64_t> acknowledged_;
};

/// An agent's process: the production session, turn by turn, over a simulated link and with a simulated
/// engine.
class Agent {
 public:
  Agent(World& world, Network& network, Host& host, Ledger& ledger, std::string name, std::uint64_t seed,
        unsigned threads);
  ~Agent();

  /// Starts a process, where there is none.
  void boot();
  /// It is gone at once, and what it had with it. @param silent its machine with it: nobody is told.
  void kill(bool silent);
  void freeze(Nanos span) { process_.freeze(span); }
  bool alive() const { return session_ != nullptr; }
  std::function<void()> on_exit;  ///< Its process has ended by itself.
  const std::string& name() const { return name_; }
  /// The engine of the process; null: it has none.
  const Engine* engine() const { return engine_; }

  /// A message has come over the link that it has now.
  void note(const v1::CoordinatorMessage& message);

 private:
  void wake();

  World& world_;
  Network& network_;
  Host& host_;
  Ledger& ledger_;
  const std::string name_;
  method::Random random_;
  const unsigned threads_;
  Process process_;
  std::unique_ptr<MachineClock> clock_;
  std::shared_ptr<agent::Lease> lease_;
  Engine* engine_ = nullptr;  // of the session
  std::unique_ptr<agent::AgentSession> session_;
  std::uint64_t wake_up_ = 0;  // the last one asked for
};

}  // namespace kneepoint::faults
