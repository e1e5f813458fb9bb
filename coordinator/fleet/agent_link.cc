#include "coordinator/fleet/agent_link.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <optional>

#include "common/fleet_link.h"
#include "common/fleet_tls.h"
#include "common/wire.h"
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

/// One stream's state machine. gRPC allows one write at a time and wants Finish exactly once; here it comes
/// only when no write runs. The object keeps itself alive until gRPC is done with it, and others may hold it
/// longer.
class Stream final : public grpc::ServerBidiReactor<v1::AgentMessage, v1::CoordinatorMessage>,
                     public AgentLink {
 public:
  Stream(grpc::CallbackServerContext* context, const LinkServer::Sink& sink)
      : sink_(sink),
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
    {
      const std::lock_guard lock(mutex_);
      if (closing_) return;
      outgoing_.push_back(std::move(message));
    }
    pump();
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

  void OnReadDone(bool ok) override {
    if (!ok) {
      end("the stream ended");
      return close();
    }
    const MonoTime at = now();
    heard_at_.store(at.time_since_epoch().count(), std::memory_order_relaxed);
    const bool hello = incoming_->has_hello();
    if (hello == greeted_) {
      end(hello ? "a second hello" : "a stream that does not begin with a hello");
      return abort();
    }
    greeted_ = true;
    if (!pass_on(at)) return abort();
    incoming_ = std::make_shared<v1::AgentMessage>();
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
    if (!incoming_->has_batch()) {
      sink_({self_, at, std::shared_ptr<const v1::AgentMessage>(std::move(incoming_))});
      return true;
    }
    auto batch = from_wire(incoming_->batch());
    if (!batch) {
      end("an invalid batch: " + batch.error().message);
      return false;
    }
    sink_({self_, at, *std::move(batch)});
    return true;
  }

  /// Tells of the end once, with the first reason. Called from gRPC's threads only, one callback at a time or
  /// after the last.
  void end(std::string reason) {
    if (ended_.exchange(true)) return;
    sink_({self_, now(), LinkClosed{std::move(reason)}});
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
  const std::string peer_;
  const std::optional<std::vector<std::string>> certified_names_;
  std::shared_ptr<Stream> self_;
  std::shared_ptr<v1::AgentMessage> incoming_;
  v1::CoordinatorMessage current_;
  bool greeted_ = false;
  std::atomic<bool> ended_ = false;

  std::mutex mutex_;
  grpc::CallbackServerContext* context_;  // gRPC's; gone after OnDone
  std::deque<v1::CoordinatorMessage> outgoing_;
  bool writing_ = false;
  bool closing_ = false;
  bool finished_ = false;
  std::atomic<Nanos::rep> heard_at_;
};

class GrpcServer final : public LinkServer {
 public:
  GrpcServer(const std::vector<Endpoint>& endpoints, Sink sink, const FleetCredentials* credentials)
      : service_(std::move(sink)) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    builder.SetMaxReceiveMessageSize(fleet_link::kMaxMessageBytes);
    const auto interval = static_cast<int>(fleet_link::kKeepaliveInterval.count());
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, interval);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                               static_cast<int>(fleet_link::kKeepaliveTimeout.count()));
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, interval / 2);
    // Two coordinators on one port would share the agents out between them.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    ports_.resize(endpoints.size());
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
      const bool tls = credentials != nullptr && !endpoints[i].is_unix();
      builder.AddListeningPort(endpoints[i].str(),
                               tls ? credentials->server() : grpc::InsecureServerCredentials(), &ports_[i]);
    }
    server_ = builder.BuildAndStart();
    // gRPC says 1 for the port of a Unix socket.
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
      if (endpoints[i].is_unix()) ports_[i] = 0;
    }
  }

  ~GrpcServer() override {
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
    server_->Wait();
  }

  bool listening() const { return server_ != nullptr; }
  const std::vector<int>& ports() const override { return ports_; }

 private:
  class Service final : public v1::Fleet::CallbackService {
   public:
    explicit Service(Sink sink) : sink_(std::move(sink)) {}
    grpc::ServerBidiReactor<v1::AgentMessage, v1::CoordinatorMessage>* Session(
        grpc::CallbackServerContext* context) override {
      auto stream = std::make_shared<Stream>(context, sink_);
      stream->start(stream);
      return stream.get();
    }

   private:
    const Sink sink_;
  };

  Service service_;
  std::vector<int> ports_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

Result<std::unique_ptr<LinkServer>> LinkServer::listen(const std::vector<Endpoint>& endpoints, Sink sink,
                                                       const FleetCredentials* credentials) {
  auto server = std::make_unique<GrpcServer>(endpoints, std::move(sink), credentials);
  if (server->listening()) return std::unique_ptr<LinkServer>(std::move(server));
  std::string where;
  for (const Endpoint& endpoint : endpoints) where += (where.empty() ? "" : " and ") + endpoint.str();
  return Error{fmt::format("cannot listen on {} for agents (is the port taken?)", where)};
}

}  // namespace kneepoint::coordinator
