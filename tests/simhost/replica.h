#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/result.h"
#include "tests/simhost/api_request.h"
#include "tests/simhost/connection.h"
#include "tests/simhost/counters.h"
#include "tests/simhost/host_config.h"
#include "tests/simhost/metrics.h"
#include "tests/simhost/pipeline.h"
#include "tests/simhost/send_log.h"

namespace kneepoint::simhost {

class Replica;

/// What all replicas of a host share; outlives them.
struct HostContext {
  HostConfig config;
  std::unique_ptr<SendLog> log;             ///< May be null.
  std::function<std::string()> stats_json;  ///< Of all replicas; safe from any thread.
  MonoTime ready_at{};                      ///< The model has been loaded.
  /// Where all replicas stand behind one address: all of them, and who gets what. They share a thread then.
  std::vector<Replica*> behind;
  std::unique_ptr<Pods> pods;
};

/// One serving process: a port, an engine, and the connections to it; of a split host the router, with all
/// workers behind it. Everything runs on the thread of `io`.
///
/// The engine's schedule is absolute: a timer waits for the end of each iteration, and an iteration delivered
/// late does not move the next one. One iteration a handler, so that reads are served in between while it
/// catches up.
class Replica {
 public:
  Replica(boost::asio::io_context& io, HostContext& context, int index);
  ~Replica();
  /// "x-replica: NAME" with its line end, empty where the host has no name.
  const std::string& name_header() const { return name_header_; }

  /// Binds and listens; call before the thread runs.
  Result<void> listen();
  std::uint16_t port() const { return port_; }
  /// Closes the listener and all connections. On the replica's thread.
  void stop();
  /// Safe from any thread.
  HostStats stats() const { return snapshot(counters_); }

  /// For connections: a request has been read; an answer will follow.
  void on_request(Connection& connection);
  /// For connections: it has closed; forgets it.
  void on_closed(Connection& connection);

 private:
  void accept();
  /// Begins a connection that was accepted here or for it.
  void adopt(boost::asio::ip::tcp::socket socket);
  /// The body of /metrics as this replica shows it.
  std::string page();
  std::string true_page();
  /// What a worker's engine says, of all that are in the pipeline.
  std::string shown_page();
  std::string worker_page(std::size_t worker);
  /// The worker whose page `path` is, where the host is split.
  std::optional<std::size_t> worker_at(std::string_view path) const;
  /// Serves other users, and remembers pages.
  void tick();
  void begin_tenants();
  void route_get(Connection& connection, std::string_view path);
  void completion(Connection& connection, Dialect dialect);
  /// The gate has let a request through.
  void admitted(Connection& connection);
  /// Whether the engine has the request now; else it has been answered.
  bool submit(Connection& connection, Dialect dialect);
  void tokenize(Connection& connection);
  /// True when a fault (or overload) has answered instead.
  bool refused(Connection& connection, std::optional<Fault> fault);
  Exchange::Plan plan_for(Connection& connection, CompletionRequest request, std::optional<Fault> fault,
                          std::optional<Misbehaviour> misbehaviour);
  void reject(Connection& connection, int status, std::string_view type, std::string_view message);
  void respond_error(Connection& connection, const ApiError& error);
  void schedule();
  void on_iteration_end();
  void observe(const Pipeline::Event& event, Exchange& exchange, const Emission& emission, Nanos now);
  ModelLimits limits() const;

  boost::asio::io_context& io_;
  HostContext& context_;
  int index_;
  std::string name_header_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer iteration_timer_;
  boost::asio::steady_timer accept_timer_;
  std::uint16_t port_ = 0;
  Pipeline pipeline_;
  ApiParser parser_;
  SplitMix64 random_;
  std::uint64_t sequence_ = 0;
  RealTime started_ = std::chrono::system_clock::now();
  Counters counters_;
  std::vector<EngineTelemetry> telemetry_;  // of each worker
  GpuSampler gpu_;
  Gate gate_;
  Tenants tenants_;
  PageHistory history_;
  boost::asio::steady_timer tick_timer_;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
  bool stopping_ = false;
};

}  // namespace kneepoint::simhost
