#include "common/serve/http_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <list>
#include <mutex>
#include <thread>

#include "common/serve/http_acceptor.h"
#include "common/serve/http_guard.h"
#include "common/serve/http_wire.h"
#include "common/serve/scrape_count.h"

namespace kneepoint {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

/// Where a browser shows the token once, to be given a cookie.
constexpr std::string_view kLogin = "/login";
/// The route whose answers count as scrapes.
constexpr std::string_view kScrapePath = "/metrics";

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

/// A refused client may still be sending: reading on for a moment lets it see the answer rather than a reset.
constexpr std::size_t kLingerBytes = 64 * 1024;
constexpr Nanos kLingerTime = std::chrono::seconds(1);

/// What begins a stream: it ends with its connection.
constexpr std::string_view kStreamHeader =
    "HTTP/1.1 200 OK\r\n"
    "Server: kneepoint\r\n"
    "Content-Type: text/event-stream\r\n"
    "Cache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Accel-Buffering: no\r\n"
    "Connection: close\r\n\r\n";
constexpr std::string_view kStillThere = "event: still\ndata: {}\n\n";

}  // namespace

class HttpServer::Impl {
 public:
  Impl(Routes routes, Options options) : routes_(std::move(routes)), options_(std::move(options)) {}

  Result<void> listen(const ListenAddress& address) {
    auto listening = open_acceptor(io_, address, !options_.token.empty() || options_.insecure);
    if (!listening) return listening.error();
    acceptor_ = std::move(listening->acceptor);
    const tcp::endpoint bound = acceptor_.local_endpoint();
    address_ = format_address(bound.address().to_string(), bound.port());
    if (listening->moved) {
      notice_ = fmt::format("port {} is in use: serving on {} instead", address.port, address_);
    }
    guard_ = {.token = options_.token, .loopback = bound.address().is_loopback(), .port = bound.port()};
    return {};
  }

  void start() {
    asio::co_spawn(io_, accept(), rethrow);
    thread_ = std::thread([this] { io_.run(); });
    for (const auto& [path, feed] : options_.feeds)
      feed->on_news([this] { asio::post(io_, [this] { tell_news(); }); });
  }

  void stop() {
    const std::lock_guard joining(stop_mutex_);
    if (!thread_.joinable()) return;
    for (const auto& [path, feed] : options_.feeds) feed->on_news({});
    asio::post(io_, [this] { begin_stop(); });
    thread_.join();
    scrapes_.close();
  }

  ScrapeCount& scrapes() { return scrapes_; }
  const std::string& address() const { return address_; }
  const std::string& notice() const { return notice_; }
  std::uint16_t port() const { return guard_.port; }

 private:
  struct Connection {
    explicit Connection(tcp::socket socket) : stream(std::move(socket)) {}
    beast::tcp_stream stream;
    beast::flat_buffer buffer;
    asio::steady_timer news{stream.get_executor()};  ///< Ends its wait in a stream.
    bool answering = false;  ///< From a complete request to the last byte of its answer.
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
      Asked asked = asked_by(request, connection);
      if (auto refused = why_not(request, asked)) {
        co_await refuse(connection, *std::move(refused));
        co_return;
      }
      if (!parser.is_done()) {
        co_await refuse(connection, refusal(400, "a request body is not accepted"));
        co_return;
      }
      if (asked.feed != nullptr) {
        co_await follow(connection, *asked.feed);
        break;
      }
      const bool keep_alive = request.keep_alive() && !stopping_;
      if (!co_await answer(connection, std::move(asked), keep_alive) || !keep_alive) break;
    }
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  /// A request, and what there is for it.
  struct Asked {
    HttpRequest request;
    bool head = false, post = false;
    EventFeed* feed = nullptr;
  };

  Asked asked_by(const http::request<http::empty_body>& request, Connection& connection) const {
    Asked asked{.head = request.method() == http::verb::head, .post = request.method() == http::verb::post};
    const std::string target(request.target());
    const std::size_t question = target.find('?');
    asked.request.path = target.substr(0, question);
    if (question != std::string::npos) asked.request.query = target.substr(question + 1);
    error_code gone;
    asked.request.peer = connection.stream.socket().remote_endpoint(gone).address().to_string();
    const auto feed = options_.feeds.find(asked.request.path);
    if (feed != options_.feeds.end() && request.method() == http::verb::get) asked.feed = feed->second;
    return asked;
  }

  std::optional<HttpResponse> why_not(const http::request<http::empty_body>& request,
                                      const Asked& asked) const {
    const HttpClaims claims = claims_of(request);
    if (asked.post && (asked.request.path == kLogin || options_.posts.contains(asked.request.path)))
      return guard_.may_change(claims);
    if (asked.post || (!asked.head && request.method() != http::verb::get))
      return refusal(405, "only GET and HEAD are served here");
    if (auto refused = guard_.may_read(claims, options_.open.contains(asked.request.path))) return refused;
    if (asked.feed != nullptr && streams_ >= options_.max_streams)
      return refusal(503, fmt::format("{} clients follow this run already: ask again later", streams_));
    return std::nullopt;
  }

  /// @returns whether the whole answer was written.
  asio::awaitable<bool> answer(Connection& connection, Asked asked, bool keep_alive) {
    connection.answering = true;
    const bool scrape = !asked.head && asked.request.path == kScrapePath;
    const std::uint64_t number = scrape ? scrapes_.begin() : 0;
    HttpResponse response = respond(asked);
    const bool good = response.status == 200;
    http::message_generator message = to_message(std::move(response), asked.head, keep_alive);
    connection.stream.expires_after(options_.write_timeout);
    const auto [error, size] = co_await beast::async_write(connection.stream, std::move(message), kAwait);
    connection.answering = false;
    if (scrape && good && !error) scrapes_.end(number);
    co_return !error;
  }

  HttpResponse respond(const Asked& asked) const {
    if (asked.post && asked.request.path == kLogin)
      return {.status = 204, .body = {}, .cookie = guard_.session_cookie()};
    const Routes& routes = asked.post ? options_.posts : routes_;
    const auto route = routes.find(asked.request.path);
    if (route == routes.end()) {
      std::string served;
      for (const auto& [path, handler] : routes) served += " " + path;
      return refusal(404, "not found; served here:" + served);
    }
    try {
      return route->second(asked.request);
    } catch (const std::exception& error) {
      return refusal(500, std::string("internal error: ") + error.what());
    }
  }

  /// Tells a client what is new until one of both sides ends. A client that takes nothing for as long as an
  /// answer may last is let go.
  asio::awaitable<void> follow(Connection& connection, EventFeed& feed) {
    connection.answering = true;
    ++streams_;
    EventFeed::Piece piece;
    std::string_view next = kStreamHeader;
    for (;;) {
      if (next.empty()) {
        piece = feed.after(piece.seen);
        if (piece.text) next = *piece.text;
      }
      if (next.empty()) {
        if (stopping_) break;  // all that was new has been told
        connection.news.expires_after(options_.keep_alive);
        const auto [woken] = co_await connection.news.async_wait(kAwait);
        if (!woken) next = kStillThere;
        continue;
      }
      connection.stream.expires_after(options_.write_timeout);
      const auto [error, size] =
          co_await asio::async_write(connection.stream, asio::buffer(next.data(), next.size()), kAwait);
      if (error) break;
      next = {};
    }
    --streams_;
    connection.answering = false;
  }

  void tell_news() {
    for (Connection& connection : connections_) connection.news.cancel();
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

  void begin_stop() {
    stopping_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    for (Connection& connection : connections_) {
      if (!connection.answering) connection.stream.close();
    }
    if (connections_.empty()) return;
    tell_news();
    grace_.expires_after(options_.stop_grace);
    grace_.async_wait([this](error_code error) {
      if (error) return;
      for (Connection& connection : connections_) connection.stream.close();
    });
  }

  const Routes routes_;
  const Options options_;
  HttpGuard guard_;
  std::string address_;
  std::string notice_;

  // Everything below, up to the thread, belongs to the server's thread once that runs.
  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  asio::steady_timer grace_{io_};
  std::list<Connection> connections_;
  std::size_t streams_ = 0;
  bool stopping_ = false;
  std::thread thread_;
  std::mutex stop_mutex_;

  ScrapeCount scrapes_;
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
  return impl_->scrapes().done();
}
bool HttpServer::wait_scraped(std::uint64_t count, MonoTime deadline, std::stop_token stop) {
  return impl_->scrapes().wait(count, deadline, std::move(stop));
}
void HttpServer::stop() {
  impl_->stop();
}

}  // namespace kneepoint
