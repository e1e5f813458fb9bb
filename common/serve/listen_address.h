#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace kneepoint {

/// Where metrics are served when nothing is said: the port that Prometheus' registry lists for
/// Kneepoint.
inline constexpr std::uint16_t kDefaultServePort = 9464;

/// What `--serve` asks for.
struct ListenAddress {
  std::string host = "127.0.0.1";  ///< A name or an address, IPv6 without brackets; empty: every interface.
  std::uint16_t port = kDefaultServePort;  ///< 0: any free port.
  /// The user named the port: where it is taken that is an error, and no other port is tried.
  bool port_given = false;
  bool operator==(const ListenAddress&) const = default;
};

/// Reads "HOST:PORT", "[V6]:PORT", ":PORT" (every interface), "PORT" (this machine) or "HOST" (the default
/// port).
Result<ListenAddress> parse_listen_address(std::string_view text);

/// "127.0.0.1:9464", "[::1]:9464"
std::string format_address(std::string_view host, std::uint16_t port);

}  // namespace kneepoint
