#pragma once

#include <sys/socket.h>

#include "common/clock.h"

namespace kneepoint::agent {

/// Keeps the kernel's receive stamps switched on. Linux starts stamping packets only a moment after the first
/// socket on the machine asks for it, and stops after the last one closes: without this, the first answers of
/// a run would go unstamped. Owned by whoever opens StampedSockets, for as long as it does.
class ReceiveStamps {
 public:
  /// Opens a socket that asks for stamps and sends to itself over loopback until one arrives stamped, for
  /// `patience` at most. No stamps is no error: reads are then flagged as unstamped.
  explicit ReceiveStamps(Nanos patience = std::chrono::milliseconds(500));
  ~ReceiveStamps();
  ReceiveStamps(const ReceiveStamps&) = delete;
  ReceiveStamps& operator=(const ReceiveStamps&) = delete;

  /// Whether stamps were seen to arrive.
  bool available() const { return available_; }

 private:
  int fd_ = -1;
  bool available_ = false;
};

/// The software receive stamp among a received message's control data, in CLOCK_REALTIME; 0 without one.
Nanos receive_stamp(msghdr& message);

/// Asks for stamps on a socket. Refusal is no error, as above.
void request_receive_stamps(int fd);

/// Room for the control data that carries a stamp.
inline constexpr unsigned kStampControlBytes = 128;

}  // namespace kneepoint::agent
