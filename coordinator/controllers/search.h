#pragma once

#include <string>

#include "coordinator/controllers/controller.h"
#include "coordinator/controllers/search_planner.h"

namespace kneepoint::coordinator {

/// Searches one cell for its saturation point: gives every probe of a SearchPlanner its level, warm-up and
/// window.
///
///   pending -> warm-up -> hold -> deciding -+-> warm-up (next probe, no drain between)
///                 ^--------(unsettled)------+-> drain -> done
///
/// A window is at least 20 s and two residence times R̂ for a scout, 60 s and ten for a measurement, unless
/// the plan fixes it; a measurement ends early once it is precise enough. Levels take effect on whole seconds
/// and are handed out kLead ahead.
class SearchController final : public Controller {
 public:
  static constexpr Nanos kLead = std::chrono::milliseconds(400);

  /// @param ramp with its `search`. @param replicas of the target: the smallest step gives each one request.
  SearchController(const Cell& cell, const Ramp& ramp, std::uint32_t replicas, std::uint64_t first_epoch);

  std::optional<LoadLevel> next(Nanos now, const FleetView& fleet) override;
  void level_done(std::uint64_t, Nanos) override {}  // a search has no budgets
  void measured(std::size_t index, const Step& step) override;
  void interrupt(Nanos now, bool agent_lost) override;

  Phase phase() const override { return phase_; }
  std::uint64_t next_epoch() const override { return epoch_; }
  const std::vector<StepWindow>& windows() const override { return windows_; }
  std::size_t step_index() const override { return windows_.size() - (closed() ? 1 : 0); }
  std::size_t step_count() const override { return step_index() + 1; }
  std::uint32_t concurrency() const override;
  /// Absent without `max_duration`.
  std::optional<Nanos> time_left(Nanos now) const override;
  std::string cut_short() const override { return cut_short_; }

 private:
  std::optional<LoadLevel> decide(Nanos now, const FleetView& fleet);
  LoadLevel start(const Probe& probe, Nanos at, const FleetView& fleet);
  LoadLevel end_load(Nanos at);
  std::optional<Nanos> cycle(const FleetView& fleet) const;
  /// Where the window begins and ends, as far as the residence seen so far tells.
  void plan_window(const FleetView& fleet);
  Nanos window_length(const FleetView& fleet) const;
  Nanos longest_window() const;
  /// Ends a measurement at a second by which its figures are precise enough.
  void stop_when_precise(Nanos now, const FleetView& fleet);
  /// False where the window still held the settling after its level and was moved on.
  bool settled(const FleetView& fleet);
  void close_window(const FleetView& fleet);
  /// The window of the level in effect is among windows_.
  bool closed() const { return !windows_.empty() && windows_.back().epoch == level_.epoch; }
  /// What the probe costs at least, from its level to its decision.
  Nanos shortest_time(const Probe& probe, const FleetView& fleet) const;

  Cell cell_;
  Nanos pause_;
  Ramp ramp_;
  std::uint64_t epoch_;
  SearchPlanner planner_;
  Phase phase_ = Phase::kPending;
  std::optional<Nanos> deadline_;
  Probe probe_;
  LoadLevel level_;
  bool falling_ = false;
  Nanos surplus_until_{0};  // when more were last seen in flight than the level asks for
  Nanos hold_begin_{0}, hold_end_{0};
  Nanos next_look_{0};
  bool moved_ = false;     // the window has been moved on once
  bool unsteady_ = false;  // and that did not help
  bool decided_ = true;    // the last window's figures have come
  bool stopping_ = false;
  std::string cut_short_;
  std::vector<StepWindow> windows_;
};

}  // namespace kneepoint::coordinator
