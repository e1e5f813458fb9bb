// The floor that any client of streamed answers stands on: one thread, epoll and recv, no HTTP parser, no
// JSON. It opens K connections, sends one fixed streaming chat request on each (with the running usage that
// the agent asks for too), again and again on the same connection, and counts bytes and events. Its CPU per
// event is what the kernel alone costs; the agent is compared with it. With --stamps it asks for the kernel's
// receive stamps as the agent does, and tells how long data waited for it: how late the machine makes any
// client.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "agent/net/receive_stamps.h"
#include "common/descriptor_limit.h"

namespace {

constexpr std::string_view kEvent = "\ndata:";  // an event starts after its HTTP chunk's size line
constexpr std::string_view kEnd = "0\r\n\r\n";

struct Stream {
  int fd = -1;
  std::array<char, 8> last{};  // what the last read ended with: markers may straddle reads
  std::size_t last_size = 0;
};

struct Totals {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
  std::uint64_t reads = 0;
  std::uint64_t requests = 0;
  std::uint64_t closed = 0;
};

int connect_to(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  if (inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) != 1) return -1;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return -1;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

std::uint64_t count(std::string_view text, std::string_view what) {
  std::uint64_t n = 0;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  while ((at = static_cast<const char*>(
              memmem(at, static_cast<std::size_t>(end - at), what.data(), what.size())))) {
    ++n;
    at += what.size();
  }
  return n;
}

/// Counts the events in what was read; `window` has room for the previous tail before the data.
/// @return whether the response has ended.
bool digest(Stream& stream, char* data, std::size_t size, Totals& totals) {
  char* const start = data - stream.last_size;
  std::memcpy(start, stream.last.data(), stream.last_size);
  const std::string_view text(start, stream.last_size + size);
  // The kept tail is shorter than a marker, so no marker is counted twice.
  totals.events += count(text, kEvent);
  const bool ended = text.ends_with(kEnd);
  stream.last_size = std::min(text.size(), kEvent.size() - 1);
  std::memcpy(stream.last.data(), text.data() + text.size() - stream.last_size, stream.last_size);
  if (ended) stream.last_size = 0;
  return ended;
}

/// What recv does, with the receive stamp.
ssize_t receive(int fd, char* data, std::size_t size, kneepoint::Nanos& stamp) {
  iovec piece{.iov_base = data, .iov_len = size};
  alignas(cmsghdr) std::array<char, kneepoint::agent::kStampControlBytes> control;
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = recvmsg(fd, &message, 0);
  if (got > 0) stamp = kneepoint::agent::receive_stamp(message);
  return got;
}

std::string quantile_ms(std::vector<float>& values, double q) {
  if (values.empty()) return "null";
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return fmt::format("{:.3f}", *at);
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Drains streams with bare epoll and recv, and prints what that costs, as JSON."};
  std::vector<std::string> targets;
  int connections = 100, output_tokens = 64;
  double duration = 10, warmup = 0;
  bool stamps = false;
  std::string model = "qwen3-4b-instruct-2507", prompt = "What is a transformer?";
  app.add_option("--target", targets, "IPV4:PORT; several are used in turn")->required()->delimiter(',');
  app.add_option("--connections", connections, "Streams held open")->capture_default_str();
  app.add_option("--duration", duration, "Seconds")->capture_default_str();
  app.add_option("--warmup", warmup, "Seconds before them that count for nothing")->capture_default_str();
  app.add_option("--output-tokens", output_tokens, "max_tokens of each request")->capture_default_str();
  app.add_flag("--stamps", stamps, "Ask for receive stamps, and tell how late the reads were");
  app.add_option("--model", model)->capture_default_str();
  app.add_option("--prompt", prompt, "Plain text without quotes")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  kneepoint::raise_descriptor_limit();

  const std::string body = fmt::format(
      R"({{"model":"{}","messages":[{{"role":"user","content":"{}"}}],"max_tokens":{},"ignore_eos":true,"stream":true,)"
      R"("stream_options":{{"include_usage":true,"continuous_usage_stats":true}}}})",
      model, prompt, output_tokens);
  const std::string request = fmt::format(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: sink\r\nContent-Type: application/json\r\nContent-Length: "
      "{}\r\n\r\n{}",
      body.size(), body);
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  Totals totals;
  std::vector<float> lags_ms;
  std::vector<Stream> streams(static_cast<std::size_t>(connections));
  const auto ask = [&](Stream& stream) {
    // A request fits any empty socket buffer.
    if (send(stream.fd, request.data(), request.size(), MSG_NOSIGNAL) ==
        static_cast<ssize_t>(request.size())) {
      ++totals.requests;
    }
  };
  for (std::size_t i = 0; i < streams.size(); ++i) {
    streams[i].fd = connect_to(targets[i % targets.size()]);
    if (streams[i].fd < 0) {
      fmt::print(stderr, "cannot connect to {}: {}\n", targets[i % targets.size()], std::strerror(errno));
      return 1;
    }
    if (stamps) kneepoint::agent::request_receive_stamps(streams[i].fd);
    epoll_event event{EPOLLIN, {.ptr = &streams[i]}};
    epoll_ctl(poll, EPOLL_CTL_ADD, streams[i].fd, &event);
    ask(streams[i]);
  }

  std::vector<char> buffer((1 << 16) + 8);
  char* const data = buffer.data() + 8;
  std::array<epoll_event, 256> ready;
  const auto drain_for = [&](double how_long) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(how_long);
    while (std::chrono::steady_clock::now() < end) {
      const int n = epoll_wait(poll, ready.data(), static_cast<int>(ready.size()), 100);
      for (int i = 0; i < n; ++i) {
        Stream& stream = *static_cast<Stream*>(ready[static_cast<std::size_t>(i)].data.ptr);
        kneepoint::Nanos stamp{0};
        const ssize_t size =
            stamps ? receive(stream.fd, data, 1 << 16, stamp) : recv(stream.fd, data, 1 << 16, 0);
        if (stamp.count() != 0) {
          const auto late = std::chrono::system_clock::now().time_since_epoch() - stamp;
          lags_ms.push_back(std::chrono::duration<float, std::milli>(late).count());
        }
        if (size == 0) {
          ++totals.closed;
          close(stream.fd);
          continue;
        }
        if (size < 0) continue;
        ++totals.reads;
        totals.bytes += static_cast<std::uint64_t>(size);
        if (digest(stream, data, static_cast<std::size_t>(size), totals)) ask(stream);
      }
    }
  };
  drain_for(warmup);
  totals = Totals();
  lags_ms.clear();
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  const auto start = std::chrono::steady_clock::now();
  drain_for(duration);
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  getrusage(RUSAGE_SELF, &after);
  const double user = seconds(after.ru_utime) - seconds(before.ru_utime);
  const double system = seconds(after.ru_stime) - seconds(before.ru_stime);
  const double events = static_cast<double>(std::max<std::uint64_t>(totals.events, 1));
  fmt::print(
      R"({{"connections":{},"wall_seconds":{:.3f},"requests":{},"events":{},"bytes":{},"reads":{},"closed":{},)"
      R"("events_per_second":{:.0f},"user_seconds":{:.3f},"system_seconds":{:.3f},"cpu_us_per_event":{:.3f},)"
      R"("rx_lag_p50_ms":{},"rx_lag_p99_ms":{}}})"
      "\n",
      connections, wall, totals.requests, totals.events, totals.bytes, totals.reads, totals.closed,
      static_cast<double>(totals.events) / wall, user, system, (user + system) / events * 1e6,
      quantile_ms(lags_ms, 0.5), quantile_ms(lags_ms, 0.99));
  return 0;
}
