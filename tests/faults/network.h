#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/session/coordinator_link.h"
#include "coordinator/fleet/agent_link.h"
#include "tests/faults/world.h"
#include "tests/method/queue_fleet.h"

namespace kneepoint::faults {

/// Carries streams between agents and whichever coordinator listens, as gRPC does: in order, each message
/// once or, where a stream breaks, not at all. Beyond that it may do wrong what it is told to.
class Network {
 public:
  Network(World& world, std::uint64_t seed) : world_(world), random_(seed) {}

  /// What an agent's link can suffer, each until an instant of the world.
  struct Weather {
    MonoTime cut_until{};   ///< No stream; the one that there was is broken …
    bool silent = false;    ///< … without a word: who has it finds out by what it no longer hears.
    MonoTime slow_until{};  ///< Messages take up to `delay` longer.
    Nanos delay{0};
    MonoTime repeats_until{};  ///< Batches come a second time, behind later ones.
  };
  void cut(const std::string& agent, Nanos span, bool silent);
  void slow(const std::string& agent, Nanos span, Nanos delay);
  void repeat(const std::string& agent, Nanos span);

  /// A coordinator listens, until the server is gone or its process.
  std::unique_ptr<coordinator::LinkServer> serve(coordinator::LinkServer::Sink sink, MachineClock& clock,
                                                 Process process);
  /// An agent dials. `sink` is called in its process.
  std::unique_ptr<agent::CoordinatorLink> dial(const std::string& agent, std::uint64_t id,
                                               agent::CoordinatorLink::Sink sink, MachineClock& clock,
                                               Process process);

  /// A message reaches an agent's process, on the stream that it has now or on one that it has left.
  std::function<void(const std::string& agent, const v1::CoordinatorMessage&)> on_delivery;

 private:
  struct Stream;
  class AgentEnd;
  class CoordinatorEnd;
  class Server;
  Nanos latency(const std::string& agent);
  /// When what is sent now arrives: not before what was sent before.
  MonoTime arrival(const std::string& agent, MonoTime& last);
  void to_agent(const std::shared_ptr<Stream>& stream, std::shared_ptr<const v1::CoordinatorMessage> message);
  void to_coordinator(const std::shared_ptr<Stream>& stream, std::shared_ptr<v1::AgentMessage> message);
  /// Each end is told after a time, or never; nothing passes any more once the agent's has been.
  void break_stream(const std::shared_ptr<Stream>& stream, std::optional<Nanos> tell_agent,
                    std::optional<Nanos> tell_coordinator, const std::string& why);
  void tell_agent(const std::shared_ptr<Stream>& stream, Nanos wait, const std::string& why);
  void tell_coordinator(const std::shared_ptr<Stream>& stream, Nanos wait, const std::string& why);

  World& world_;
  method::Random random_;
  std::map<std::string, Weather> weather_;
  std::set<std::shared_ptr<Stream>> streams_;
  Server* server_ = nullptr;
};

}  // namespace kneepoint::faults
