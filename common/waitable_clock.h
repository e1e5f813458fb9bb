#pragma once

#include <condition_variable>
#include <mutex>

#include "common/clock.h"

namespace kneepoint {

/// A clock that a thread also waits by. Apart from what happens between threads, this is all that a simulated
/// world has to replace for production code to live in it.
class WaitableClock : public Clock {
 public:
  /// Waits until `changed` is notified or `deadline` has passed on this clock; may return earlier. `lock` is
  /// held before and after, and not in between.
  virtual void wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed,
                    MonoTime deadline) = 0;
};

/// The machine's clocks, waited for in the kernel. Any thread.
inline WaitableClock& system_clock() {
  class Machine final : public WaitableClock {
   public:
    MonoTime now() const override { return SystemClock().now(); }
    RealTime real_now() const override { return SystemClock().real_now(); }
    void wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed,
              MonoTime deadline) override {
      changed.wait_until(lock, deadline);
    }
  };
  static Machine machine;
  return machine;
}

}  // namespace kneepoint
