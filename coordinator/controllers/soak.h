#pragma once

#include "coordinator/controllers/schedule.h"

namespace kneepoint::coordinator {

/// One level for hours, measured in equal bins, one after the other without a gap.
class SoakSchedule final : public Schedule {
 public:
  /// @param ramp with `soak`: one step and a hold.
  explicit SoakSchedule(const Ramp& ramp);

  std::optional<PlannedStep> next(const TimeFrame& time) override;
  void add(const PlannedStep&, const Step&) override {}
  bool foreseen() const override { return true; }
  std::optional<std::size_t> step_count() const override { return step_.rows; }
  std::optional<Nanos> later() const override;

 private:
  PlannedStep step_;
  bool asked_ = false;
};

}  // namespace kneepoint::coordinator
