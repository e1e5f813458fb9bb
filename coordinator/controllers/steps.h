#pragma once

#include "coordinator/controllers/controller.h"

namespace kneepoint::coordinator {

/// Runs one cell through the fixed steps of its ramp, of requests in flight or of an arrival rate.
///
///   pending -> warm-up -> hold -+-> warm-up (next step, no drain between)
///              requests --------+-> drain -> done
///
/// Levels take effect on whole seconds, so that windows are whole seconds of event time; each is handed out
/// `kLead` ahead, which is the time a level has to reach every agent.
class StepController final : public Controller {
 public:
  static constexpr Nanos kLead = std::chrono::milliseconds(400);

  /// What its steps are for, and how many agents make their load (0: all).
  struct Purpose {
    StepRole role = StepRole::kRamp;
    std::uint32_t agents = 0;
  };

  /// @param first_epoch the epoch of the first level; each level takes the next one.
  StepController(const Cell& cell, const Ramp& ramp, std::uint64_t first_epoch);
  StepController(const Cell& cell, const Ramp& ramp, std::uint64_t first_epoch, Purpose purpose);

  std::optional<LoadLevel> next(Nanos now, const FleetView& fleet) override;
  void level_done(std::uint64_t epoch, Nanos finished_at) override;
  void measured(std::size_t, const Step&) override {}  // fixed steps depend on no figure
  void interrupt(Nanos now, bool agent_lost) override;

  Phase phase() const override { return phase_; }
  std::uint64_t next_epoch() const override { return epoch_; }
  const std::vector<StepWindow>& windows() const override { return windows_; }
  std::size_t step_index() const override { return step_; }
  std::size_t step_count() const override { return ramp_.step_count(); }
  std::uint32_t concurrency() const override;
  std::optional<double> rate() const override;
  /// Absent when steps are bounded by requests.
  std::optional<Nanos> time_left(Nanos now) const override;

 private:
  /// Which visit of its load the step is: steps may come back to one (8, 64, 8).
  std::uint32_t visit() const;
  LoadLevel start_step(Nanos at, const FleetView& fleet);
  LoadLevel end_load(Nanos at);
  void plan_window(const FleetView& fleet);
  bool drains(Nanos now, const FleetView& fleet);
  bool replays_trace() const;
  void close_window();

  Cell cell_;
  Nanos pause_;
  Ramp ramp_;
  Purpose purpose_;
  std::uint64_t epoch_;
  Phase phase_ = Phase::kPending;
  std::size_t step_ = 0;
  LoadLevel level_;
  Nanos hold_begin_{0};
  Nanos hold_end_{0};
  Nanos surplus_until_{0};  // when more were last seen in flight than the level asks for
  bool falling_ = false;    // to a lower rate than that of the step before
  Nanos drained_at_{0};     // when more was last seen to end than comes
  std::optional<Nanos> budget_finished_;
  bool stopping_ = false;
  std::vector<StepWindow> windows_;
};

}  // namespace kneepoint::coordinator
