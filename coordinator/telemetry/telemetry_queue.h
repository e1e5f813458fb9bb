#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/telemetry/telemetry_sample.h"

namespace kneepoint::coordinator {

/// Samples and lines for the user, from a thread that watches hosts to the one that takes them. Bounded. Any
/// thread.
class TelemetryQueue {
 public:
  /// @param on_update called on the pusher's thread after something was queued; may be empty.
  explicit TelemetryQueue(std::function<void()> on_update) : on_update_(std::move(on_update)) {}

  void push(TelemetrySample sample) {
    {
      const std::lock_guard lock(mutex_);
      if (samples_.size() < kMost) samples_.push_back(std::move(sample));
    }
    if (on_update_) on_update_();
  }

  void notify(std::string line) {
    {
      const std::lock_guard lock(mutex_);
      notices_.push_back(std::move(line));
    }
    if (on_update_) on_update_();
  }

  /// What was queued since the last call, in order of arrival.
  std::vector<TelemetrySample> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(samples_, {});
  }
  std::vector<std::string> take_notices() {
    const std::lock_guard lock(mutex_);
    return std::exchange(notices_, {});
  }

 private:
  /// Samples that nobody takes: some hours of a few endpoints.
  static constexpr std::size_t kMost = 200'000;

  const std::function<void()> on_update_;
  std::mutex mutex_;
  std::vector<TelemetrySample> samples_;
  std::vector<std::string> notices_;
};

}  // namespace kneepoint::coordinator
