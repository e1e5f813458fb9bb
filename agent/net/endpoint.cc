#include "agent/net/endpoint.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cstring>

namespace kneepoint::agent {
namespace {

std::vector<Address> look_up(const Endpoint& endpoint, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  std::vector<Address> addresses;
  if (getaddrinfo(endpoint.host.c_str(), endpoint.port.c_str(), &hints, &found) != 0) return addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    Address address;
    address.length = each->ai_addrlen;
    std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
    addresses.push_back(address);
  }
  freeaddrinfo(found);
  return addresses;
}

}  // namespace

Result<Endpoint> parse_endpoint(const std::string& url) {
  const auto parsed = boost::urls::parse_uri(url);
  if (!parsed) return Error{fmt::format("\"{}\" is not a URL; write http://host:port", url)};
  const boost::urls::url_view view = *parsed;
  if (view.scheme() != "http" && view.scheme() != "https") {
    return Error{fmt::format("\"{}\": the scheme must be http or https", url)};
  }
  if (view.has_userinfo() || view.has_query() || view.has_fragment()) {
    return Error{
        fmt::format("\"{}\": a user, a query or a fragment has no place in a target's URL", view.host())};
  }
  Endpoint endpoint;
  endpoint.tls = view.scheme() == "https";
  endpoint.host = view.host_address();
  if (endpoint.host.empty()) return Error{fmt::format("\"{}\" names no host", url)};
  endpoint.port = std::string(view.port());
  if (endpoint.port.empty()) endpoint.port = endpoint.tls ? "443" : "80";
  if (view.has_port() && !view.port().empty() && view.port_number() == 0) {
    return Error{fmt::format("\"{}\": the port must be 1 to 65535", url)};
  }
  endpoint.authority = std::string(view.encoded_host_and_port());
  endpoint.base_path = std::string(view.encoded_path());
  while (endpoint.base_path.ends_with('/')) endpoint.base_path.pop_back();
  if (endpoint.base_path.ends_with("/v1")) endpoint.base_path.resize(endpoint.base_path.size() - 3);
  return endpoint;
}

std::vector<Address> resolve(const Endpoint& endpoint) {
  return look_up(endpoint, 0);
}
std::vector<Address> numeric_address(const Endpoint& endpoint) {
  return look_up(endpoint, AI_NUMERICHOST);
}

}  // namespace kneepoint::agent
