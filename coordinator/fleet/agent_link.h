#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "common/endpoint.h"
#include "common/result.h"
#include "common/second_stats.h"

namespace kneepoint {
class FleetCredentials;
}

namespace kneepoint::v1 {
class AgentMessage;
class ClockReply;
class CoordinatorMessage;
}  // namespace kneepoint::v1

namespace kneepoint::coordinator {

/// The coordinator's end of one agent's stream. Safe from any thread; outlives its stream harmlessly.
class AgentLink {
 public:
  virtual ~AgentLink() = default;
  /// Queues; never blocks on the network. Dropped once the stream is closing.
  virtual void send(v1::CoordinatorMessage message) = 0;
  /// Ends the stream after everything sent so far.
  virtual void close() = 0;
  /// Breaks the stream at once.
  virtual void abort() = 0;
  /// One of its events has been dealt with. A link whose events nobody deals with is read no further, so that
  /// what waits is bounded for every agent.
  virtual void processed() = 0;
  /// When the last message came.
  virtual MonoTime heard_at() const = 0;
  /// The other end's address, for messages.
  virtual std::string peer() const = 0;
  /// Whether the other end may call itself `name`: with TLS its certificate must say so, else anyone may.
  virtual bool may_be(const std::string& name) const = 0;

  /// Whose link it is, or was: noted by the thread that deals with its events, for itself alone.
  std::weak_ptr<void> owner;
};

/// A link's last event.
struct LinkClosed {
  std::string reason;
  bool faulty =
      false;  ///< What came was not to be worked with: there is nothing to hope for from a new link.
};
/// What came over a link. What can be told without knowing the run is already validated; the first message is
/// always a Hello.
struct LinkEvent {
  std::shared_ptr<AgentLink> link;
  MonoTime at{};  ///< When it arrived.
  /// A batch, and what rode with it.
  struct RunBatch {
    std::string run_id;  ///< The run that it says it belongs to.
    SnapshotBatch batch;
    std::shared_ptr<const std::string> wire;                ///< The same as it came.
    bool more = false;                                      ///< Others wait until it is acknowledged.
    std::shared_ptr<const v1::ClockReply> heartbeat_reply;  ///< Null where none did.
  };
  using What = std::variant<std::shared_ptr<const v1::AgentMessage>, RunBatch, LinkClosed>;
  What what;
};

/// The gRPC server that agents dial. Hides gRPC and its threads, which only validate, stamp and pass on.
class LinkServer {
 public:
  using Sink = std::function<void(LinkEvent)>;  ///< Called from gRPC's threads until the destructor returns.

  /// Listens on every endpoint, or fails naming the one that cannot be had.
  /// With `credentials` every TCP endpoint speaks mutual TLS; a Unix socket is guarded by the file system.
  static Result<std::unique_ptr<LinkServer>> listen(const std::vector<Endpoint>& endpoints, Sink sink,
                                                    const FleetCredentials* credentials = nullptr);
  /// Gives closing streams a moment to flush, then breaks what is left.
  virtual ~LinkServer() = default;

  /// The port of each endpoint, as bound; 0 for a Unix socket.
  virtual const std::vector<int>& ports() const = 0;
  /// Breaks streams that say nothing. To be called about once a second.
  virtual void tend() = 0;
};

}  // namespace kneepoint::coordinator
