#pragma once

#include <chrono>

namespace kneepoint {

using Nanos = std::chrono::nanoseconds;

/// An instant of CLOCK_MONOTONIC. All durations that the tool reports are differences of these.
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, Nanos>;

/// An instant of CLOCK_REALTIME. Used only to stamp runs, to place a run's zero on the wall clock and to
/// convert kernel receive stamps; never subtracted across machines without an offset.
using RealTime = std::chrono::time_point<std::chrono::system_clock, Nanos>;

/// The source of time. Injected wherever a decision depends on time, so that tests and the in-process
/// queueing model run without waiting. Implementations are safe to call from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime now() const = 0;
  virtual RealTime real_now() const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  MonoTime now() const override { return std::chrono::steady_clock::now(); }
  RealTime real_now() const override { return std::chrono::system_clock::now(); }
};

/// Seconds as a double, for arithmetic and reports. @param d any chrono duration.
template <class Rep, class Period>
constexpr double to_seconds(std::chrono::duration<Rep, Period> d) {
  return std::chrono::duration<double>(d).count();
}

/// The nearest whole nanosecond. @param seconds any finite value within about ±292 years.
constexpr Nanos from_seconds(double seconds) {
  return Nanos(static_cast<Nanos::rep>(seconds * 1e9 + (seconds < 0 ? -0.5 : 0.5)));
}

}  // namespace kneepoint
