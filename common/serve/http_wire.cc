#include "common/serve/http_wire.h"

#include <utility>

namespace kneepoint {

namespace http = boost::beast::http;

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
    if (response.status == 503) message.set(http::field::retry_after, "15");
    if (!response.policy.empty()) {
      message.set("Content-Security-Policy", response.policy);
      message.set("Referrer-Policy", "same-origin");
    }
    if (!response.cookie.empty()) message.set(http::field::set_cookie, response.cookie);
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

HttpClaims claims_of(const http::request<http::empty_body>& request) {
  const auto header = [&](std::string_view name) -> std::string_view {
    const auto value = request[boost::beast::string_view(name.data(), name.size())];
    return {value.data(), value.size()};
  };
  return {.host = header("Host"),
          .origin = header("Origin"),
          .fetch_site = header("Sec-Fetch-Site"),
          .authorization = header("Authorization"),
          .cookie = header("Cookie"),
          .intent = header("X-Kneepoint")};
}

}  // namespace kneepoint
