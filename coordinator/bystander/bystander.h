#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/plan.h"
#include "coordinator/telemetry/telemetry_sample.h"

namespace kneepoint::coordinator {

/// The source of what bystanders say, beside the URLs of pages.
inline constexpr const char* kBystanderSource = "bystander";

/// A light, separate stream of requests beside the load: what other users of the hosts feel. Every target is
/// asked for one token at a time, again and again, whether earlier ones have been answered or not; the time
/// until it is there is a time to first token. None of these requests is load: no agent sends or counts them.
/// One thread of its own; every request is bounded by the plan's timeout. What it sees waits for take().
class Bystander {
 public:
  struct Options {
    MonoTime zero{};     ///< The run's zero.
    std::string run_id;  ///< As HttpClient takes it.
    /// Called on the bystander's thread after a sample or a notice was queued; must return soon.
    std::function<void()> on_update{};
  };

  /// Starts at once. Precondition: the plan has a bystander. @param plan outlives it.
  Bystander(const Plan& plan, Options options);
  /// As stop().
  ~Bystander();
  Bystander(const Bystander&) = delete;
  Bystander& operator=(const Bystander&) = delete;

  /// One sample for each request that ended since the last call, in order. A second's sample replaces what
  /// was said of it before. Any thread.
  std::vector<TelemetrySample> take();
  /// Lines for the user since the last call: of each target one, when it first failed. Any thread.
  std::vector<std::string> take_notices();
  /// Gives up what is under way and ends the thread. Idempotent.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kneepoint::coordinator
