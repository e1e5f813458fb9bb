#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "agent/net/timers.h"
#include "common/clock.h"

namespace kneepoint::agent {

/// CLOCK_MONOTONIC, read now.
inline MonoTime mono_now() {
  return std::chrono::steady_clock::now();
}

/// Why a suspended coroutine was resumed.
enum class Wake : std::uint8_t { kReady, kTimeout, kCancelled };

/// The readiness of one descriptor under edge-triggered polling, and the one coroutine that waits for it.
/// Belongs to the poller's thread. The reader clears `readable` when the kernel has nothing left, the writer
/// `writable`.
class Readiness {
 public:
  bool readable = false;
  bool writable = false;
  bool hung_up = false;  ///< The peer closed its side or the connection failed; reading tells which.

  class Awaiter {
   public:
    Awaiter(Readiness& readiness, bool for_reading) : readiness_(readiness), for_reading_(for_reading) {}
    bool await_ready() const { return for_reading_ ? readiness_.readable : readiness_.writable; }
    void await_suspend(std::coroutine_handle<> handle) {
      readiness_.waiting_ = handle;
      readiness_.waits_for_reading_ = for_reading_;
      readiness_.wake_ = Wake::kReady;
    }
    Wake await_resume() const { return std::exchange(readiness_.wake_, Wake::kReady); }

   private:
    Readiness& readiness_;
    bool for_reading_;
  };

  /// `co_await until_readable()` suspends without an allocation until there is something to read (data, end
  /// or error), or until `interrupt`.
  Awaiter until_readable() { return Awaiter(*this, true); }
  Awaiter until_writable() { return Awaiter(*this, false); }

  /// Resumes the waiting coroutine, if any, with `why`.
  void interrupt(Wake why) {
    if (!waiting_) return;
    wake_ = why;
    std::exchange(waiting_, {}).resume();
  }

 private:
  friend class Poller;
  void on_events(std::uint32_t events);
  /// What resuming the waiting coroutine reads first.
  void fetch_waiting() const;

  std::coroutine_handle<> waiting_;
  bool waits_for_reading_ = true;
  Wake wake_ = Wake::kReady;
};

/// One thread's event loop: an edge-triggered epoll set in which every descriptor is registered once, for
/// good, and which resumes the waiting coroutines directly. An own loop and not Asio's, for three reasons:
/// no `epoll_ctl` per token, no second poll for a nested set (two system calls a token in all: this poll and
/// the `recvmsg`), and a view of the poll's return and entry, without which `loop_gap` cannot be told.
///
/// Everything but `post` and `stop` belongs to the thread that calls `run`.
class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  /// Polls until `stop`. Each turn: posted work, due timers, then one poll and the coroutines that it made
  /// ready. `on_turn(gap, entry)` is told at each poll's entry how long the loop was away from the previous
  /// poll's return: time during which it could not have noticed anything. Blocked time is not in it.
  void run(const std::function<void(Nanos gap, MonoTime entry)>& on_turn);

  /// Makes `run` return after the current turn. From any thread.
  void stop();
  /// Runs `work` on the poller's thread, in order. From any thread; work posted after `stop` may never run.
  void post(std::function<void()> work);

  /// Registers a non-blocking descriptor for its lifetime: closing it ends the registration. `readiness` must
  /// outlive it. @return false with errno set.
  bool watch(int fd, Readiness& readiness);
  Timers& timers() { return timers_; }

  /// CLOCK_REALTIME minus CLOCK_MONOTONIC, read back to back at the last poll's return: one pair of readings
  /// serves all reads of a turn (slewing moves it by under 0.5 ns a microsecond).
  Nanos real_minus_mono() const { return real_minus_mono_; }

 private:
  void run_posted();
  void read_real_clock(MonoTime mono);
  int poll(void* events, int capacity, MonoTime entry);

  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  bool has_pwait2_ = true;
  Nanos real_minus_mono_{0};
  Timers timers_;

  std::atomic<bool> stopped_{false};
  std::atomic<bool> has_posted_{false};
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
};

/// Sleeping in a coroutine: `co_await sleeper.until(instant)`. One sleeper serves one coroutine.
class Sleeper {
 public:
  explicit Sleeper(Timers& timers) : timer_(timers, &Sleeper::fire, this) {}

  class Awaiter {
   public:
    Awaiter(Sleeper& sleeper, MonoTime at) : sleeper_(sleeper), at_(at) {}
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      sleeper_.waiting_ = handle;
      sleeper_.timer_.arm(at_);
    }
    Wake await_resume() const { return sleeper_.wake_; }

   private:
    Sleeper& sleeper_;
    MonoTime at_;
  };

  Awaiter until(MonoTime at) { return Awaiter(*this, at); }
  /// Ends the sleep, if there is one.
  void interrupt(Wake why) {
    if (!waiting_) return;
    timer_.disarm();
    wake_ = why;
    std::exchange(waiting_, {}).resume();
  }

 private:
  static void fire(void* self) { static_cast<Sleeper*>(self)->interrupt(Wake::kReady); }

  Timer timer_;
  std::coroutine_handle<> waiting_;
  Wake wake_ = Wake::kReady;
};

}  // namespace kneepoint::agent
