#include "agent/session/coordinator_link.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "common/fleet_link.h"
#include "common/fleet_tls.h"
#include "common/lease.h"
#include "kneepoint/v1/fleet.grpc.pb.h"

namespace kneepoint::agent {
namespace {

/// How long one attempt to connect may take. (gRPC names it after its own back-off, which is not used here.)
constexpr int kConnectMillis = 5000;

int millis(Nanos duration) {
  return static_cast<int>(duration / std::chrono::milliseconds(1));
}

/// Events of one link that may wait for the session.
constexpr std::int64_t kMostUnprocessed = 64;

std::shared_ptr<grpc::Channel> open_channel(const kneepoint::Endpoint& coordinator,
                                            const FleetCredentials* credentials) {
  grpc::ChannelArguments args;
  args.SetMaxReceiveMessageSize(fleet_link::kMaxMessageBytes);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, millis(lease::kKeepaliveInterval));
  args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, millis(lease::kKeepaliveTimeout));
  args.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  args.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // fleet_link::kLookahead
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMillis);
  // Every link is a fresh attempt: neither the back-off of an earlier one nor a proxy meant for the web
  // applies.
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const bool tls = credentials != nullptr && !coordinator.is_unix();
  return grpc::CreateCustomChannel(coordinator.str(),
                                   tls ? credentials->channel() : grpc::InsecureChannelCredentials(), args);
}

/// The stream's state machine. gRPC allows one write at a time and wants the "hold" released exactly once,
/// when no further operation can start from outside its callbacks: that is when reading has ended and no
/// write is running.
class Stream final : public grpc::ClientBidiReactor<v1::AgentMessage, v1::CoordinatorMessage> {
 public:
  Stream(const kneepoint::Endpoint& coordinator, std::uint64_t id, CoordinatorLink::Sink sink,
         const FleetCredentials* credentials)
      : id_(id), sink_(std::move(sink)), stub_(v1::Fleet::NewStub(open_channel(coordinator, credentials))) {
    stub_->async()->Session(&context_, this);
    AddHold();
    incoming_ = std::make_shared<v1::CoordinatorMessage>();
    StartRead(incoming_.get());
    StartCall();
  }

  void send(v1::AgentMessage message) {
    bool full = false;
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || finishing_) return;
      queued_ += message.ByteSizeLong();
      full = queued_ > fleet_link::kMaxQueuedBytes && !outgoing_.empty();
      outgoing_.push_back(std::move(message));
    }
    if (full) return context_.TryCancel();
    pump();
  }

  void processed() {
    const std::lock_guard lock(mutex_);
    if (--unprocessed_ < kMostUnprocessed / 2) read_on();
  }

  void finish() {
    {
      const std::lock_guard lock(mutex_);
      finishing_ = true;
    }
    pump();
  }

  void cancel_and_wait() {
    context_.TryCancel();
    std::unique_lock lock(mutex_);
    read_on();  // so that a read ends
    done_changed_.wait(lock, [this] { return done_; });
  }

  void OnReadDone(bool ok) override {
    if (ok) {
      sink_({id_, SystemClock().now(), std::shared_ptr<const v1::CoordinatorMessage>(std::move(incoming_))});
      const std::lock_guard lock(mutex_);
      incoming_ = std::make_shared<v1::CoordinatorMessage>();
      paused_ = ++unprocessed_ >= kMostUnprocessed;
      if (!paused_) StartRead(incoming_.get());
      return;
    }
    bool release = false;
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      release = !writing_;
    }
    if (release) RemoveHold();
  }

  void OnWriteDone(bool) override { write_ended(); }
  void OnWritesDoneDone(bool) override { write_ended(); }

  void OnDone(const grpc::Status& status) override {
    sink_({id_, SystemClock().now(),
           LinkClosed{status.ok() ? "the coordinator closed the stream" : status.error_message()}});
    const std::lock_guard lock(mutex_);
    done_ = true;
    done_changed_.notify_all();
  }

 private:
  /// With the mutex.
  void read_on() {
    if (std::exchange(paused_, false)) StartRead(incoming_.get());
  }
  void write_ended() {
    bool release = false;
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      release = closed_;
    }
    if (release) {
      RemoveHold();
    } else {
      pump();
    }
  }

  /// Starts the next write, if none runs. `writing_` keeps others out, so the start itself needs no lock.
  void pump() {
    bool half_close = false;
    {
      const std::lock_guard lock(mutex_);
      if (writing_ || closed_) return;
      if (!outgoing_.empty()) {
        current_ = std::move(outgoing_.front());
        outgoing_.pop_front();
        queued_ -= std::min(queued_, current_.ByteSizeLong());
      } else if (finishing_ && !half_closed_) {
        half_close = half_closed_ = true;
      } else {
        return;
      }
      writing_ = true;
    }
    if (half_close) {
      StartWritesDone();
    } else {
      StartWrite(&current_);
    }
  }

  const std::uint64_t id_;
  const CoordinatorLink::Sink sink_;
  std::unique_ptr<v1::Fleet::Stub> stub_;
  grpc::ClientContext context_;
  std::shared_ptr<v1::CoordinatorMessage> incoming_;
  v1::AgentMessage current_;

  std::mutex mutex_;
  std::condition_variable done_changed_;
  std::deque<v1::AgentMessage> outgoing_;
  std::size_t queued_ = 0;        // bytes of them
  std::int64_t unprocessed_ = 0;  // events passed on
  bool paused_ = false;           // not reading, because of them
  bool writing_ = false;
  bool finishing_ = false;
  bool half_closed_ = false;
  bool closed_ = false;
  bool done_ = false;
};

class GrpcLink final : public CoordinatorLink {
 public:
  GrpcLink(const kneepoint::Endpoint& coordinator, std::uint64_t id, Sink sink,
           const FleetCredentials* credentials)
      : stream_(coordinator, id, std::move(sink), credentials) {}
  ~GrpcLink() override { stream_.cancel_and_wait(); }
  void send(v1::AgentMessage message) override { stream_.send(std::move(message)); }
  void processed() override { stream_.processed(); }
  void finish() override { stream_.finish(); }

 private:
  Stream stream_;
};

}  // namespace

std::unique_ptr<CoordinatorLink> CoordinatorLink::dial(const kneepoint::Endpoint& coordinator,
                                                       std::uint64_t id, Sink sink,
                                                       const FleetCredentials* credentials) {
  return std::make_unique<GrpcLink>(coordinator, id, std::move(sink), credentials);
}

}  // namespace kneepoint::agent
