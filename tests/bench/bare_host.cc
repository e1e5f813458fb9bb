// The floor that any host of streamed answers stands on: one thread, epoll and send. A request is whatever
// one read brings; each of the ports ticks by itself, and at a tick every stream of that port gets one
// ready-made event of the simulated host's usual size. Its CPU per event is what the kernel alone costs; the
// simulated host is compared with it. On loopback that is more than a sender's share: `send` also carries the
// packet up the receiver's side of TCP, and wakes the receiver.
//
// Prints where it listens, and what it sent and used when it is ended by SIGTERM or SIGINT, as JSON.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/descriptor_limit.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
constexpr std::string_view kEvent =
    R"(data: {"id":"chatcmpl-0-00000001","object":"chat.completion.chunk","created":1795829027,)"
    R"("model":"qwen3-4b-instruct-2507","choices":[{"index":0,"delta":{"content":" layer"},"logprobs":null,)"
    R"("finish_reason":null}],"usage":{"prompt_tokens":7,"total_tokens":10,"completion_tokens":3}})"
    "\n\n";
constexpr std::string_view kEnd = "0\r\n\r\n";

struct Port;

/// What epoll reports of: a listening socket, or one of its streams.
struct Watched {
  int fd = -1;
  Port* port = nullptr;
  bool listens = false;
  int left = 0;  ///< Events of the current answer that are still to be sent.
};

struct Port {
  Watched listener;
  std::string address;
  std::vector<std::unique_ptr<Watched>> streams;
  Clock::time_point next_tick;
};

class BareHost {
 public:
  BareHost(Clock::duration interval, int events_per_answer)
      : interval_(interval),
        events_per_answer_(events_per_answer),
        event_(fmt::format("{:x}\r\n{}\r\n", kEvent.size(), kEvent)),
        poll_(epoll_create1(EPOLL_CLOEXEC)) {}

  /// Listens on that many ports of loopback, whose ticks are evenly out of step. @returns false with errno
  /// set.
  bool listen_on(std::size_t ports);
  std::string addresses() const;
  /// Serves until there is something to read from `until`.
  void run(int until);

  std::uint64_t events() const { return events_; }    ///< Taken whole by the kernel.
  std::uint64_t refused() const { return refused_; }  ///< Not, since a stream's buffer was full.

 private:
  void watch(Watched& what);
  void accept_all(Port& port);
  void read_request(Watched& stream);
  void tick(Port& port);
  Port& next_to_tick() { return *std::ranges::min_element(ports_, {}, &Port::next_tick); }

  Clock::duration interval_;
  int events_per_answer_;
  std::string event_;
  int poll_;
  std::vector<Port> ports_;
  std::uint64_t events_ = 0;
  std::uint64_t refused_ = 0;
};

bool BareHost::listen_on(std::size_t ports) {
  ports_.resize(ports);
  const auto now = Clock::now();
  for (std::size_t i = 0; i < ports; ++i) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, any, size) != 0 || listen(fd, 4096) != 0 || getsockname(fd, any, &size) != 0) {
      return false;
    }
    Port& port = ports_[i];
    port.listener = {.fd = fd, .port = &port, .listens = true};
    port.address = fmt::format("127.0.0.1:{}", ntohs(address.sin_port));
    port.next_tick = now + interval_ * i / ports;
    watch(port.listener);
  }
  return true;
}

std::string BareHost::addresses() const {
  std::string all;
  for (const Port& port : ports_) all += (all.empty() ? "" : " ") + port.address;
  return all;
}

void BareHost::watch(Watched& what) {
  epoll_event event{EPOLLIN, {.ptr = &what}};
  epoll_ctl(poll_, EPOLL_CTL_ADD, what.fd, &event);
}

void BareHost::accept_all(Port& port) {
  int fd;
  while ((fd = accept4(port.listener.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    port.streams.push_back(std::make_unique<Watched>(Watched{.fd = fd, .port = &port}));
    watch(*port.streams.back());
  }
}

/// A request starts an answer; the end of the connection ends its stream.
void BareHost::read_request(Watched& stream) {
  std::array<char, 4096> buffer;
  if (recv(stream.fd, buffer.data(), buffer.size(), 0) > 0) {
    send(stream.fd, kHead.data(), kHead.size(), MSG_NOSIGNAL);
    stream.left = events_per_answer_;
    return;
  }
  close(stream.fd);
  std::erase_if(stream.port->streams, [&](const auto& other) { return other.get() == &stream; });
}

void BareHost::tick(Port& port) {
  for (const auto& stream : port.streams) {
    if (stream->left == 0) continue;
    const ssize_t sent = send(stream->fd, event_.data(), event_.size(), MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(event_.size())) {
      ++events_;
    } else if (sent >= 0 || errno == EAGAIN) {
      ++refused_;
    }
    if (--stream->left == 0) send(stream->fd, kEnd.data(), kEnd.size(), MSG_NOSIGNAL);
  }
  port.next_tick += interval_;
}

void BareHost::run(int until) {
  Watched end{.fd = until};
  watch(end);
  std::array<epoll_event, 256> ready;
  for (bool running = true; running;) {
    const auto now = Clock::now();
    while (next_to_tick().next_tick <= now) tick(next_to_tick());
    const std::chrono::nanoseconds left =
        std::max(next_to_tick().next_tick - Clock::now(), Clock::duration(0));
    const timespec timeout{.tv_sec = left.count() / 1'000'000'000, .tv_nsec = left.count() % 1'000'000'000};
    const int n = epoll_pwait2(poll_, ready.data(), static_cast<int>(ready.size()), &timeout, nullptr);
    for (int i = 0; i < n; ++i) {
      Watched& what = *static_cast<Watched*>(ready[static_cast<std::size_t>(i)].data.ptr);
      if (what.port == nullptr) {
        running = false;
      } else if (what.listens) {
        accept_all(*what.port);
      } else {
        read_request(what);
      }
    }
  }
}

/// A descriptor that is readable once the program is to end.
int end_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return signalfd(-1, &set, SFD_CLOEXEC);
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Streams answers with bare epoll and send, and prints what that costs, as JSON."};
  unsigned ports = 40;
  int output_tokens = 400, interval_ms = 20;
  app.add_option("--ports", ports, "Ports that tick by themselves")->capture_default_str();
  app.add_option("--interval", interval_ms, "Milliseconds between two events of a stream")
      ->capture_default_str();
  app.add_option("--output-tokens", output_tokens, "Events of an answer")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  kneepoint::raise_descriptor_limit();
  BareHost host(std::chrono::milliseconds(interval_ms), output_tokens);
  if (!host.listen_on(ports)) {
    fmt::print(stderr, "cannot listen on loopback: {}\n", std::strerror(errno));
    return 1;
  }
  fmt::print("listening on {}\n", host.addresses());
  std::fflush(stdout);
  host.run(end_signals());

  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const double cpu = seconds(used.ru_utime) + seconds(used.ru_stime);
  fmt::print(R"({{"events":{},"refused":{},"cpu_us_per_event":{:.3f}}})"
             "\n",
             host.events(), host.refused(),
             cpu * 1e6 / static_cast<double>(std::max<std::uint64_t>(host.events(), 1)));
  return 0;
}
