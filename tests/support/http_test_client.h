#pragma once

#include <fmt/format.h>

#include <boost/asio.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "common/serve/http_server.h"

namespace kneepoint {

/// A blocking client that speaks raw bytes, so that nothing of the server's library stands on both sides.
class HttpTestClient {
 public:
  explicit HttpTestClient(const HttpServer& server, const char* host = "127.0.0.1") : socket_(io_) {
    socket_.connect({boost::asio::ip::make_address(host), server.port()});
  }
  /// Errors are the server's right: it may have closed already.
  void send(std::string_view bytes) {
    boost::system::error_code ignored;
    boost::asio::write(socket_, boost::asio::buffer(bytes), ignored);
  }
  /// One answer: its header and as much body as it announces.
  std::string receive(bool head = false) {
    boost::system::error_code error;
    const std::size_t header =
        boost::asio::read_until(socket_, boost::asio::dynamic_buffer(buffer_), "\r\n\r\n", error);
    if (error) return {};
    std::size_t length = 0;
    if (const std::size_t at = buffer_.find("Content-Length: "); at < header && !head) {
      length = std::stoul(buffer_.substr(at + 16));
    }
    while (buffer_.size() < header + length && !error) {
      char chunk[4096];
      buffer_.append(chunk, socket_.read_some(boost::asio::buffer(chunk), error));
    }
    const std::string answer = buffer_.substr(0, header + length);
    buffer_.erase(0, answer.size());
    return answer;
  }
  /// Everything up to the end of the connection.
  std::string receive_all() {
    boost::system::error_code error;
    boost::asio::read(socket_, boost::asio::dynamic_buffer(buffer_), error);
    return std::exchange(buffer_, {});
  }
  std::string get(std::string_view path) {
    send(fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", path));
    return receive();
  }
  /// Everything up to and with `text`; less where the server ends first.
  std::string receive_until(std::string_view text) {
    boost::system::error_code error;
    const std::size_t size =
        boost::asio::read_until(socket_, boost::asio::dynamic_buffer(buffer_), std::string(text), error);
    const std::string received = buffer_.substr(0, error ? buffer_.size() : size);
    buffer_.erase(0, received.size());
    return received;
  }
  bool closed_by_server() {
    char byte;
    boost::system::error_code error;
    socket_.read_some(boost::asio::buffer(&byte, 1), error);
    return bool(error);
  }

 private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  std::string buffer_;
};

}  // namespace kneepoint
