#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"

namespace kneepoint {

/// Where a coordinator listens and agents dial: `HOST:PORT`, `[V6]:PORT` or `unix:PATH`.
struct Endpoint {
  std::string host;        ///< Without brackets; empty for a Unix socket.
  std::uint16_t port = 0;  ///< 0: any free one (only to listen on).
  std::string path;        ///< Of a Unix socket.

  bool is_unix() const { return !path.empty(); }
  /// Whether nobody outside this machine can be on the other end: a Unix socket, `localhost`, 127/8 or ::1.
  bool local() const;
  /// As gRPC and people write it.
  std::string str() const;
};

/// An error is one line that says what may be written.
Result<Endpoint> parse_endpoint(const std::string& text);

/// Plain TCP beyond this machine is allowed only when asked for: the error is one line for the user.
Result<void> check_plaintext(const Endpoint& endpoint, bool insecure);

}  // namespace kneepoint
