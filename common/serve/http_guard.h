#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/serve/http_message.h"

/// Who may read what a program serves, and who may change something by it. Pure.
namespace kneepoint {

/// The headers of a request that decide.
struct HttpClaims {
  std::string_view host, origin, fetch_site, authorization, cookie, intent;
};

/// How a server is reached.
struct HttpGuard {
  std::string token;       ///< Shown as `Authorization: Bearer …`, or as the cookie that login gives.
  bool loopback = true;    ///< It listens on this machine only.
  std::uint16_t port = 0;  ///< Names the cookie: browsers share them between the ports of a host.

  /// Why the request is not answered; none where it may read. `open`: a page without anything of the run.
  std::optional<HttpResponse> may_read(const HttpClaims& claims, bool open) const;
  /// The same of a request that changes something. A page of another site can make a browser send one:
  /// it cannot add the header, nor hide where it comes from.
  std::optional<HttpResponse> may_change(const HttpClaims& claims) const;
  /// What a browser is given once it has shown the token: the cookie is not the token, only made of it.
  std::string session_cookie() const;

 private:
  bool shows_token(const HttpClaims& claims) const;
  std::string cookie_value() const;
};

}  // namespace kneepoint
