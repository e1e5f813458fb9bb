#pragma once

#include <memory>

#include "coordinator/controllers/confirmation_rounds.h"
#include "coordinator/controllers/schedule.h"

namespace kneepoint::coordinator {

/// How many steps confirming takes where every step doubles the one before: up (L, 2L, 4L) and down again.
inline constexpr std::size_t kUsualVisits = 6;

/// The fixed steps of a ramp, of requests in flight or of an arrival rate, in their order. Where the ramp
/// asks for it, rows that contradict their neighbours and the steps beside the knee are measured again after
/// that.
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
  void add(const PlannedStep& asked, const Step& row) override;
  bool foreseen() const override { return !ramp_.confirm || asked_ < ramp_.step_count(); }
  std::optional<std::size_t> step_count() const override;
  /// Absent when steps are bounded by requests.
  std::optional<Nanos> later() const override;

 private:
  PlannedStep step_at(double load) const;
  std::optional<PlannedStep> measure_again();

  Ramp ramp_;
  Purpose purpose_;
  std::size_t asked_ = 0;
  std::vector<Step> rows_;
  std::optional<ConfirmationRounds> rounds_;
  std::size_t doubts_ = 0, again_ = 0;
};

}  // namespace kneepoint::coordinator
