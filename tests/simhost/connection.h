#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "tests/simhost/exchange.h"

namespace kneepoint::simhost {

class Replica;

/// One accepted connection: reads requests with Beast, writes with its own send(2). One read is always
/// outstanding, so a client that goes away is noticed at once; a request that comes before the last answer
/// has ended waits. Belongs to its replica's thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Request = boost::beast::http::request<boost::beast::http::string_body>;

  Connection(boost::asio::ip::tcp::socket socket, Replica& replica);

  /// Starts reading, after `delay`.
  void start(Nanos delay);

  /// Sends without blocking; what the socket does not take is queued in order. Never allocates while it takes
  /// all. False when it was (partly) queued. `tokens` travel with the last byte: if that never leaves, they
  /// are taken back through Exchange::lost(). After a failure everything is lost silently and the connection
  /// closes itself once the caller has returned to the loop.
  bool write(std::string_view bytes, int tokens = 0);
  /// A whole answer with a Content-Length, and its end.
  void respond(int status, std::string_view content_type, std::string_view body,
               std::string_view extra_header = {});
  /// The answer is complete: the next request may be served once everything has left.
  void end_response();

  /// From now on for `duration`, writes are queued.
  void hold(Nanos duration);
  /// What is written of this answer stays here: until it has ended, or at most for `period`, again and again.
  void keep_back(Nanos period);
  void set_byte_by_byte(bool on) { byte_by_byte_ = on; }

  /// Ends with FIN, or with RST. The exchange must have ended. Safe to call twice.
  void close();
  void reset();

  const Request& request() const { return request_; }
  /// When the request had been read to its end.
  Nanos received() const { return received_; }
  /// The server takes the request only now: something before it had held it.
  void take(Nanos now) { received_ = now; }
  /// Requests read so far on this connection, the current one included.
  int requests() const { return requests_; }
  bool keep_alive() const { return request_.keep_alive(); }
  /// The replica's; with its line end, or empty.
  const std::string& name_header() const;
  Exchange& exchange() { return exchange_; }

 private:
  struct Mark {
    std::size_t end = 0;  // offset in the backlog at which `tokens` have left
    int tokens = 0;
  };

  void read();
  void on_read(const boost::beast::error_code& error);
  void dispatch();
  void enqueue(std::string_view bytes, int tokens);
  void flush();
  void flush_backlog();
  std::size_t send_now(std::string_view bytes);  // bytes taken; sets broken_
  void drained();
  void lose_backlog();

  boost::asio::ip::tcp::socket socket_;
  Replica& replica_;
  boost::asio::steady_timer timer_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  Request request_;
  Exchange exchange_;
  Nanos received_{};
  int requests_ = 0;
  bool busy_ = false;      // an answer is under way
  bool deferred_ = false;  // a request has been read and waits for that
  bool ended_ = false;     // the answer is complete, but may not have left yet
  bool holding_ = false;
  bool keeps_back_ = false;  // of the present answer
  Nanos flush_{};
  bool byte_by_byte_ = false;
  bool waiting_ = false;  // for the socket to become writable
  bool broken_ = false;
  bool closed_ = false;
  std::string backlog_;
  std::size_t backlog_sent_ = 0;
  std::vector<Mark> marks_;
};

}  // namespace kneepoint::simhost
