#pragma once

#include <cstddef>
#include <vector>

#include "common/clock.h"

namespace kneepoint::agent {

class Timers;

/// One alarm, embedded in the object that waits for it. Fires once per `arm`. Disarmed by its destructor.
class Timer {
 public:
  using Callback = void (*)(void* context);

  /// `callback(context)` runs on the poller's thread.
  Timer(Timers& timers, Callback callback, void* context)
      : timers_(timers), callback_(callback), context_(context) {}
  ~Timer() { disarm(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Replaces an earlier instant that has not come yet.
  void arm(MonoTime at);
  void disarm();
  bool armed() const { return place_ != kNowhere; }
  MonoTime at() const { return at_; }

 private:
  friend class Timers;
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

  Timers& timers_;
  Callback callback_;
  void* context_;
  MonoTime at_{};
  std::size_t place_ = kNowhere;  // in the heap
};

/// The alarms of one thread: a binary heap that knows where each timer lies, so that arming and disarming
/// cost O(log n) and no allocation once the heap has grown. Timers are few per request, never per token:
/// deadlines that move with every token are re-checked when they fire. Not thread-safe.
class Timers {
 public:
  /// Fires everything due, earliest first. A callback may arm and disarm any timer.
  void fire_due(MonoTime now);
  bool empty() const { return heap_.empty(); }
  /// The earliest instant. Not for an empty set.
  MonoTime next() const { return heap_.front()->at_; }

 private:
  friend class Timer;
  void place(std::size_t at, Timer* timer);
  void sift_up(std::size_t at);
  void sift_down(std::size_t at);
  void remove(Timer& timer);

  std::vector<Timer*> heap_;
};

}  // namespace kneepoint::agent
