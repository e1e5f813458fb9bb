#include "coordinator/live/http_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

namespace kneepoint::coordinator {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

/// How far above the default port a free one is looked for.
constexpr int kPortsTried = 100;

/// A refused client may still be sending: reading on for a moment lets it see the answer rather than a reset.
constexpr std::size_t kLingerBytes = 64 * 1024;
constexpr Nanos kLingerTime = std::chrono::seconds(1);

http::message_generator to_message(HttpResponse response, bool head, bool keep_alive) {
  const auto fill = [&](auto& message) {
    message.version(11);
    message.result(static_cast<unsigned>(response.status));
    message.set(http::field::server, "kneepoint");
    message.set(http::field::content_type, response.content_type);
    message.set(http::field::cache_control, "no-store");
    message.set("X-Content-Type-Options", "nosniff");
    if (response.status == 401) message.set(http::field::www_authenticate, "Bearer realm=\"kneepoint\"");
    if (response.status == 405) message.set(http::field::allow, "GET, HEAD");
    message.keep_alive(keep_alive);
    message.content_length(response.body.size());
  };
  if (head) {
    http::response<http::empty_body> message;
    fill(message);
    return message;
  }
  http::response<http::string_body> message;
  fill(message);
  message.body() = std::move(response.body);
  return message;
}

/// Takes as long for a wrong token as for the right one.
bool same_token(std::string_view given, std::string_view token) {
  unsigned char differs = given.size() == token.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i)
    differs |= static_cast<unsigned char>(given[i] ^ token[i % token.size()]);
  return differs == 0;
}

/// Whether an Authorization header shows `token`. The scheme's name is read without its case (RFC
/// 9110, 11.1).
bool shows_token(std::string_view authorization, std::string_view token) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() < kScheme.size() ||
      !beast::iequals(beast::string_view(authorization.data(), kScheme.size()), kScheme))
    return false;
  authorization.remove_prefix(
      std::min(authorization.find_first_not_of(' ', kScheme.size()), authorization.size()));
  return same_token(authorization, token);
}

HttpResponse refusal(int status, std::string why) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(why) + "\n";
  return response;
}

error_code bind_and_listen(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) {
    acceptor.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()), error);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) {
    error_code ignored;
    acceptor.close(ignored);
  }
  return error;
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(Routes routes, Options options) : routes_(std::move(routes)), options_(std::move(options)) {}

  Result<void> listen(const ListenAddress& address) {
    error_code error;
    tcp::resolver resolver(io_);
    const auto found = resolver.resolve(address.host.empty() ? "0.0.0.0" : address.host,
                                        std::to_string(address.port), tcp::resolver::passive, error);
    const std::string wanted = format_address(address.host, address.port);
    if (error || found.empty()) {
      return Error{fmt::format("cannot serve on {}: {}", wanted, error.message())};
    }
    tcp::endpoint endpoint = found.begin()->endpoint();
    if (!endpoint.address().is_loopback() && options_.token.empty() && !options_.insecure) {
      return Error{
          fmt::format("{} is beyond this machine and anyone could read what it serves: give "
                      "--http-token-file, or add --insecure to allow it",
                      wanted)};
    }
    const int tries = address.port_given ? 1 : std::min(kPortsTried, 65535 - address.port);
    for (int i = 0; i < tries; ++i) {
      endpoint.port(static_cast<std::uint16_t>(address.port + i));
      error = bind_and_listen(acceptor_, endpoint);
      if (error != asio::error::address_in_use) break;
    }
    if (error) {
      if (tries > 1 && error == asio::error::address_in_use) {
        return Error{
            fmt::format("cannot serve on {}: the ports {} to {} are all in use; name another with --serve, "
                        "or --serve none",
                        wanted, address.port, endpoint.port())};
      }
      return Error{fmt::format("cannot serve on {}: {}; name another with --serve, or --serve none", wanted,
                               error.message())};
    }
    const tcp::endpoint bound = acceptor_.local_endpoint();
    port_ = bound.port();
    address_ = format_address(bound.address().to_string(), port_);
    if (!address.port_given && port_ != address.port) {
      notice_ = fmt::format("port {} is in use: serving on {} instead", address.port, address_);
    }
    return {};
  }

  void start() {
    asio::co_spawn(io_, accept(), rethrow);
    thread_ = std::thread([this] { io_.run(); });
  }

  void stop() {
    const std::lock_guard joining(stop_mutex_);
    if (!thread_.joinable()) return;
    asio::post(io_, [this] { begin_stop(); });
    thread_.join();
    const std::lock_guard lock(scrape_mutex_);
    stopped_ = true;
    scraped_.notify_all();
  }

  std::uint64_t scrapes() const {
    const std::lock_guard lock(scrape_mutex_);
    return scrapes_done_;
  }

  bool wait_scraped(std::uint64_t count, MonoTime deadline, std::stop_token stop) {
    std::unique_lock lock(scrape_mutex_);
    const auto waiter = waiters_.insert(waiters_.end(), Waiter{scrapes_begun_, 0});
    scraped_.wait_until(lock, stop, deadline, [&] { return stopped_ || waiter->done >= count; });
    const bool enough = waiter->done >= count;
    waiters_.erase(waiter);
    return enough;
  }

  const std::string& address() const { return address_; }
  const std::string& notice() const { return notice_; }
  std::uint16_t port() const { return port_; }

 private:
  struct Connection {
    explicit Connection(tcp::socket socket) : stream(std::move(socket)) {}
    beast::tcp_stream stream;
    beast::flat_buffer buffer;
    bool answering = false;  ///< From a complete request to the last byte of its answer.
  };

  /// Someone who waits for scrapes that began at number `first` or later.
  struct Waiter {
    std::uint64_t first;
    std::uint64_t done;
  };

  static void rethrow(std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  }

  asio::awaitable<void> accept() {
    while (!stopping_) {
      auto [error, socket] = co_await acceptor_.async_accept(kAwait);
      if (stopping_) co_return;
      if (error) {  // out of descriptors, or a client that left: neither ends the server
        asio::steady_timer pause(io_, std::chrono::milliseconds(50));
        co_await pause.async_wait(kAwait);
        continue;
      }
      if (connections_.size() >= options_.max_connections) continue;
      const auto connection = connections_.emplace(connections_.end(), std::move(socket));
      asio::co_spawn(io_, serve(*connection), [this, connection](std::exception_ptr failure) {
        connections_.erase(connection);
        if (stopping_ && connections_.empty()) grace_.cancel();
        rethrow(failure);
      });
    }
  }

  /// One connection, from its first request to its end.
  asio::awaitable<void> serve(Connection& connection) {
    beast::tcp_stream& stream = connection.stream;
    beast::flat_buffer& buffer = connection.buffer;
    error_code ignored;
    stream.socket().set_option(tcp::no_delay(true), ignored);
    while (!stopping_) {
      if (buffer.size() == 0) {
        stream.expires_after(options_.idle_timeout);
        const auto space = buffer.prepare(1024);
        const auto [error, size] = co_await stream.async_read_some(space, kAwait);
        if (error) co_return;
        buffer.commit(size);
      }
      http::request_parser<http::empty_body> parser;
      parser.header_limit(static_cast<std::uint32_t>(options_.header_limit));
      stream.expires_after(options_.header_timeout);
      const auto [error, size] = co_await http::async_read_header(stream, buffer, parser, kAwait);
      if (error == http::error::header_limit) {
        co_await refuse(connection, refusal(431, "the request header is too long"));
        co_return;
      }
      if (error) {
        // Beast's own errors are the client's syntax; all others mean that it is gone or too slow.
        if (error.category() == http::make_error_code(http::error::bad_method).category() &&
            error != http::error::end_of_stream && error != http::error::partial_message) {
          co_await refuse(connection, refusal(400, "malformed request: " + error.message()));
        }
        co_return;
      }
      const auto& request = parser.get();
      const bool head = request.method() == http::verb::head;
      if (!head && request.method() != http::verb::get) {
        co_await refuse(connection, refusal(405, "only GET and HEAD are served here"));
        co_return;
      }
      if (!parser.is_done()) {
        co_await refuse(connection, refusal(400, "a request body is not accepted"));
        co_return;
      }
      if (!options_.token.empty() && !shows_token(request[http::field::authorization], options_.token)) {
        co_await refuse(connection, refusal(401, "show the token: Authorization: Bearer …"));
        co_return;
      }
      const bool keep_alive = request.keep_alive() && !stopping_;
      if (!co_await answer(connection, std::string(request.target()), head, keep_alive) || !keep_alive) break;
    }
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  /// @returns whether the whole answer was written.
  asio::awaitable<bool> answer(Connection& connection, std::string target, bool head, bool keep_alive) {
    connection.answering = true;
    const std::size_t question = target.find('?');
    HttpRequest request;
    request.path = target.substr(0, question);
    if (question != std::string::npos) request.query = target.substr(question + 1);

    const bool scrape = !head && request.path == options_.scrape_path;
    const std::uint64_t number = scrape ? begin_scrape() : 0;
    HttpResponse response = respond(request);
    const bool good = response.status == 200;
    http::message_generator message = to_message(std::move(response), head, keep_alive);
    connection.stream.expires_after(options_.write_timeout);
    const auto [error, size] = co_await beast::async_write(connection.stream, std::move(message), kAwait);
    connection.answering = false;
    if (scrape && good && !error) end_scrape(number);
    co_return !error;
  }

  HttpResponse respond(const HttpRequest& request) const {
    const auto route = routes_.find(request.path);
    if (route == routes_.end()) {
      std::string served;
      for (const auto& [path, handler] : routes_) served += " " + path;
      return refusal(404, "not found; served here:" + served);
    }
    try {
      return route->second(request);
    } catch (const std::exception& error) {
      return refusal(500, std::string("internal error: ") + error.what());
    }
  }

  /// Answers, then closes; reads on for a moment meanwhile.
  asio::awaitable<void> refuse(Connection& connection, HttpResponse response) {
    connection.answering = true;
    http::message_generator message = to_message(std::move(response), false, false);
    connection.stream.expires_after(options_.write_timeout);
    const auto [error, size] = co_await beast::async_write(connection.stream, std::move(message), kAwait);
    connection.answering = false;
    if (error || stopping_) co_return;
    error_code ignored;
    connection.stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
    connection.stream.expires_after(kLingerTime);
    std::array<char, 4096> sink;
    for (std::size_t drained = 0; drained < kLingerBytes;) {
      const auto [ended, count] = co_await connection.stream.async_read_some(asio::buffer(sink), kAwait);
      if (ended) co_return;
      drained += count;
    }
  }

  std::uint64_t begin_scrape() {
    const std::lock_guard lock(scrape_mutex_);
    return scrapes_begun_++;
  }

  void end_scrape(std::uint64_t number) {
    const std::lock_guard lock(scrape_mutex_);
    ++scrapes_done_;
    for (Waiter& waiter : waiters_) waiter.done += number >= waiter.first ? 1 : 0;
    scraped_.notify_all();
  }

  void begin_stop() {
    stopping_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    for (Connection& connection : connections_) {
      if (!connection.answering) connection.stream.close();
    }
    if (connections_.empty()) return;
    grace_.expires_after(options_.stop_grace);
    grace_.async_wait([this](error_code error) {
      if (error) return;
      for (Connection& connection : connections_) connection.stream.close();
    });
  }

  const Routes routes_;
  const Options options_;
  std::uint16_t port_ = 0;
  std::string address_;
  std::string notice_;

  // Everything below, up to the thread, belongs to the server's thread once that runs.
  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  asio::steady_timer grace_{io_};
  std::list<Connection> connections_;
  bool stopping_ = false;
  std::thread thread_;
  std::mutex stop_mutex_;

  mutable std::mutex scrape_mutex_;
  std::condition_variable_any scraped_;
  std::list<Waiter> waiters_;
  std::uint64_t scrapes_begun_ = 0;
  std::uint64_t scrapes_done_ = 0;
  bool stopped_ = false;
};

Result<std::unique_ptr<HttpServer>> HttpServer::start(const ListenAddress& address, Routes routes,
                                                      Options options) {
  auto impl = std::make_unique<Impl>(std::move(routes), std::move(options));
  if (Result<void> listening = impl->listen(address); !listening) return listening.error();
  impl->start();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const ListenAddress& address, Routes routes) {
  return start(address, std::move(routes), Options());
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() {
  stop();
}

std::uint16_t HttpServer::port() const {
  return impl_->port();
}
std::string HttpServer::address() const {
  return impl_->address();
}
const std::string& HttpServer::notice() const {
  return impl_->notice();
}
std::uint64_t HttpServer::scrapes() const {
  return impl_->scrapes();
}
bool HttpServer::wait_scraped(std::uint64_t count, MonoTime deadline, std::stop_token stop) {
  return impl_->wait_scraped(count, deadline, std::move(stop));
}
void HttpServer::stop() {
  impl_->stop();
}

}  // namespace kneepoint::coordinator
