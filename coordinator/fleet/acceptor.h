#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/endpoint.h"
#include "common/result.h"

namespace kneepoint::coordinator {

/// Listens for agents and accepts their connections on a thread of its own. gRPC's listener never comes back
/// once the process has run out of descriptors; this one does, and leaves the run enough of them for its
/// files: what comes while they are scarce is closed at once. No descriptor of it is inherited.
class Acceptor {
 public:
  /// Takes a connected, non-blocking socket over, or says that it does not: it is closed. Called on the
  /// acceptor's thread until the destructor returns.
  using Take = std::function<bool(std::size_t endpoint, int listener, int connection)>;

  /// Every endpoint or none: an error names the one that cannot be had. A Unix socket that somebody listens
  /// on is refused; one that was left behind is replaced. Connections wait in the backlog until start().
  static Result<std::unique_ptr<Acceptor>> listen(const std::vector<Endpoint>& endpoints);
  /// Removes the Unix sockets.
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  void start(Take take);
  /// Accepts no more.
  void stop();
  /// The port of each endpoint, as bound; 0 for a Unix socket.
  std::vector<int> ports() const;

 private:
  struct Listener {
    int descriptor = -1;
    int port = 0;
    std::size_t endpoint = 0;
    std::string path;  // of a Unix socket
  };
  Acceptor() = default;
  Result<void> open_unix(const Endpoint& endpoint, std::size_t place);
  Result<void> open_tcp(const Endpoint& endpoint, std::size_t place);
  void run(const std::stop_token& stop, const Take& take);
  void accept_waiting(const Listener& listener, const Take& take);

  std::vector<Listener> listeners_;
  std::size_t endpoints_ = 0;
  int spare_ = -1;  // given up for a moment to close what cannot be kept
  std::jthread thread_;
};

}  // namespace kneepoint::coordinator
