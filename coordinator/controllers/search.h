#pragma once

#include "coordinator/controllers/schedule.h"
#include "coordinator/controllers/search_planner.h"

namespace kneepoint::coordinator {

/// A search for the saturation point: gives every probe of a SearchPlanner its warm-up and window. A window
/// is at least 20 s and two cycles for a scout, 60 s and ten for a measurement, unless the plan fixes it; a
/// measurement ends early once it is precise enough.
class SearchSchedule final : public Schedule {
 public:
  /// @param ramp with its `search`. @param replicas of the target: the smallest step gives each one request.
  SearchSchedule(const Cell& cell, const Ramp& ramp, std::uint32_t replicas);

  std::optional<PlannedStep> next(const TimeFrame& time) override;
  void add(const PlannedStep& asked, const Step& row) override;
  bool foreseen() const override { return false; }
  std::optional<Nanos> max_duration() const override { return ramp_.search->max_duration; }
  std::optional<std::size_t> step_count() const override { return std::nullopt; }
  /// Absent: it ends when it has found what it looks for.
  std::optional<Nanos> later() const override { return std::nullopt; }

 private:
  Ramp ramp_;
  SearchPlanner planner_;
  Probe probe_;
};

}  // namespace kneepoint::coordinator
