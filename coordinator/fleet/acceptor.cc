#include "coordinator/fleet/acceptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace kneepoint::coordinator {
namespace {

/// A thousand agents may dial at once.
constexpr int kBacklog = 4096;
constexpr int kPatienceMillis = 100;
/// So many descriptors are kept for the run's own files and connections.
constexpr rlim_t kReserved = 64;

Error cannot_listen(const Endpoint& endpoint, const std::string& why) {
  return Error{fmt::format("cannot listen on {} for agents: {}", endpoint.str(), why)};
}

/// The first descriptor that is not for an agent's connection. The kernel gives the lowest that is free, so
/// one from here on says how many are in use.
int first_reserved() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<int>(limit.rlim_cur - std::min(kReserved, limit.rlim_cur / 4));
}

bool somebody_listens(const sockaddr_un& address) {
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(probe);
  return connected;
}

}  // namespace

Result<std::unique_ptr<Acceptor>> Acceptor::listen(const std::vector<Endpoint>& endpoints) {
  std::unique_ptr<Acceptor> acceptor(new Acceptor);
  acceptor->endpoints_ = endpoints.size();
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    auto opened =
        endpoints[i].is_unix() ? acceptor->open_unix(endpoints[i], i) : acceptor->open_tcp(endpoints[i], i);
    if (!opened) return opened.error();
  }
  acceptor->spare_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return acceptor;
}

Result<void> Acceptor::open_unix(const Endpoint& endpoint, std::size_t place) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  endpoint.path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  struct stat there {};
  if (lstat(address.sun_path, &there) == 0) {
    if (!S_ISSOCK(there.st_mode)) return cannot_listen(endpoint, "there is a file of that name");
    if (somebody_listens(address)) return cannot_listen(endpoint, "another coordinator does");
    unlink(address.sun_path);
  }
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return cannot_listen(endpoint, std::strerror(errno));
  listeners_.push_back({.descriptor = descriptor, .endpoint = place});
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(descriptor, kBacklog) != 0)
    return cannot_listen(endpoint, std::strerror(errno));
  listeners_.back().path = endpoint.path;
  return {};
}

Result<void> Acceptor::open_tcp(const Endpoint& endpoint, std::size_t place) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int problem =
      getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  if (problem != 0) return cannot_listen(endpoint, gai_strerror(problem));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  std::string why = "it has no address";
  int port = endpoint.port;
  bool any = false;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    const int descriptor = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) {
      why = std::strerror(errno);
      continue;
    }
    const int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (at->ai_family == AF_INET6) {
      // "::" is every address, of both kinds, as it is elsewhere.
      const int only = endpoint.host == "::" ? 0 : 1;
      setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
    }
    sockaddr_storage address{};
    std::memcpy(&address, at->ai_addr, at->ai_addrlen);
    // One port for all addresses of a name.
    auto& in_port = at->ai_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                              : reinterpret_cast<sockaddr_in&>(address).sin_port;
    in_port = htons(static_cast<std::uint16_t>(port));
    socklen_t size = at->ai_addrlen;
    if (bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(descriptor, kBacklog) != 0 ||
        getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      const bool taken = errno == EADDRINUSE;
      why = std::strerror(errno);
      close(descriptor);
      if (taken) return cannot_listen(endpoint, why + " (is another coordinator running?)");
      continue;
    }
    port = ntohs(in_port);
    any = true;
    listeners_.push_back({.descriptor = descriptor, .port = port, .endpoint = place});
  }
  if (!any) return cannot_listen(endpoint, why);
  return {};
}

Acceptor::~Acceptor() {
  stop();
  for (const Listener& listener : listeners_) {
    close(listener.descriptor);
    if (!listener.path.empty()) unlink(listener.path.c_str());
  }
  if (spare_ >= 0) close(spare_);
}

void Acceptor::start(Take take) {
  thread_ = std::jthread([this, take = std::move(take)](const std::stop_token& stop) { run(stop, take); });
}

void Acceptor::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

std::vector<int> Acceptor::ports() const {
  std::vector<int> ports(endpoints_, 0);
  for (const Listener& listener : listeners_) ports[listener.endpoint] = listener.port;
  return ports;
}

void Acceptor::run(const std::stop_token& stop, const Take& take) {
  std::vector<pollfd> polled;
  for (const Listener& listener : listeners_) polled.push_back({listener.descriptor, POLLIN, 0});
  while (!stop.stop_requested()) {
    if (poll(polled.data(), polled.size(), kPatienceMillis) <= 0) continue;
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if (polled[i].revents != 0) accept_waiting(listeners_[i], take);
    }
  }
}

void Acceptor::accept_waiting(const Listener& listener, const Take& take) {
  const int reserved = first_reserved();
  for (;;) {
    const int connection = accept4(listener.descriptor, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection >= reserved) {
      close(connection);
      continue;
    }
    if (connection >= 0) {
      const int on = 1;
      setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on,
                 sizeof(on));  // fails for a Unix socket, as it may
      if (!take(listener.endpoint, listener.descriptor, connection)) close(connection);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno != EMFILE && errno != ENFILE) return;  // none waits, or a passing trouble: polled again
    // Others have taken all descriptors. Who waits is turned away, so that it does not look like success.
    close(std::exchange(spare_, -1));
    const int refused = accept4(listener.descriptor, nullptr, nullptr, SOCK_CLOEXEC);
    if (refused >= 0) close(refused);
    spare_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
    poll(nullptr, 0, kPatienceMillis);
    return;
  }
}

}  // namespace kneepoint::coordinator
