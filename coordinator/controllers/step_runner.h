#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>

#include "common/result.h"
#include "coordinator/controllers/controller.h"
#include "coordinator/controllers/schedule.h"

namespace kneepoint::coordinator {

/// Runs the steps that a schedule asks for, one after the other without a drain between: level, warm-up,
/// hold, close, interrupt, once for all kinds of ramps.
///
///   pending -> warm-up -> hold -+--------------+-> warm-up (next step)
///                 ^             +-> deciding --+-> drain -> done
///                 +--(unsettled)----+          |
///              requests -----------------------+
///
/// From each of them a lost agent leads to a rerun, which is warm-up or requests again.
///
/// Levels take effect on whole seconds, so that windows are whole seconds of event time; each is handed out
/// `kLead` ahead, which is the time a level has to reach every agent. A step whose successor is foreseen ends
/// as the next level begins; else its load goes on until its row has come and the schedule has decided.
class StepRunner final : public Controller {
 public:
  static constexpr Nanos kLead = std::chrono::milliseconds(400);
  /// A step is run again so often, after losses of agents.
  static constexpr std::uint32_t kMostReruns = 3;

  /// @param first_epoch the epoch of the first level; each level takes the next one.
  StepRunner(const Cell& cell, std::unique_ptr<Schedule> schedule, std::uint64_t first_epoch);
  /// @param cells by PlannedStep::turn; at least one.
  StepRunner(std::vector<Cell> cells, std::unique_ptr<Schedule> schedule, std::uint64_t first_epoch);

  /// Decides again what was decided before the coordinator was gone, up to the last closed row. A step that
  /// had rows to come begins anew with these, and its time and that of the gap are not the cell's. Before the
  /// first next(). Fails where the schedule decides otherwise than it did.
  /// @param decisions whose `rows` count this controller's. @param windows, rows as far as they were
  /// measured.
  Result<void> replay(std::span<const Decision> decisions, std::span<const StepWindow> windows,
                      std::span<const Step> rows);

  std::optional<LoadLevel> next(Nanos now, const FleetView& fleet) override;
  void level_done(std::uint64_t epoch, Nanos finished_at) override;
  void measured(std::size_t index, const Step& step) override;
  bool lose_agent(Nanos now, std::int64_t complete_through) override;
  void interrupt(Nanos now) override;
  LoadLevel give_up(Nanos now, std::string why) override;

  Phase phase() const override { return phase_; }
  std::uint64_t next_epoch() const override { return epoch_; }
  const std::vector<StepWindow>& windows() const override { return windows_; }
  const std::vector<Decision>& decisions() const override { return decisions_; }
  std::size_t step_index() const override;
  std::optional<std::size_t> step_count() const override;
  std::uint32_t cell() const override { return cells_[step_.turn].id; }
  std::uint32_t concurrency() const override;
  std::optional<double> rate() const override;
  std::optional<Nanos> time_left(Nanos now) const override;
  std::string cut_short() const override { return cut_short_.empty() ? schedule_->left_out() : cut_short_; }

 private:
  /// The next step's level from `at` on, or the one that ends the load.
  LoadLevel advance(Nanos now, Nanos at, const FleetView& fleet);
  TimeFrame time_frame(Nanos elapsed, std::optional<Nanos> cycle) const;
  LoadLevel start(const PlannedStep& step, Nanos at, const FleetView& fleet);
  LoadLevel start_way();
  LoadLevel new_level(Nanos effective_at);
  std::uint32_t visits(const PlannedStep& step) const;
  Nanos spread(const FleetView& fleet, bool rising) const;
  /// From one request of a slot to its next.
  std::optional<Nanos> cycle(const FleetView& fleet) const;
  /// What a step costs at least, from its level to its decision.
  Nanos shortest_time(const PlannedStep& step, const FleetView& fleet) const;

  /// Where the window begins and ends, as far as the residence seen so far tells.
  void plan_window(const FleetView& fleet);
  Nanos window_length(const FleetView& fleet) const;
  void look_for_surplus(Nanos now, const FleetView& fleet);
  bool still_drains(Nanos now, const FleetView& fleet);
  /// Ends a measurement at a second by which its figures are precise enough.
  void stop_when_precise(Nanos now, const FleetView& fleet);
  /// False where the window still held the settling after its level and was moved on.
  bool settled(const FleetView& fleet);

  std::optional<LoadLevel> hold(Nanos now, const FleetView& fleet);
  std::optional<LoadLevel> decide(Nanos now, const FleetView& fleet);
  Nanos row_begin(std::size_t row) const;
  void close_row(Nanos end);
  /// Closes what has been measured of the row under way. Whether there was anything.
  bool cut_row(Nanos now);
  bool under_way() const;
  void judge_confidence(const FleetView& fleet);

  std::vector<Cell> cells_;
  Nanos pause_;
  std::unique_ptr<Schedule> schedule_;
  std::uint64_t epoch_;
  Phase phase_ = Phase::kPending;
  Nanos now_{0};
  Nanos started_at_{0};
  Nanos elapsed_before_{0};  // by coordinators before this one

  PlannedStep step_;               // under way
  std::uint32_t dealt_among_ = 0;  // FleetView::fleet as of its level
  std::uint32_t sharing_ = 0;      // FleetView::agents as of its level
  LoadLevel level_;
  std::size_t rows_closed_ = 0;  // of step_
  bool falling_ = false;         // to less load than before
  Nanos surplus_until_{0};       // when more were last seen in flight than the level asks for
  bool surplus_stays_ = false;   // and longer than any request lasts
  Nanos drained_at_{0};          // when more was last seen to end than comes
  Nanos hold_begin_{0}, hold_end_{0};
  Nanos next_look_{0};
  bool moved_ = false;     // the window has been moved on once
  bool unsteady_ = false;  // and that did not help
  std::optional<Nanos> budget_finished_;

  bool left_ =
      false;  // the first of again_ is under way: it was decided for by a coordinator before this one
  bool stopping_ = false;
  std::string cut_short_;
  std::vector<StepWindow> windows_;
  std::vector<Decision> decisions_;
  struct Asked {
    PlannedStep step;
    std::size_t row = 0;  // of it
  };
  std::vector<Asked> asked_;       // of windows_
  std::size_t rows_given_ = 0;     // to the schedule, but for those that an agent's loss has spoilt
  std::deque<PlannedStep> again_;  // left to be run before the schedule is asked for more
};

}  // namespace kneepoint::coordinator
