#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

namespace kneepoint::coordinator {

/// Counts the user's SIGINTs, SIGTERMs and SIGHUPs. Construct before any other thread: the signals are
/// blocked in this thread and all that it starts, and taken by one thread of its own, so no code runs in a
/// signal handler. The first asks to stop in order, the second to stop at once; the third ends the process.
class Interrupts {
 public:
  Interrupts();

  int count() const { return count_; }
  /// Stops with the first interrupt.
  std::stop_token token() const { return interrupted_.get_token(); }

 private:
  std::atomic<int> count_{0};
  std::stop_source interrupted_;
  std::jthread waiter_;  // last: it uses the others
};

}  // namespace kneepoint::coordinator
