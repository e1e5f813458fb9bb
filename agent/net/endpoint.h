#pragma once

#include <netinet/in.h>

#include <string>
#include <vector>

#include "common/result.h"

namespace kneepoint::agent {

/// Where a replica listens, taken from its base URL.
struct Endpoint {
  std::string host;       ///< Name or address, IPv6 without brackets.
  std::string port;       ///< As digits.
  bool tls = false;       ///< https
  std::string base_path;  ///< What goes before a dialect's path: no slash at its end, and no "/v1", which
                          ///< paths bring.
  std::string authority;  ///< For the Host header.
  bool operator==(const Endpoint&) const = default;
};

/// @param url `http://host[:port][/base]` or `https://…`; a user part, a query or a fragment is an error.
Result<Endpoint> parse_endpoint(const std::string& url);

/// An address to connect to.
struct Address {
  sockaddr_storage storage{};
  unsigned length = 0;
};

/// All addresses of an endpoint, in the order of the system's preference. Blocks on the network unless the
/// host is an address. An empty result: there is no such host.
std::vector<Address> resolve(const Endpoint& endpoint);

/// The address, when the host is one; empty when it is a name. Never blocks.
std::vector<Address> numeric_address(const Endpoint& endpoint);

}  // namespace kneepoint::agent
