#pragma once

#include "coordinator/controllers/schedule.h"

namespace kneepoint::coordinator {

/// The load moves evenly from one value to another, in requests in flight or in an arrival rate, and is
/// measured in rows without gaps. The whole way is one level, which the agents follow by themselves: it does
/// not wait for anybody here.
class LinearSchedule final : public Schedule {
 public:
  /// @param ramp with `linear`: its steps are the rows.
  explicit LinearSchedule(const Ramp& ramp);

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
