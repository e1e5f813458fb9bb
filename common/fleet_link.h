#pragma once

#include <cstddef>
#include <string>

#include "common/result.h"

namespace kneepoint::fleet_link {

/// What both ends of the coordinator–agent stream agree on.

/// An assignment carries its prompts.
inline constexpr int kMaxMessageBytes = 64 << 20;
/// What may wait to be written to an end that does not read: a message, and what came behind it.
inline constexpr std::size_t kMaxQueuedBytes = 2 * std::size_t{kMaxMessageBytes};
/// An agent sends less: what it measured comes in parts (batch_bytes.h), which on their way take about as
/// much as they hold.
inline constexpr int kMaxAgentMessageBytes = 8 << 20;

/// What an agent may send over a stream before the coordinator has read it. gRPC would find out how much is
/// right by a ping with every message, which costs as much as the message.
inline constexpr int kLookahead = 1 << 20;

/// An agent's name goes to terminals, logs, labels and reports.
inline constexpr std::size_t kMaxName = 200;
/// Whether an agent may have that name: one printable line of 1 to kMaxName bytes.
Result<void> check_name(const std::string& name);

/// Call once, at start. gRPC's own log goes to spdlog at debug level; what matters of it returns as a status.
/// Its locks are no longer searched for cycles, which Debian's build does at every one: 4 % of a busy
/// coordinator.
void prepare_grpc();

}  // namespace kneepoint::fleet_link
