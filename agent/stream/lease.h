#pragma once

#include <algorithm>
#include <atomic>

#include "common/clock.h"
#include "common/lease.h"

namespace kneepoint::agent {

/// Until when load is allowed. The thread that reads the coordinator's heartbeats extends it, every load
/// thread looks at it by itself, and nothing else is between them: a thread that is stuck, on a terminal or a
/// disk, can neither keep it alive nor keep its end from being noticed. Any thread.
class Lease {
 public:
  explicit Lease(Nanos length = lease::kLength) : length_(length) {}

  /// A run begins; no load is allowed before its first heartbeat. @param zero on this machine's clock.
  void begin(MonoTime zero) {
    until_ = kNone;
    zero_ = zero.time_since_epoch().count();
  }
  /// The zero is known better.
  void move_zero(MonoTime zero) {
    if (zero_ != kNone) zero_ = zero.time_since_epoch().count();
  }
  /// The run is over.
  void end() { zero_ = kNone, until_ = kNone; }

  /// A heartbeat that was sent `since_zero` and read at `received`. Whichever is earlier counts: one that lay
  /// in a buffer while this process or the network stood still allows no more than it did when it was sent.
  /// What has ended stays ended, also where no thread has looked since: after a freeze this may be read
  /// first.
  void heartbeat(Nanos since_zero, MonoTime received) {
    const Nanos::rep zero = zero_;
    if (zero == kNone) return;
    if (until_ != kNone && !allows(received)) return;
    const Nanos::rep sent = std::min(zero + since_zero.count(), received.time_since_epoch().count());
    const Nanos::rep until = sent + length_.count();
    Nanos::rep known = until_;
    while (known != kEnded && known < until && !until_.compare_exchange_weak(known, until)) {
    }
  }

  /// Whether load is allowed; where it no longer is, that is final, for every thread that asks.
  bool allows(MonoTime now) {
    Nanos::rep known = until_;
    while (known <= now.time_since_epoch().count()) {
      if (known == kNone || known == kEnded || until_.compare_exchange_weak(known, kEnded)) return false;
    }
    return true;
  }

  /// Far in the past where no load is allowed.
  MonoTime until() const { return MonoTime(Nanos(until_)); }
  Nanos length() const { return length_; }

 private:
  static constexpr Nanos::rep kNone = Nanos::min().count();
  static constexpr Nanos::rep kEnded = kNone + 1;

  const Nanos length_;
  std::atomic<Nanos::rep> zero_{kNone};
  std::atomic<Nanos::rep> until_{kNone};
};

}  // namespace kneepoint::agent
