#include "coordinator/fleet/agent_link.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <optional>

#include "common/batch_bytes.h"
#include "common/fleet_link.h"
#include "common/fleet_tls.h"
#include "common/lease.h"
#include "coordinator/fleet/acceptor.h"
#include "coordinator/fleet/agent_messages.h"
#include "coordinator/fleet/strangers.h"
#include "kneepoint/v1/fleet.grpc.pb.h"

namespace kneepoint::coordinator {
namespace {

/// The DNS names in the peer's certificate; absent where there is none.
std::optional<std::vector<std::string>> names_of(const grpc::CallbackServerContext& context) {
  const auto identity = context.auth_context();
  if (!identity || !identity->IsPeerAuthenticated()) return std::nullopt;
  std::vector<std::string> names;
  for (const grpc::string_ref& name : identity->FindPropertyValues(GRPC_PEER_DNS_PROPERTY_NAME))
    names.emplace_back(name.data(), name.size());
  return names;
}

MonoTime now() {
  return SystemClock().now();
}

/// Events of one link that may wait for the thread that decides.
constexpr std::size_t kMostUnprocessed = 64;
/// And what they may hold: the last one comes on top.
constexpr std::size_t kMostUnprocessedBytes = std::size_t{32} << 20;
/// A message takes more memory than it has bytes.
constexpr std::size_t kMessageFactor = 16;

int millis(Nanos duration) {
  return static_cast<int>(duration / std::chrono::milliseconds(1));
}

/// About what it holds until it has been dealt with.
std::size_t held_bytes(const LinkEvent::What& what) {
  if (const auto* batch = std::get_if<LinkEvent::RunBatch>(&what))
    return kneepoint::held_bytes(batch->batch) + batch->wire->size();
  const auto* message = std::get_if<std::shared_ptr<const v1::AgentMessage>>(&what);
  return message == nullptr ? 0 : kMessageFactor * (*message)->ByteSizeLong();
}

/// One stream's state machine. gRPC allows one write at a time and wants Finish exactly once; here it comes
/// only when no write runs. The object keeps itself alive until gRPC is done with it, and others may hold it
/// longer.
class Stream final : public grpc::ServerBidiReactor<v1::AgentMessage, v1::CoordinatorMessage>,
                     public AgentLink {
 public:
  Stream(grpc::CallbackServerContext* context, const LinkServer::Sink& sink, Strangers& strangers)
      : sink_(sink),
        strangers_(strangers),
        peer_(context->peer()),
        certified_names_(names_of(*context)),
        context_(context),
        heard_at_(now().time_since_epoch().count()) {}

  void start(std::shared_ptr<Stream> self) {
    self_ = std::move(self);
    incoming_ = std::make_shared<v1::AgentMessage>();
    StartRead(incoming_.get());
  }

  void send(v1::CoordinatorMessage message) override {
    bool full = false;
    {
      const std::lock_guard lock(mutex_);
      if (closing_) return;
      queued_ += message.ByteSizeLong();
      full = queued_ > fleet_link::kMaxQueuedBytes && !outgoing_.empty();
      outgoing_.push_back(std::move(message));
    }
    full ? abort() : pump();
  }

  void close() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    pump();
  }

  void abort() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
      outgoing_.clear();
      if (context_ != nullptr) context_->TryCancel();
    }
    pump();
  }

  MonoTime heard_at() const override { return MonoTime(Nanos(heard_at_.load(std::memory_order_relaxed))); }
  std::string peer() const override { return peer_; }
  bool may_be(const std::string& name) const override {
    return !certified_names_ || certified(*certified_names_, name);
  }
  bool greeted() const { return greeted_; }

  void OnReadDone(bool ok) override {
    if (!ok) {
      end("the stream ended");
      return close();
    }
    const MonoTime at = now();
    heard_at_.store(at.time_since_epoch().count(), std::memory_order_relaxed);
    const bool hello = incoming_->has_hello();
    if (hello == greeted_) {
      end(hello ? "a second hello" : "a stream that does not begin with a hello", true);
      return abort();
    }
    if (!greeted_.exchange(true)) strangers_.greeted();
    if (!pass_on(at)) return hello ? close() : abort();
    const std::lock_guard lock(mutex_);
    incoming_ = std::make_shared<v1::AgentMessage>();
    paused_ = unprocessed_.size() >= kMostUnprocessed || unprocessed_bytes_ >= kMostUnprocessedBytes;
    if (!paused_) StartRead(incoming_.get());
  }

  void processed() override {
    const std::lock_guard lock(mutex_);
    if (unprocessed_.empty()) return;
    unprocessed_bytes_ -= unprocessed_.front();
    unprocessed_.pop_front();
    const bool many =
        unprocessed_.size() >= kMostUnprocessed / 2 || unprocessed_bytes_ >= kMostUnprocessedBytes / 2;
    if (many || !paused_ || closing_ || context_ == nullptr) return;
    paused_ = false;
    StartRead(incoming_.get());
  }

  void OnWriteDone(bool ok) override {
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      if (!ok) {
        closing_ = true;
        outgoing_.clear();
      }
    }
    pump();
  }

  void OnCancel() override { abort(); }

  void OnDone() override {
    end("the stream broke");
    {
      const std::lock_guard lock(mutex_);
      context_ = nullptr;
    }
    self_.reset();  // May destroy this.
  }

 private:
  /// False when what came is not fit to be passed on.
  bool pass_on(MonoTime at) {
    auto event = event_of(incoming_);
    if (!event) {
      // Who has not been let in hears why: it would try again, and take this for no coordinator.
      if (incoming_->has_hello()) reject(event.error().message);
      end(event.error().message, true);
      return false;
    }
    {
      // Before anybody can say that it has been dealt with.
      const std::lock_guard lock(mutex_);
      unprocessed_bytes_ += unprocessed_.emplace_back(held_bytes(*event));
    }
    sink_({self_, at, *std::move(event)});
    return true;
  }

  void reject(const std::string& reason) {
    v1::CoordinatorMessage message;
    message.mutable_rejected()->set_reason(reason);
    send(std::move(message));
  }

  /// Tells of the end once, with the first reason. Called from gRPC's threads only, one callback at a time or
  /// after the last.
  void end(std::string reason, bool faulty = false) {
    if (ended_.exchange(true)) return;
    sink_({self_, now(), LinkClosed{.reason = std::move(reason), .faulty = faulty}});
  }

  /// Starts the next write or the end. `writing_` and `finished_` keep others out, so the start needs no
  /// lock.
  void pump() {
    bool finish = false;
    {
      const std::lock_guard lock(mutex_);
      if (writing_ || finished_) return;
      if (!outgoing_.empty()) {
        current_ = std::move(outgoing_.front());
        outgoing_.pop_front();
        queued_ -= std::min(queued_, current_.ByteSizeLong());
        writing_ = true;
      } else if (closing_) {
        finish = finished_ = true;
      } else {
        return;
      }
    }
    if (finish) {
      Finish(grpc::Status::OK);
    } else {
      StartWrite(&current_);
    }
  }

  const LinkServer::Sink& sink_;
  Strangers& strangers_;
  const std::string peer_;
  const std::optional<std::vector<std::string>> certified_names_;
  std::shared_ptr<Stream> self_;
  std::shared_ptr<v1::AgentMessage> incoming_;
  v1::CoordinatorMessage current_;
  std::atomic<bool> greeted_ = false;
  std::atomic<bool> ended_ = false;

  std::mutex mutex_;
  grpc::CallbackServerContext* context_;  // gRPC's; gone after OnDone
  std::deque<v1::CoordinatorMessage> outgoing_;
  std::size_t queued_ = 0;               // bytes of them
  std::deque<std::size_t> unprocessed_;  // what each event that was passed on holds
  std::size_t unprocessed_bytes_ = 0;
  bool paused_ = false;  // not reading, because of them
  bool writing_ = false;
  bool closing_ = false;
  bool finished_ = false;
  std::atomic<Nanos::rep> heard_at_;
};

class GrpcServer final : public LinkServer {
 public:
  GrpcServer(std::unique_ptr<Acceptor> acceptor, std::vector<bool> tls, Sink sink,
             const FleetCredentials* credentials)
      : service_(std::move(sink)), acceptor_(std::move(acceptor)), ports_(acceptor_->ports()) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    builder.SetMaxReceiveMessageSize(fleet_link::kMaxAgentMessageBytes);
    const int interval = millis(lease::kKeepaliveInterval);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, interval);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, millis(lease::kKeepaliveTimeout));
    builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, fleet_link::kLookahead);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, interval / 2);
    // A connection that does not get as far as a stream, or has none any more, is closed.
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, millis(lease::kGreeting));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, millis(lease::kGreeting));
    // So descriptors bound streams, too.
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 4);
    const auto accept = [&builder](std::shared_ptr<grpc::ServerCredentials> with) {
      return builder.experimental().AddExternalConnectionAcceptor(
          grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, std::move(with));
    };
    plain_ = accept(grpc::InsecureServerCredentials());
    if (credentials != nullptr) encrypted_ = accept(credentials->server());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return;
    acceptor_->start([this, tls = std::move(tls)](std::size_t endpoint, int listener, int connection) {
      if (!service_.strangers().admit(connection, now())) return false;
      grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
      parameters.listener_fd = listener;
      parameters.fd = connection;
      (tls[endpoint] ? encrypted_ : plain_)->HandleNewConnection(&parameters);
      return true;
    });
  }

  ~GrpcServer() override {
    acceptor_->stop();
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
    server_->Wait();
  }

  bool listening() const { return server_ != nullptr; }
  const std::vector<int>& ports() const override { return ports_; }
  void tend() override { service_.tend(); }

 private:
  class Service final : public v1::Fleet::CallbackService {
   public:
    explicit Service(Sink sink) : sink_(std::move(sink)) {}
    Strangers& strangers() { return strangers_; }
    grpc::ServerBidiReactor<v1::AgentMessage, v1::CoordinatorMessage>* Session(
        grpc::CallbackServerContext* context) override {
      auto stream = std::make_shared<Stream>(context, sink_, strangers_);
      {
        const std::lock_guard lock(mutex_);
        silent_.push_back({stream, now()});
      }
      stream->start(stream);
      return stream.get();
    }

    /// Breaks the streams that have not said a hello in time.
    void tend() {
      const std::lock_guard lock(mutex_);
      std::erase_if(silent_, [](const Silent& silent) {
        const auto stream = silent.stream.lock();
        if (!stream || stream->greeted()) return true;
        if (now() - silent.since < lease::kGreeting) return false;
        stream->abort();
        return true;
      });
    }

   private:
    struct Silent {
      std::weak_ptr<Stream> stream;
      MonoTime since{};
    };
    const Sink sink_;
    Strangers strangers_;
    std::mutex mutex_;
    std::vector<Silent> silent_;
  };

  Service service_;
  const std::unique_ptr<Acceptor> acceptor_;
  const std::vector<int> ports_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> plain_, encrypted_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

Result<std::unique_ptr<LinkServer>> LinkServer::listen(const std::vector<Endpoint>& endpoints, Sink sink,
                                                       const FleetCredentials* credentials) {
  auto acceptor = Acceptor::listen(endpoints);
  if (!acceptor) return acceptor.error();
  std::vector<bool> tls;
  for (const Endpoint& endpoint : endpoints) tls.push_back(credentials != nullptr && !endpoint.is_unix());
  auto server =
      std::make_unique<GrpcServer>(*std::move(acceptor), std::move(tls), std::move(sink), credentials);
  if (!server->listening()) return Error{"cannot serve agents: gRPC does not start"};
  return std::unique_ptr<LinkServer>(std::move(server));
}

}  // namespace kneepoint::coordinator
