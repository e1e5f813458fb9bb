#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/net/connection.h"

namespace kneepoint::agent {

/// A replica as requests see it; fixed for the run.
struct Route {
  Peer peer;
  std::string headers;  ///< Those that all requests share, each with its CRLF.
  Nanos request_timeout{0};
  Nanos idle_timeout{0};
  std::string replica_header;    ///< In lower case; empty for none.
  std::string session_header;    ///< Of requests; empty for none.
  std::string session_reply;     ///< Of responses, in lower case: names the session anew. Empty for none.
  bool keeps_connection = true;  ///< Else a connection carries one request.
};

/// One thread's open connections that no stream holds, by where they lead. Streams that keep to one replica
/// never come here.
class ConnectionPool {
 public:
  ConnectionPool(Poller& poller, Resolver& resolver, ThreadBuffers& buffers)
      : poller_(poller), resolver_(resolver), buffers_(buffers) {}

  /// A connection that is not open.
  std::unique_ptr<Connection> make() { return std::make_unique<Connection>(poller_, resolver_, buffers_); }
  /// The one to `route` that was used last, which the host is least likely to have closed; else one that is
  /// not open.
  std::unique_ptr<Connection> take(const Route& route) {
    auto& idle = idle_[&route];
    if (idle.empty()) return make();
    std::unique_ptr<Connection> connection = std::move(idle.back());
    idle.pop_back();
    return connection;
  }
  void put(const Route& route, std::unique_ptr<Connection> connection) {
    idle_[&route].push_back(std::move(connection));
  }

 private:
  Poller& poller_;
  Resolver& resolver_;
  ThreadBuffers& buffers_;
  std::unordered_map<const Route*, std::vector<std::unique_ptr<Connection>>> idle_;
};

}  // namespace kneepoint::agent
