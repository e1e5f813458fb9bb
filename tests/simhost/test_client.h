#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <simdjson.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kneepoint::simhost {

/// One answer as a strict and simple client reads it.
struct Response {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::vector<std::string> chunks;             // HTTP chunks, or the one body of a Content-Length
  enum class End { kWhole, kClosed, kReset } end = End::kWhole;

  std::string body() const {
    std::string all;
    for (const std::string& chunk : chunks) all += chunk;
    return all;
  }
  /// The payload of each "data:" event.
  std::vector<std::string> events() const {
    std::vector<std::string> found;
    std::string text = body();
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t end = text.find("\n\n", at);
      if (end == std::string::npos || text.compare(at, 6, "data: ") != 0) break;
      found.push_back(text.substr(at + 6, end - at - 6));
      at = end + 2;
    }
    return found;
  }
};

/// A blocking HTTP/1.1 client on one connection to 127.0.0.1. Nothing of it is shared with the host.
class TestClient {
 public:
  /// @param receive_buffer bytes, 0: the system's default.
  explicit TestClient(std::uint16_t port, int receive_buffer = 0) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{20, 0};  // so that a broken host fails a test instead of hanging it
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~TestClient() { disconnect(); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  bool connected() const { return connected_; }
  void disconnect() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  void send_request(std::string_view method, std::string_view path, std::string_view body = {},
                    std::string_view extra_headers = {}) {
    std::string text(method);
    text.append(" ").append(path).append(" HTTP/1.1\r\nHost: test\r\n").append(extra_headers);
    text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t n = send(fd_, text.data() + at, text.size() - at, MSG_NOSIGNAL);
      if (n <= 0) return;
      at += static_cast<std::size_t>(n);
    }
  }

  /// Reads status line and headers.
  Response read_head() {
    Response response;
    std::optional<std::string> line = read_line();
    if (!line) {
      response.end = end_;
      return response;
    }
    response.status = std::atoi(line->c_str() + 9);
    while ((line = read_line()) && !line->empty()) {
      const std::size_t colon = line->find(": ");
      std::string name = line->substr(0, colon);
      for (char& ch : name) ch = static_cast<char>(std::tolower(static_cast<unsigned char>(ch)));
      response.headers[name] = line->substr(colon + 2);
    }
    if (!line) response.end = end_;
    return response;
  }

  /// Reads one HTTP chunk; absent at the last one or when the connection ended.
  std::optional<std::string> read_chunk(Response& response) {
    const auto line = read_line();
    const std::size_t size = line ? std::strtoull(line->c_str(), nullptr, 16) : 0;
    auto data = line ? read_exactly(size + 2) : std::nullopt;
    if (!data) {
      response.end = end_;
      return std::nullopt;
    }
    if (size == 0) return std::nullopt;
    data->resize(size);
    return data;
  }

  Response read_response() {
    Response response = read_head();
    if (response.end != Response::End::kWhole) return response;
    if (response.headers.count("transfer-encoding") > 0) {
      while (auto chunk = read_chunk(response)) response.chunks.push_back(*std::move(chunk));
      return response;
    }
    auto body = read_exactly(std::strtoull(response.headers["content-length"].c_str(), nullptr, 10));
    if (!body) {
      response.end = end_;
    } else {
      response.chunks.push_back(*std::move(body));
    }
    return response;
  }

  Response request(std::string_view method, std::string_view path, std::string_view body = {},
                   std::string_view extra_headers = {}) {
    send_request(method, path, body, extra_headers);
    return read_response();
  }
  Response get(std::string_view path) { return request("GET", path); }
  Response post(std::string_view path, std::string_view body, std::string_view extra_headers = {}) {
    return request("POST", path, body, extra_headers);
  }

  /// Whether the host closes (without sending another byte), and how.
  std::optional<Response::End> read_end() {
    if (fill()) return std::nullopt;
    return end_;
  }

 private:
  bool fill() {
    char data[65536];
    const ssize_t n = recv(fd_, data, sizeof data, 0);
    if (n > 0) {
      buffer_.append(data, static_cast<std::size_t>(n));
      return true;
    }
    end_ = n < 0 && errno == ECONNRESET ? Response::End::kReset : Response::End::kClosed;
    return false;
  }

  std::optional<std::string> read_line() {
    std::size_t end;
    while ((end = buffer_.find("\r\n")) == std::string::npos) {
      if (!fill()) return std::nullopt;
    }
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return line;
  }

  std::optional<std::string> read_exactly(std::size_t size) {
    while (buffer_.size() < size) {
      if (!fill()) return std::nullopt;
    }
    std::string data = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return data;
  }

  int fd_;
  bool connected_ = false;
  std::string buffer_;
  Response::End end_ = Response::End::kWhole;
};

/// A JSON document and its text.
class Json {
 public:
  explicit Json(std::string_view text) : error_(parser_.parse(text.data(), text.size()).get(root_)) {}
  bool valid() const { return error_ == simdjson::SUCCESS; }
  /// The value at a JSON pointer, or a default where there is none.
  std::int64_t number(std::string_view pointer, std::int64_t missing = -1) const {
    std::int64_t value;
    return valid() && root_.at_pointer(pointer).get(value) == simdjson::SUCCESS ? value : missing;
  }
  std::string text(std::string_view pointer, std::string_view missing = "<none>") const {
    std::string_view value;
    return std::string(valid() && root_.at_pointer(pointer).get(value) == simdjson::SUCCESS ? value
                                                                                            : missing);
  }
  bool has(std::string_view pointer) const {
    simdjson::dom::element element;
    return valid() && root_.at_pointer(pointer).get(element) == simdjson::SUCCESS;
  }

 private:
  simdjson::dom::parser parser_;
  simdjson::dom::element root_;
  simdjson::error_code error_;
};

}  // namespace kneepoint::simhost
