#include "agent/net/connection.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <utility>

namespace kneepoint::agent {
namespace {

/// A name that leads to an address which may not be loaded: said once, it is so for every request.
void warn_once(const Endpoint& endpoint, const sockaddr* address) {
  static std::atomic<bool> told = false;
  if (told.exchange(true)) return;
  spdlog::warn("{} leads to {}, which this agent may not load (--allow-target): not connected", endpoint.host,
               address_text(address));
}

}  // namespace

Connection::Connection(Poller& poller, Resolver& resolver, ThreadBuffers& buffers)
    : resolver_(resolver),
      buffers_(buffers),
      socket_(poller),
      deadline_(
          poller.timers(), [](void* self) { static_cast<Connection*>(self)->interrupt(Wake::kTimeout); },
          this) {}

Task<Outcome> Connection::open(const Peer& peer, Sleeper& sleeper) {
  close();
  const MonoTime deadline = mono_now() + peer.connect_timeout;
  const std::vector<Address> addresses = co_await resolver_.addresses(peer.endpoint, sleeper, deadline);
  if (addresses.empty()) co_return Outcome::kDns;
  const MonoTime resolved = mono_now();
  Outcome outcome = co_await connect(peer, addresses, deadline);
  if (outcome == Outcome::kConnect) resolver_.forget(peer.endpoint);
  if (outcome == Outcome::kSuccess && peer.tls) {
    deadline_.arm(deadline);
    outcome = co_await shake_hands(peer);
    deadline_.disarm();
  }
  connect_time_ = mono_now() - resolved;
  if (outcome != Outcome::kSuccess) close();
  co_return outcome;
}

Task<Outcome> Connection::connect(const Peer& peer, const std::vector<Address>& addresses,
                                  MonoTime deadline) {
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const MonoTime now = mono_now();
    const auto* address = reinterpret_cast<const sockaddr*>(&addresses[i].storage);
    if (peer.policy && !peer.policy->allows(peer.endpoint, address)) {
      warn_once(peer.endpoint, address);
      continue;
    }
    if (!socket_.connect(address, addresses[i].length)) continue;
    // A silent address may use its share of the time, not all of it.
    deadline_.arm(now + (deadline - now) / static_cast<std::int64_t>(addresses.size() - i));
    const Wake wake = co_await socket_.readiness().until_writable();
    deadline_.disarm();
    if (wake == Wake::kCancelled) co_return Outcome::kCancelled;
    if (wake == Wake::kReady && socket_.connect_error() == 0) {
      told_ = socket_.segments();  // a lost SYN is one of the connect time
      co_return Outcome::kSuccess;
    }
  }
  co_return Outcome::kConnect;
}

Task<Outcome> Connection::shake_hands(const Peer& peer) {
  tls_.emplace(*peer.tls, peer.tls_name);
  while (true) {
    const TlsStream::Handshake step = tls_->advance();
    if (tls_->has_outgoing()) {
      const Wake wake = co_await send_raw(tls_->outgoing());
      if (wake != Wake::kReady) co_return wake == Wake::kCancelled ? Outcome::kCancelled : Outcome::kTls;
    }
    if (step == TlsStream::Handshake::kDone) co_return Outcome::kSuccess;
    if (step == TlsStream::Handshake::kFailed) co_return Outcome::kTls;
    ReadResult got = socket_.read(buffers_.ciphertext);
    while (got.status == ReadResult::Status::kWouldBlock) {
      const Wake wake = co_await until_readable();
      if (wake != Wake::kReady) co_return wake == Wake::kCancelled ? Outcome::kCancelled : Outcome::kTls;
      got = socket_.read(buffers_.ciphertext);
    }
    if (got.status != ReadResult::Status::kData) co_return Outcome::kTls;
    tls_->feed({buffers_.ciphertext.data(), got.bytes}, got);
  }
}

Task<Wake> Connection::send(std::string_view data) {
  if (tls_) {
    tls_->write(data);
    co_return co_await send_raw(tls_->outgoing());
  }
  // Nearly always everything fits, and nothing is copied: `data` is the thread's, and gone after a
  // suspension.
  const std::ptrdiff_t sent = socket_.write(data);
  if (sent < 0 || static_cast<std::size_t>(sent) == data.size()) co_return Wake::kReady;
  co_return co_await send_raw(std::string(data.substr(static_cast<std::size_t>(sent))));
}

Task<Wake> Connection::send_raw(std::string data) {
  std::string_view left = data;
  while (!left.empty()) {
    const std::ptrdiff_t sent = socket_.write(left);
    if (sent < 0) break;
    left.remove_prefix(static_cast<std::size_t>(sent));
    if (left.empty()) break;
    const Wake wake = co_await socket_.readiness().until_writable();
    if (wake != Wake::kReady) co_return wake;
  }
  co_return Wake::kReady;
}

ReadResult Connection::read(std::span<char> buffer) {
  if (!tls_) return socket_.read(buffer);
  const ReadResult result = tls_->read(socket_, buffer, buffers_.ciphertext);
  // Answers to key updates; a full send buffer at this moment loses the connection, no more.
  if (tls_->has_outgoing()) {
    const std::string answer = tls_->outgoing();
    if (socket_.write(answer) != static_cast<std::ptrdiff_t>(answer.size()))
      return {.status = ReadResult::Status::kError};
  }
  return result;
}

bool Connection::gone_while_idle() {
  if (!socket_.readiness().readable) return false;
  return read(buffers_.for_reading()).status != ReadResult::Status::kWouldBlock;
}

SegmentCounts Connection::take_segments() {
  const SegmentCounts now = socket_.segments();
  SegmentCounts since = std::exchange(untold_, {});
  since.merge(now.since(told_));
  told_ = now;
  return since;
}

void Connection::close() {
  if (is_open()) untold_ = take_segments();
  told_ = {};
  socket_.close();
  tls_.reset();
}

}  // namespace kneepoint::agent
