#pragma once

#include <memory>

#include "coordinator/controllers/schedule.h"

namespace kneepoint::coordinator {

/// The fixed steps of a ramp, of requests in flight or of an arrival rate, in their order.
class FixedSteps final : public Schedule {
 public:
  /// What the steps are for, and how many agents make their load (0: all).
  struct Purpose {
    StepRole role = StepRole::kRamp;
    std::uint32_t agents = 0;
  };

  explicit FixedSteps(const Ramp& ramp);
  FixedSteps(const Ramp& ramp, Purpose purpose);

  std::optional<PlannedStep> next(const TimeFrame& time) override;
  void add(const PlannedStep&, const Step&) override {}  // they depend on no figure
  bool foreseen() const override { return true; }
  std::optional<std::size_t> step_count() const override { return ramp_.step_count(); }
  /// Absent when steps are bounded by requests.
  std::optional<Nanos> later() const override;

 private:
  Ramp ramp_;
  Purpose purpose_;
  std::size_t asked_ = 0;
};

}  // namespace kneepoint::coordinator
