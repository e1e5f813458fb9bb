#pragma once

#include "coordinator/controllers/steps.h"

namespace kneepoint::coordinator {

/// The fixed steps of a ramp for two targets that take turns: each step base, other, other, base, so that at
/// every load what both drift by in a line cancels. Nothing is measured again after that: the turns are the
/// repetition.
class AlternatingSteps final : public Schedule {
 public:
  explicit AlternatingSteps(Ramp ramp);

  std::optional<PlannedStep> next(const TimeFrame& time) override;
  void add(const PlannedStep&, const Step&) override {}
  bool foreseen() const override { return true; }
  std::optional<std::size_t> step_count() const override;
  std::optional<Nanos> later() const override;

 private:
  FixedSteps steps_;
  PlannedStep step_;       // whose turns are under way
  std::size_t turns_ = 0;  // taken of it
  Nanos each_{0};          // time of one turn
};

}  // namespace kneepoint::coordinator
