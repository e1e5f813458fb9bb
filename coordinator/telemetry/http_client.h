#pragma once

#include <boost/asio/awaitable.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/plan.h"
#include "common/result.h"
#include "coordinator/telemetry/host_look_up.h"

namespace kneepoint::coordinator {

/// What bounds one request.
struct HttpLimits {
  Nanos connect = std::chrono::seconds(1);  ///< Name, TCP and TLS, each.
  Nanos total = std::chrono::seconds(2);    ///< The whole exchange, connecting included.
  std::size_t body = 16 * 1024 * 1024;      ///< Bytes.
};

struct HttpReply {
  int status = 0;
  std::string body;
  std::string date;      ///< The header Date as it was sent; empty: there was none.
  std::string location;  ///< Where a redirect leads.
};

/// GETs from and POSTs to one host over one kept-alive connection, http or https. Redirects are not followed.
/// For one coroutine on one io_context thread; a host that never answers costs `HttpLimits::total`.
class HttpClient {
 public:
  /// @param headers added to every request. @param tls paths are on this host. @param run_id what the
  /// requests say they belong to, in User-Agent; empty: to no run. @param find how hosts are looked up.
  HttpClient(std::map<std::string, std::string> headers, TlsOptions tls, HttpLimits limits,
             std::string_view run_id, HostLookUp::Find find = &HostLookUp::find);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  /// @param url absolute, of any host: another one than before opens a new connection.
  /// @returns any complete reply, whatever its status, or one line that says what went wrong and with which
  /// host.
  boost::asio::awaitable<Result<HttpReply>> get(std::string url);
  /// The same, sending a JSON document. Sent again when a kept connection turns out to be closed.
  boost::asio::awaitable<Result<HttpReply>> post(std::string url, std::string json);

 private:
  boost::asio::awaitable<Result<HttpReply>> request(std::string url, const std::string* json);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Joins a base URL and an absolute path: ("http://h/team/", "/metrics") gives "http://h/team/metrics".
std::string join_url(std::string_view base, std::string_view path);

/// The URL without user, password, query and fragment: what may be shown and stored.
std::string url_for_display(std::string_view url);

}  // namespace kneepoint::coordinator
