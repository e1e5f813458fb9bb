#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "agent/net/poller.h"
#include "agent/net/tcp_counts.h"
#include "common/clock.h"

struct sockaddr;

namespace kneepoint::agent {

/// One read from a socket.
struct ReadResult {
  enum class Status : std::uint8_t { kData, kWouldBlock, kEnd, kError };
  Status status = Status::kWouldBlock;
  std::size_t bytes = 0;
  /// When the kernel received the last of these bytes; without a stamp, when they were read.
  MonoTime received{};
  MonoTime processed{};  ///< When they were read.
  bool stamped = false;

  /// Stamps are wall-clock time, converted to within some microseconds: one from so little before `earlier`,
  /// which must have come first, came with it. One from long before is from before the clock was set, and the
  /// bytes count as unstamped.
  void not_before(MonoTime earlier) {
    constexpr Nanos kConversionError = std::chrono::microseconds(50);
    if (received >= earlier) return;
    stamped = stamped && earlier - received <= kConversionError;
    received = stamped ? earlier : processed;
  }
};

/// A non-blocking TCP connection whose reads carry the kernel's receive stamp (SO_TIMESTAMPING, software).
/// Belongs to one poller's thread.
class StampedSocket {
 public:
  explicit StampedSocket(Poller& poller) : poller_(poller) {}
  ~StampedSocket() { close(); }
  StampedSocket(const StampedSocket&) = delete;
  StampedSocket& operator=(const StampedSocket&) = delete;

  /// Starts connecting; `readiness().until_writable()`, then `connect_error()` tells the outcome.
  /// @return false when it failed at once.
  bool connect(const sockaddr* address, unsigned length);
  /// 0 once connected, else an errno.
  int connect_error() const;

  /// Reads what is there into `buffer`, with one system call. A read that does not fill the buffer has
  /// emptied the socket (edge-triggered polling reports anything that comes later), so no second call is
  /// needed to find out.
  ReadResult read(std::span<char> buffer);

  /// Writes what fits. @return bytes written, 0 when nothing fits now, −1 on error.
  std::ptrdiff_t write(std::string_view data);

  bool is_open() const { return fd_ >= 0; }
  /// Since it was opened; all 0 where it is not open.
  SegmentCounts segments() const { return is_open() ? tcp_counts(fd_) : SegmentCounts{}; }
  void close();
  Readiness& readiness() { return readiness_; }

 private:
  Poller& poller_;
  int fd_ = -1;
  Readiness readiness_;
};

}  // namespace kneepoint::agent
