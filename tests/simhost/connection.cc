#include "tests/simhost/connection.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <cerrno>

#include "tests/simhost/replica.h"

namespace kneepoint::simhost {

namespace net = boost::asio;
namespace http = boost::beast::http;
using boost::beast::error_code;

namespace {

constexpr std::uint64_t kBodyLimit = 64 << 20;
constexpr std::uint32_t kHeaderLimit = 64 << 10;

std::string_view reason_phrase(int status) {
  const auto phrase = http::obsolete_reason(static_cast<http::status>(status));
  return {phrase.data(), phrase.size()};
}

}  // namespace

Connection::Connection(net::ip::tcp::socket socket, Replica& replica)
    : socket_(std::move(socket)), replica_(replica), timer_(socket_.get_executor()) {}

void Connection::start(Nanos delay) {
  if (delay == Nanos(0)) return read();
  timer_.expires_after(delay);
  timer_.async_wait([self = shared_from_this()](const error_code&) {
    if (!self->closed_) self->read();
  });
}

void Connection::read() {
  parser_.emplace();
  parser_->body_limit(kBodyLimit);
  parser_->header_limit(kHeaderLimit);
  http::async_read(
      socket_, buffer_, *parser_,
      [self = shared_from_this()](const error_code& error, std::size_t) { self->on_read(error); });
}

void Connection::on_read(const error_code& error) {
  if (error || closed_) return close();
  if (busy_) {
    deferred_ = true;
    return;
  }
  dispatch();
}

void Connection::dispatch() {
  received_ = std::chrono::steady_clock::now().time_since_epoch();
  request_ = parser_->release();
  busy_ = true;
  ended_ = false;
  ++requests_;
  replica_.on_request(*this);
  if (!closed_) read();
}

std::size_t Connection::send_now(std::string_view bytes) {
  if (broken_ || closed_) return 0;
  const std::size_t step = byte_by_byte_ ? 1 : bytes.size();
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const ssize_t n = ::send(socket_.native_handle(), bytes.data() + taken,
                             std::min(step, bytes.size() - taken), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        broken_ = true;
        net::post(socket_.get_executor(), [self = shared_from_this()] { self->close(); });
      }
      break;
    }
    taken += static_cast<std::size_t>(n);
    if (static_cast<std::size_t>(n) < step && !byte_by_byte_) break;
  }
  return taken;
}

bool Connection::write(std::string_view bytes, int tokens) {
  if (!holding_ && backlog_.empty()) {
    const std::size_t taken = send_now(bytes);
    if (taken == bytes.size()) return true;
    bytes.remove_prefix(taken);
  }
  if (broken_ || closed_) {
    exchange_.lost(tokens);
    return false;
  }
  enqueue(bytes, tokens);
  return false;
}

void Connection::enqueue(std::string_view bytes, int tokens) {
  backlog_ += bytes;
  if (tokens > 0) marks_.push_back({backlog_.size(), tokens});
  if (holding_ || waiting_) return;
  waiting_ = true;
  socket_.async_wait(net::socket_base::wait_write, [self = shared_from_this()](const error_code& error) {
    self->waiting_ = false;
    if (!error) self->flush();
  });
}

void Connection::flush() {
  if (!holding_) flush_backlog();
}

void Connection::flush_backlog() {
  if (closed_) return;
  const std::string_view rest = std::string_view(backlog_).substr(backlog_sent_);
  backlog_sent_ += send_now(rest);
  if (broken_) return lose_backlog();
  if (backlog_sent_ == backlog_.size()) {
    backlog_.clear();
    backlog_sent_ = 0;
    marks_.clear();
    return drained();
  }
  enqueue({}, 0);
}

void Connection::lose_backlog() {
  for (const Mark& mark : marks_) {
    if (mark.end > backlog_sent_) exchange_.lost(mark.tokens);
  }
  marks_.clear();
  backlog_.clear();
  backlog_sent_ = 0;
}

void Connection::respond(int status, std::string_view content_type, std::string_view body,
                         std::string_view extra_header) {
  write(fmt::format(
      "HTTP/1.1 {} {}\r\nserver: kneepoint-simhost\r\n{}content-type: {}\r\ncontent-length: {}\r\n{}{}\r\n{}",
      status, reason_phrase(status), name_header(), content_type, body.size(), extra_header,
      keep_alive() ? "" : "connection: close\r\n", body));
  end_response();
}

const std::string& Connection::name_header() const {
  return replica_.name_header();
}

void Connection::end_response() {
  ended_ = true;
  if (keeps_back_ && flush_ == Nanos(0)) {
    keeps_back_ = holding_ = false;
    return flush();
  }
  if (backlog_.empty() && !broken_ && !closed_) drained();
}

void Connection::drained() {
  if (!ended_ || !busy_) return;
  busy_ = false;
  byte_by_byte_ = false;
  exchange_.delivered();
  if (!keep_alive()) return close();
  if (!deferred_) return;
  deferred_ = false;
  // Posted: the caller may be in the middle of this connection's last event.
  net::post(socket_.get_executor(), [self = shared_from_this()] {
    if (!self->closed_) self->dispatch();
  });
}

void Connection::keep_back(Nanos period) {
  keeps_back_ = holding_ = true;
  flush_ = period;
  if (period > Nanos(0)) hold(period);
}

void Connection::hold(Nanos duration) {
  holding_ = true;
  timer_.expires_after(duration);
  timer_.async_wait([self = shared_from_this()](const error_code& error) {
    if (error || self->closed_) return;
    self->holding_ = false;
    const bool last = self->ended_;
    if (self->keeps_back_ && !last) self->hold(self->flush_);
    if (last) self->keeps_back_ = false;
    self->flush_backlog();
  });
}

void Connection::reset() {
  error_code ignored;
  socket_.set_option(net::socket_base::linger(true, 0), ignored);
  close();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  lose_backlog();
  timer_.cancel();
  error_code ignored;
  socket_.close(ignored);
  net::post(socket_.get_executor(), [self = shared_from_this()] { self->replica_.on_closed(*self); });
}

}  // namespace kneepoint::simhost
