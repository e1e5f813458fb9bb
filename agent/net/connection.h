#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/net/resolver.h"
#include "agent/net/stamped_socket.h"
#include "agent/net/target_policy.h"
#include "agent/net/task.h"
#include "agent/net/tls_stream.h"
#include "agent/prompts/prompt_source.h"
#include "common/dialects/event_framing.h"
#include "common/second_stats.h"

namespace kneepoint::agent {

/// Buffers that all streams of a thread share: a read is consumed before the next stream runs, so ten
/// thousand streams need one.
struct ThreadBuffers {
  ThreadBuffers() : plain(kReadSize + kPadding), ciphertext(kReadSize - TlsStream::kRecordSize) {}
  std::span<char> for_reading() { return std::span(plain).first(kReadSize); }

  static constexpr std::size_t kReadSize = 64 * 1024;
  std::vector<char> plain;  ///< kPadding readable bytes behind every read.
  std::vector<char> ciphertext;
  PromptBuffer prompt;   ///< A request's text while it is written.
  std::string body;      ///< A request's body while it is put together.
  std::string request;   ///< A request's bytes until they are sent.
  std::size_t held = 0;  ///< Bytes of answers that streams keep until they are whole.
};

/// Where a slot connects to.
struct Peer {
  Endpoint endpoint;
  std::shared_ptr<const TlsContext> tls;  ///< Null: plain TCP.
  std::string tls_name;                   ///< What the certificate must say.
  Nanos connect_timeout{0};
  std::shared_ptr<const TargetPolicy> policy;  ///< Null: every address.
};

/// A slot's connection, plain or TLS, opened and reopened as needed. Belongs to one poller's thread.
class Connection {
 public:
  Connection(Poller& poller, Resolver& resolver, ThreadBuffers& buffers);

  /// Resolves, connects (to the first address that answers) and shakes hands, all within the peer's connect
  /// timeout.
  /// @return kSuccess, kDns, kConnect, kTls, or kCancelled after an interruption.
  Task<Outcome> open(const Peer& peer, Sleeper& sleeper);
  /// What the last successful `open` took once the addresses were known: TCP and TLS.
  Nanos connect_time() const { return connect_time_; }

  /// @return kReady when everything was handed to the kernel or when the connection failed, which reading
  /// tells.
  Task<Wake> send(std::string_view data);

  /// Reads without blocking; see StampedSocket::read.
  ReadResult read(std::span<char> buffer);
  Readiness::Awaiter until_readable() { return socket_.readiness().until_readable(); }
  void interrupt(Wake why) { socket_.readiness().interrupt(why); }

  /// Whether what was read is no good TLS.
  bool tls_failed() const { return tls_ && tls_->failed(); }
  bool is_open() const { return socket_.is_open(); }
  /// Segments of data since the last call, of connections that were closed since then too; what it took to
  /// connect is no part of it. For the end of a request: a system call.
  SegmentCounts take_segments();
  /// Whether the peer closed an idle connection, or sent what nobody asked for.
  bool gone_while_idle();
  void close();

 private:
  Task<Outcome> connect(const Peer& peer, const std::vector<Address>& addresses, MonoTime deadline);
  Task<Outcome> shake_hands(const Peer& peer);
  Task<Wake> send_raw(std::string data);

  Resolver& resolver_;
  ThreadBuffers& buffers_;
  StampedSocket socket_;
  std::optional<TlsStream> tls_;
  Timer deadline_;
  Nanos connect_time_{0};
  SegmentCounts told_;    // of the open connection, up to the last call
  SegmentCounts untold_;  // of closed ones
};

}  // namespace kneepoint::agent
