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

/// One dialled stream to the coordinator; never dials again by itself. Hides gRPC: its threads only stamp
/// what arrives and pass it to `sink`.
class CoordinatorLink {
 public:
  using Sink = std::function<void(LinkEvent)>;  ///< Called from gRPC's threads until the destructor returns.

  /// @param credentials null: plain TCP. Of no concern to a Unix socket, which the file system guards.
  CoordinatorLink(const kneepoint::Endpoint& coordinator, std::uint64_t id, Sink sink,
                  const FleetCredentials* credentials = nullptr);
  /// Cancels whatever is still open, and waits until no thread uses `sink`. Takes milliseconds.
  ~CoordinatorLink();
  CoordinatorLink(const CoordinatorLink&) = delete;
  CoordinatorLink& operator=(const CoordinatorLink&) = delete;

  /// Queues; never blocks on the network: who has much to send waits for it to be acknowledged. Dropped once
  /// the stream has ended. Any thread.
  void send(v1::AgentMessage message);
  /// Half-closes after everything sent so far; LinkClosed follows when the coordinator has read it.
  void finish();

 private:
  class Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace kneepoint::agent
