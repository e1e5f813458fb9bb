#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using SSL_CTX = struct ssl_ctx_st;
using SSL = struct ssl_st;

namespace kneepoint {

/// A door that one side waits at until the other opens it: tests order events with these instead of sleeping.
class Gate {
 public:
  void open();
  /// @return false after ten seconds, so that a broken test ends.
  bool wait();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

/// A self-signed certificate for localhost and 127.0.0.1, made at run time, as PEM files in a temporary
/// directory.
class TestCertificate {
 public:
  TestCertificate();
  ~TestCertificate();
  const std::string& cert_file() const { return cert_file_; }
  const std::string& key_file() const { return key_file_; }

 private:
  std::string directory_, cert_file_, key_file_;
};

/// A whole response: status line, its length, and the body.
inline std::string http_response(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// A blocking server on loopback whose every connection plays a script on a thread of its own.
class ScriptedServer {
 public:
  /// One accepted connection, as its script sees it.
  class Peer {
   public:
    Peer(int fd, SSL* ssl, ScriptedServer& server) : fd_(fd), ssl_(ssl), server_(server) {}
    ~Peer();
    /// The next request, head and body; empty when the client has closed.
    std::string read_request();
    void send(std::string_view bytes);
    /// Sends several pieces, over TLS a record each, so that the client cannot read one without the others:
    /// together they are small enough for one segment.
    /// @param ends over TLS, close_notify comes with them.
    void send_together(const std::vector<std::string>& pieces, bool ends = false);
    /// Ends the connection with a TCP reset.
    void reset();
    void close();
    /// Blocks until the client closes.
    void wait_for_close();

   private:
    long receive(char* into, std::size_t size);
    int fd_;
    SSL* ssl_;
    ScriptedServer& server_;
    std::string unread_;
  };
  /// @param connection counts accepted connections from 0.
  using Script = std::function<void(Peer& peer, int connection)>;
  /// A script: reads one request and says nothing more.
  static void keep_silent(Peer& peer, int connection);

  /// @param certificate serves TLS with it; with `client_ca`, a client certificate signed by it is demanded.
  explicit ScriptedServer(Script script, const TestCertificate* certificate = nullptr,
                          const TestCertificate* client_ca = nullptr);
  /// On ::1 instead of 127.0.0.1, without TLS.
  struct Ipv6 {};
  ScriptedServer(Ipv6, Script script);
  /// Closes everything and joins.
  ~ScriptedServer();

  std::string url() const;
  int port() const { return port_; }
  /// All requests read so far.
  std::vector<std::string> requests() const;
  int connections() const;

 private:
  void listen_on(int family);
  void accept_all();
  void serve(int fd, int connection);

  Script script_;
  std::shared_ptr<SSL_CTX> tls_;
  int listener_ = -1;
  bool ipv6_ = false;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<int> open_;
  int connections_ = 0;
  bool stopping_ = false;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace kneepoint
