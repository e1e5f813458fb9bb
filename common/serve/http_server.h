#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>

#include "common/clock.h"
#include "common/result.h"
#include "common/serve/event_feed.h"
#include "common/serve/http_message.h"
#include "common/serve/listen_address.h"

namespace kneepoint {

/// The programs' own small HTTP/1.1 server, of metrics and the live page. GET and HEAD, POST where a
/// route says so, no request bodies, keep-alive; limits on header size, connections and every wait, so that
/// no client can hold it. One thread, one io_context, one coroutine per connection. All members may be called
/// from any thread.
class HttpServer {
 public:
  /// Makes the answer to a request. Called on the server's thread: it guards what it shares and returns soon.
  /// What it throws becomes a 500.
  using Handler = std::function<HttpResponse(const HttpRequest&)>;
  using Routes = std::map<std::string, Handler, std::less<>>;  ///< By exact path.

  struct Options {
    /// What POST does; see HttpGuard::may_change for who may.
    Routes posts = {};
    /// Streams of server-sent events by path. They must outlive the server.
    std::map<std::string, EventFeed*, std::less<>> feeds = {};
    /// Routes that tell nothing of a run: they are answered without the token.
    std::set<std::string, std::less<>> open = {};
    /// What clients must show as `Authorization: Bearer …`; empty: whoever reaches the port may read.
    std::string token;
    /// Lets it listen beyond this machine without a token.
    bool insecure = false;
    std::size_t max_connections = 256;             ///< Further ones are closed at once.
    std::size_t max_streams = 128;                 ///< Of them, those that follow a feed; others get a 503.
    std::size_t header_limit = 8 * 1024;           ///< Bytes.
    Nanos idle_timeout = std::chrono::minutes(3);  ///< Between requests: longer than usual scrape intervals.
    Nanos header_timeout =
        std::chrono::seconds(10);  ///< From a request's first byte to the end of its header.
    Nanos write_timeout = std::chrono::seconds(10);  ///< For a whole answer, and each piece of a stream.
    Nanos keep_alive = std::chrono::seconds(2);      ///< A silent stream gets an event `still` that often.
    Nanos stop_grace = std::chrono::seconds(2);      ///< What stop() gives to answers under way.
  };

  /// Binds, listens and starts the thread. Where the default port is taken and the user named none, the next
  /// free one up is used, and `notice()` says so. @returns one clear line where it cannot listen.
  static Result<std::unique_ptr<HttpServer>> start(const ListenAddress& address, Routes routes,
                                                   Options options);
  static Result<std::unique_ptr<HttpServer>> start(const ListenAddress& address, Routes routes);

  /// As stop().
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// The port it listens on, the real one where 0 was asked.
  std::uint16_t port() const;
  /// "127.0.0.1:9464": the bound address.
  std::string address() const;
  /// One line for the user where it does not listen on the port that is documented, else empty.
  const std::string& notice() const;

  /// GETs of /metrics answered with 200 and written out in full, so far.
  std::uint64_t scrapes() const;
  /// Waits until `count` more scrapes are complete that began after this call: they carry everything that was
  /// set before it. @returns false at `deadline`, on a stop request, or when the server stops.
  bool wait_scraped(std::uint64_t count, MonoTime deadline, std::stop_token stop = {});

  /// Refuses new connections and requests, lets answers under way finish and streams tell their last within
  /// `stop_grace`, ends the thread. Idempotent; not to be called from a handler.
  void stop();

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kneepoint
