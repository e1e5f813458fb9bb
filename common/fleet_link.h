#pragma once

namespace kneepoint::fleet_link {

/// What both ends of the coordinator–agent stream agree on.

/// An assignment carries its prompts; a batch, at worst, ten seconds of every series.
inline constexpr int kMaxMessageBytes = 64 << 20;

/// gRPC's own log goes to spdlog at debug level; what matters of it returns as a status. Call once, at start.
void route_grpc_log();

}  // namespace kneepoint::fleet_link
