#pragma once

#include <sys/types.h>

#include <cstddef>
#include <deque>
#include <mutex>

#include "common/clock.h"
#include "common/lease.h"

namespace kneepoint::coordinator {

/// The connections that have not said who they are yet: bounded in number, as they are in time. Safe from any
/// thread. Owns no descriptor.
class Strangers {
 public:
  /// More than dial at once in any fleet; who is turned away dials again.
  static constexpr std::size_t kMost = 4096;
  /// A handshake, an idle connection and a stream without a hello each end after lease::kGreeting.
  static constexpr Nanos kLongest = 3 * lease::kGreeting;

  explicit Strangers(std::size_t most = kMost) : most_(most) {}

  /// Takes one more in, unless too many are there. Those that have been closed since do not count.
  bool admit(int connection, MonoTime now);
  /// One of them has said its hello: any one, as a stream does not know its connection. The oldest is the one
  /// to forget, so that no more are there than are counted.
  void greeted();

 private:
  struct Stranger {
    int descriptor = -1;
    ino_t socket = 0;  // a number that is used again is another socket's
    MonoTime since{};
  };
  void forget_gone(MonoTime now);

  const std::size_t most_;
  std::mutex mutex_;
  std::deque<Stranger> strangers_;
  MonoTime looked_at_{};
};

}  // namespace kneepoint::coordinator
