#pragma once

#include <atomic>

#include "common/clock.h"

namespace kneepoint {

/// A clock that moves only when told to. Safe to read from any thread.
class ManualClock final : public Clock {
 public:
  MonoTime now() const override { return MonoTime(Nanos(nanos_.load())); }
  RealTime real_now() const override { return RealTime(Nanos(nanos_.load() + kEpoch)); }
  void advance(Nanos by) { nanos_ += by.count(); }
  void set(Nanos since_zero) { nanos_ = since_zero.count(); }

 private:
  static constexpr Nanos::rep kEpoch = 1'700'000'000'000'000'000;
  std::atomic<Nanos::rep> nanos_{0};
};

}  // namespace kneepoint
