#pragma once

#include "coordinator/controllers/schedule.h"
#include "coordinator/controllers/search_planner.h"
#include "coordinator/plan/search_budget.h"

namespace kneepoint::coordinator {

/// A search for the saturation point: gives every probe of a SearchPlanner its warm-up and window. A window
/// is at least 20 s and two cycles for a scout, 60 s and ten for a measurement, unless the plan fixes it; a
/// measurement ends early once it is precise enough. What its time does not suffice for is left out, so that
/// what was found is still confirmed.
class SearchSchedule final : public Schedule {
 public:
  /// @param ramp with its `search`. @param replicas of the target: the smallest step gives each one request.
  SearchSchedule(const Cell& cell, const Ramp& ramp, std::uint32_t replicas);

  std::optional<PlannedStep> next(const TimeFrame& time) override;
  void add(const PlannedStep& asked, const Step& row) override;
  bool foreseen() const override { return false; }
  /// Without one of the plan: longer where the target has a quota for each minute, and by what it takes until
  /// a host that goes on moving under full load holds still.
  std::optional<Nanos> max_duration() const override;
  std::string bound_name() const override {
    return ramp_.search->max_duration ? "max_duration" : "the default max_duration";
  }
  std::string left_out() const override { return left_out_; }
  std::optional<std::size_t> step_count() const override { return std::nullopt; }
  /// Absent: it ends when it has found what it looks for.
  std::optional<Nanos> later() const override { return std::nullopt; }

 private:
  PlannedStep step_of(const Probe& probe) const;
  /// What the step takes as far as can be told: its settling, and its window at its longest.
  Nanos time_of(const PlannedStep& step, const TimeFrame& time) const;

  Ramp ramp_;
  Nanos pause_;
  SearchPlanner planner_;
  Probe probe_;
  Nanos cycle_alone_{0};     ///< From one request of the lowest load to its next.
  double row_end_ = 0;       ///< Of the last row, in seconds of the run.
  double held_seconds_ = 0;  ///< Of holding, after the first row of it.
  std::string left_out_;
};

}  // namespace kneepoint::coordinator
