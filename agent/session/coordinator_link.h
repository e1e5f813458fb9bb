#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "common/clock.h"
#include "common/endpoint.h"

namespace kneepoint {
class FleetCredentials;
}

namespace kneepoint::v1 {
class AgentMessage;
class CoordinatorMessage;
}  // namespace kneepoint::v1

namespace kneepoint::agent {

/// The stream ended, for whatever reason; nothing more comes from this link.
struct LinkClosed {
  std::string reason;
};

/// What a link reports to its session.
struct LinkEvent {
  std::uint64_t link =
      0;          ///< The id given at construction: events of an abandoned link are told apart by it.
  MonoTime at{};  ///< When it arrived.
  std::variant<std::shared_ptr<const v1::CoordinatorMessage>, LinkClosed> what;
};

/// One dialled stream to the coordinator; never dials again by itself.
class CoordinatorLink {
 public:
  using Sink = std::function<void(LinkEvent)>;  ///< Called from any thread until the destructor returns.

  /// Over gRPC, whose threads only stamp what arrives and pass it to `sink`.
  /// @param credentials null: plain TCP. Of no concern to a Unix socket, which the file system guards.
  static std::unique_ptr<CoordinatorLink> dial(const kneepoint::Endpoint& coordinator, std::uint64_t id,
                                               Sink sink, const FleetCredentials* credentials = nullptr);
  /// Cancels whatever is still open, and waits until no thread uses the sink. Takes milliseconds.
  virtual ~CoordinatorLink() = default;

  /// Queues; never blocks on the network: who has much to send waits for it to be acknowledged. Dropped once
  /// the stream has ended, which it does where far too much waits for a coordinator that does not read. Any
  /// thread.
  virtual void send(v1::AgentMessage message) = 0;
  /// One of its events has been dealt with. A link whose events nobody deals with is read no further, so that
  /// what waits is bounded. Any thread.
  virtual void processed() = 0;
  /// Half-closes after everything sent so far; LinkClosed follows when the coordinator has read it.
  virtual void finish() = 0;
};

}  // namespace kneepoint::agent
