#pragma once

#include <chrono>

namespace kneepoint::fleet_link {

/// What both ends of the coordinator–agent stream agree on.

/// An assignment carries its prompts; a batch, at worst, ten seconds of every series.
inline constexpr int kMaxMessageBytes = 64 << 20;

/// A peer that answers no HTTP/2 ping is noticed within interval + timeout.
inline constexpr std::chrono::milliseconds kKeepaliveInterval{3000};
inline constexpr std::chrono::milliseconds kKeepaliveTimeout{3000};

/// gRPC's own log goes to spdlog at debug level; what matters of it returns as a status. Call once, at start.
void route_grpc_log();

}  // namespace kneepoint::fleet_link
