#include "common/endpoint.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <charconv>

namespace kneepoint {

bool Endpoint::local() const {
  if (is_unix() || host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string Endpoint::str() const {
  if (is_unix()) return "unix:" + path;
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<Endpoint> parse_endpoint(const std::string& text) {
  Endpoint endpoint;
  if (text.starts_with("unix:")) {
    endpoint.path = text.substr(5);
    if (endpoint.path.empty()) return Error{fmt::format("'{}' names no socket: write unix:PATH", text)};
    if (endpoint.path.size() >= sizeof(sockaddr_un::sun_path)) {
      return Error{fmt::format("the socket path of '{}' is longer than {} bytes", text,
                               sizeof(sockaddr_un::sun_path) - 1)};
    }
    return endpoint;
  }
  const Error malformed{
      fmt::format("'{}' is not an address: write HOST:PORT, [IPv6]:PORT or unix:PATH", text)};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return malformed;
  endpoint.host = text.substr(0, colon);
  if (endpoint.host.starts_with('[') && endpoint.host.ends_with(']')) {
    endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  } else if (endpoint.host.find(':') != std::string::npos) {
    return malformed;
  }
  if (endpoint.host.empty() || endpoint.host.find_first_of("/ \t") != std::string::npos) return malformed;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data() + colon + 1, end, endpoint.port);
  if (problem != std::errc() || stop != end) return malformed;
  return endpoint;
}

Result<void> check_plaintext(const Endpoint& endpoint, bool insecure) {
  if (insecure || endpoint.local()) return {};
  return Error{fmt::format(
      "{} is beyond this machine and the connection would be plain TCP: give --tls-cert, --tls-key and "
      "--tls-ca, or add --insecure to allow it",
      endpoint.str())};
}

}  // namespace kneepoint
