#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <vector>

namespace kneepoint {

/// A TCP relay on loopback that stands for the network between two parties: it can be cut (every connection
/// is reset; new ones work), shut (new ones are reset, too) or frozen (connections stay open and nothing
/// passes).
class Relay {
 public:
  explicit Relay(std::uint16_t target_port) : target_port_(target_port) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 16) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("relay: cannot listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Relay() {
    stopping_ = true;
    thread_.join();
    for (const Pair& pair : pairs_) drop(pair);
    close(listener_);
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  std::uint16_t port() const { return port_; }
  void cut() { cutting_ = true; }
  void shut() {
    shut_ = true;
    cut();
  }
  void freeze() { frozen_ = true; }
  void thaw() { frozen_ = false; }
  /// Where new connections go.
  void retarget(std::uint16_t port) { target_port_ = port; }

 private:
  struct Pair {
    int client;
    int server;
  };

  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }

  static void drop(const Pair& pair) {
    const linger reset{1, 0};
    for (const int fd : {pair.client, pair.server}) {
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
      close(fd);
    }
  }

  /// False when either side has ended.
  static bool pass(int from, int to) {
    std::array<char, 65'536> buffer;
    const ssize_t got = recv(from, buffer.data(), buffer.size(), 0);
    if (got <= 0) return false;
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t n = ::send(to, buffer.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += n;
    }
    return true;
  }

  void accept_one() {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in target = loopback(target_port_);
    if (!shut_ && connect(server, reinterpret_cast<const sockaddr*>(&target), sizeof(target)) == 0) {
      pairs_.push_back({client, server});
    } else {
      drop({client, server});
    }
  }

  void run() {
    while (!stopping_) {
      if (cutting_.exchange(false)) {
        for (const Pair& pair : pairs_) drop(pair);
        pairs_.clear();
      }
      if (frozen_) {
        poll(nullptr, 0, 5);
        continue;
      }
      std::vector<pollfd> fds{{listener_, POLLIN, 0}};
      for (const Pair& pair : pairs_) {
        fds.push_back({pair.client, POLLIN, 0});
        fds.push_back({pair.server, POLLIN, 0});
      }
      if (poll(fds.data(), fds.size(), 5) <= 0) continue;
      std::vector<Pair> alive;
      for (std::size_t i = 0; i < pairs_.size(); ++i) {
        const Pair pair = pairs_[i];
        const bool up = fds[1 + 2 * i].revents == 0 || pass(pair.client, pair.server);
        const bool down = fds[2 + 2 * i].revents == 0 || pass(pair.server, pair.client);
        if (up && down) {
          alive.push_back(pair);
        } else {
          drop(pair);
        }
      }
      pairs_ = std::move(alive);
      if (fds[0].revents != 0) accept_one();
    }
  }

  std::atomic<std::uint16_t> target_port_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::vector<Pair> pairs_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> cutting_ = false;
  std::atomic<bool> shut_ = false;
  std::atomic<bool> frozen_ = false;
  std::thread thread_;
};

}  // namespace kneepoint
