#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "common/plan.h"
#include "coordinator/timeline.h"

namespace kneepoint::coordinator {

/// What a controller may know of the fleet when it decides.
struct FleetView {
  /// Mean time from send to last token of the requests that ended lately; absent until one has.
  std::optional<Nanos> residence;
  /// No slot of the fleet is active any more, as of a second after the last level took effect.
  bool idle = false;
};

/// Runs one cell through the fixed steps of its ramp: a pure state machine over run time, without I/O or clock.
///
///   pending -> warm-up -> hold -+-> warm-up (next step, no drain between)
///              requests --------+-> drain -> done
///
/// Levels take effect on whole seconds, so that windows are whole seconds of event time; each is handed out
/// `kLead` ahead, which is the time a level has to reach every agent.
class StepController {
 public:
  enum class Phase { kPending, kWarmUp, kHold, kRequests, kDrain, kDone };

  static constexpr Nanos kLead = std::chrono::milliseconds(400);

  /// @param first_epoch the epoch of the first level; each level takes the next one.
  StepController(const Cell& cell, const Ramp& ramp, std::uint64_t first_epoch);

  /// The level to send now, if there is one. Call at least every 100 ms with a `now` that does not go back.
  std::optional<LoadLevel> next(Nanos now, const FleetView& fleet);

  /// The budget of the level `epoch` is used up on every agent; the last request ended at `finished_at`.
  void level_done(std::uint64_t epoch, Nanos finished_at);

  /// Stops climbing: the step under way is cut at `now`, marked, and the load ends. Idempotent.
  void interrupt(Nanos now, bool agent_lost);

  Phase phase() const { return phase_; }
  bool done() const { return phase_ == Phase::kDone; }
  std::uint64_t next_epoch() const { return epoch_; }
  /// Steps whose window is fixed, in order; the last may be cut short.
  const std::vector<StepWindow>& windows() const { return windows_; }
  /// The step under way, counted from 0.
  std::size_t step_index() const { return step_; }
  std::size_t step_count() const { return ramp_.steps.size(); }
  /// The concurrency commanded now.
  std::uint32_t concurrency() const;
  /// Time from `now` to the end of the last step as planned; absent when steps are bounded by requests.
  std::optional<Nanos> time_left(Nanos now) const;

 private:
  LoadLevel start_step(Nanos at, const FleetView& fleet);
  LoadLevel end_load(Nanos at);
  Nanos warm_up_end(const FleetView& fleet) const;
  void close_window();

  Cell cell_;
  Ramp ramp_;
  std::uint64_t epoch_;
  Phase phase_ = Phase::kPending;
  std::size_t step_ = 0;
  LoadLevel level_;
  Nanos hold_begin_{0};
  Nanos hold_end_{0};
  std::optional<Nanos> budget_finished_;
  bool stopping_ = false;
  std::vector<StepWindow> windows_;
};

/// "warm-up", "hold", …
std::string_view to_string(StepController::Phase phase);

}  // namespace kneepoint::coordinator
