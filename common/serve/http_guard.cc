#include "common/serve/http_guard.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>

namespace kneepoint {
namespace {

/// Takes as long for a wrong token as for the right one.
bool same_token(std::string_view given, std::string_view token) {
  unsigned char differs = given.size() == token.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i)
    differs |= static_cast<unsigned char>(given[i] ^ token[i % token.size()]);
  return differs == 0;
}

bool equals_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

/// The credentials of a Bearer header. The scheme's name is read without its case (RFC 9110, 11.1).
std::string_view bearer(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() < kScheme.size() ||
      !equals_without_case(authorization.substr(0, kScheme.size()), kScheme))
    return {};
  authorization.remove_prefix(
      std::min(authorization.find_first_not_of(' ', kScheme.size()), authorization.size()));
  return authorization;
}

/// The value of `name` among "a=1; b=2".
std::string_view cookie_of(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    std::string_view each = cookies.substr(0, cookies.find(';'));
    cookies.remove_prefix(std::min(each.size() + 1, cookies.size()));
    each.remove_prefix(std::min(each.find_first_not_of(' '), each.size()));
    if (each.size() > name.size() && each.starts_with(name) && each[name.size()] == '=')
      return each.substr(name.size() + 1);
  }
  return {};
}

/// "localhost:9464" → "localhost", "[::1]:9464" → "::1"
std::string_view host_of(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, std::min(host.find(']'), host.size()) - 1);
  return host.substr(0, host.find(':'));
}

bool names_this_machine(std::string_view host) {
  host = host_of(host);
  if (equals_without_case(host, "localhost")) return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(host), error);
  return !error && address.is_loopback();
}

}  // namespace

std::string HttpGuard::cookie_value() const {
  constexpr std::string_view kWhat = "kneepoint live page";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  HMAC(EVP_sha256(), token.data(), static_cast<int>(token.size()),
       reinterpret_cast<const unsigned char*>(kWhat.data()), kWhat.size(), digest.data(), &size);
  return fmt::format("{:02x}", fmt::join(digest.begin(), digest.begin() + size, ""));
}

std::string HttpGuard::session_cookie() const {
  return fmt::format("kneepoint-{}={}; Path=/; HttpOnly; SameSite=Strict", port, cookie_value());
}

bool HttpGuard::shows_token(const HttpClaims& claims) const {
  if (token.empty()) return true;
  if (const std::string_view shown = bearer(claims.authorization); !shown.empty())
    return same_token(shown, token);
  const std::string_view cookie = cookie_of(claims.cookie, fmt::format("kneepoint-{}", port));
  return !cookie.empty() && same_token(cookie, cookie_value());
}

std::optional<HttpResponse> HttpGuard::may_read(const HttpClaims& claims, bool open) const {
  // A site whose name leads to 127.0.0.1 by now would read as if it were ours. Where there is a token, it
  // lacks that.
  if (loopback && token.empty() && !claims.host.empty() && !names_this_machine(claims.host))
    return refusal(421, "this is served to this machine only: ask for 127.0.0.1 or localhost");
  if (!open && !shows_token(claims)) return refusal(401, "show the token: Authorization: Bearer …");
  return std::nullopt;
}

std::optional<HttpResponse> HttpGuard::may_change(const HttpClaims& claims) const {
  if (!loopback && token.empty())
    return refusal(403,
                   "beyond this machine nothing is changed without a token: start with --http-token-file");
  if (auto refused = may_read(claims, false)) return refused;
  const bool foreign = !claims.origin.empty() && claims.origin != fmt::format("http://{}", claims.host) &&
                       claims.origin != fmt::format("https://{}", claims.host);
  const bool from_elsewhere = !claims.fetch_site.empty() && claims.fetch_site != "same-origin";
  if (foreign || from_elsewhere || claims.intent.empty())
    return refusal(403, "ask from the live page, or send the header X-Kneepoint: yes");
  return std::nullopt;
}

}  // namespace kneepoint
