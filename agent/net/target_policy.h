#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/net/endpoint.h"
#include "common/clock.h"
#include "common/result.h"

struct sockaddr;

namespace kneepoint::agent {

/// Which targets this agent may load, whatever a coordinator says: `--allow-target`. Immutable; any thread.
///
/// A target is a host by name or address, and then the address that is connected to. Link-local addresses and
/// those where clouds keep a machine's credentials are refused unless a pattern is such an address or a range
/// within these: neither a name nor a wider range lets them in.
class TargetPolicy {
 public:
  /// Loopback and private ranges.
  TargetPolicy();
  /// One of:
  ///   "private"                          what the default is: loopback, RFC 1918, RFC 6598, RFC 4193
  ///   "any"                              every address
  ///   "10.0.0.0/8", "2001:db8::/32"      a range
  ///   "203.0.113.7", "[2001:db8::1]"     an address
  ///   "gpu-1.example.com", "*.gpu.net"   a host as a plan's URL names it, wherever DNS says it is
  /// and behind each, but for an IPv6 address without brackets, ":PORT" for that port only.
  static Result<TargetPolicy> parse(const std::vector<std::string>& patterns);

  /// Whether a URL may be used at all: of a host by address the address is judged, a host by name may pass
  /// where its addresses could.
  Result<void> check(const Endpoint& endpoint) const;
  /// Looks up the names among `endpoints`, for `patience` at most: fails where all that a name leads to is
  /// refused. What is not known in time passes: every connect is judged again.
  Result<void> check_resolved(const std::vector<Endpoint>& endpoints, Nanos patience) const;
  /// Whether `address` may be connected to, as one of the endpoint's. Allocates nothing.
  bool allows(const Endpoint& endpoint, const sockaddr* address) const;

 private:
  struct Range {
    std::uint8_t bytes[16];  ///< IPv4 as ::ffff:a.b.c.d
    unsigned bits;
    std::uint16_t port;  ///< 0: any
  };
  struct Host {
    std::string name;  ///< In lower case; of "*.REST" it is ".REST".
    std::uint16_t port;
  };
  static const std::vector<Range>& private_ranges();
  static const std::vector<Range>& guarded_ranges();
  static Result<std::vector<Range>> ranges(const std::vector<const char*>& texts);
  static bool read_range(std::string_view text, Range& range);
  static bool holds(const Range& range, const std::uint8_t (&bytes)[16]);
  bool names(const Endpoint& endpoint) const;

  std::vector<Range> ranges_;
  std::vector<Host> hosts_;
};

/// "10.0.0.5" or "fe80::1".
std::string address_text(const sockaddr* address);

}  // namespace kneepoint::agent
