#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "common/waitable_clock.h"

namespace kneepoint {

/// Hands events from any number of threads to the one that owns the decisions. Order of pushes is kept.
/// Unbounded: whoever feeds it bounds the rate (a fleet's batches come once a second from each agent).
template <class T>
class EventQueue {
 public:
  /// @param clock deadlines are its; it must outlive the queue.
  explicit EventQueue(WaitableClock& clock = system_clock()) : clock_(clock) {}
  /// Nobody pushes any more. What says so may be a library that ThreadSanitizer cannot see into, so the lock
  /// says it too.
  ~EventQueue() { const std::lock_guard lock(mutex_); }
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;

  /// Any thread; never blocks for long.
  void push(T event) {
    {
      const std::lock_guard lock(mutex_);
      events_.push_back(std::move(event));
    }
    arrived_.notify_one();
  }

  /// The oldest event, or none once `deadline` has passed without one.
  std::optional<T> pop_until(MonoTime deadline) {
    std::unique_lock lock(mutex_);
    while (events_.empty()) {
      if (clock_.now() >= deadline) return std::nullopt;
      clock_.wait(lock, arrived_, deadline);
    }
    T event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  WaitableClock& clock_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<T> events_;
};

}  // namespace kneepoint
