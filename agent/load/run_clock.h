#pragma once

#include <algorithm>

#include "common/clock.h"

namespace kneepoint::agent {

/// Where the run's zero lies on this machine's monotonic clock. The coordinator measures it again while the
/// run lasts, because clocks drift apart; what it says is followed slowly, so that no second of the run is
/// noticeably shorter or longer than another. Pure; for one thread.
class RunClock {
 public:
  /// The zero moves by no more than so much of the time that has passed: half a millisecond a second, as
  /// adjtime() does. Quartz drifts by a tenth of that at worst.
  static constexpr Nanos::rep kPassedPerMove = 2000;

  RunClock() = default;
  RunClock(MonoTime zero, MonoTime now) : zero_(zero), moved_at_(now) {}

  MonoTime zero() const { return zero_; }
  /// @param zero as measured now. @returns whether the zero has moved.
  bool follow(MonoTime zero, MonoTime now) {
    const Nanos most = std::max(now - moved_at_, Nanos(0)) / kPassedPerMove;
    const Nanos move = std::clamp(zero - zero_, -most, most);
    zero_ += move;
    moved_at_ = std::max(moved_at_, now);
    return move != Nanos(0);
  }

 private:
  MonoTime zero_{};
  MonoTime moved_at_{};
};

}  // namespace kneepoint::agent
