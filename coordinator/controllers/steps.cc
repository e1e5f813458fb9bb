#include "coordinator/controllers/steps.h"

#include "common/whole_seconds.h"

namespace kneepoint::coordinator {

FixedSteps::FixedSteps(const Ramp& ramp) : FixedSteps(ramp, Purpose{}) {}

FixedSteps::FixedSteps(const Ramp& ramp, Purpose purpose) : ramp_(ramp), purpose_(purpose) {}

std::optional<PlannedStep> FixedSteps::next(const TimeFrame&) {
  if (asked_ == ramp_.step_count()) return std::nullopt;
  PlannedStep step{.requests = ramp_.requests, .agents = purpose_.agents, .role = purpose_.role};
  step.warmup = ramp_.warmup;
  if (ramp_.hold) step.window = {.least = *ramp_.hold, .most = *ramp_.hold};
  if (ramp_.open) {
    step.concurrency = ramp_.open->max_in_flight;
    step.arrivals = ramp_.open->steps[asked_];
    // A trace goes on whether the host has settled or not.
    if (step.arrivals->kind == ArrivalProcess::Kind::kTrace)
      step.settling = PlannedStep::Settling::kWarmUpOnly;
  } else {
    step.concurrency = ramp_.steps[asked_];
  }
  ++asked_;
  return step;
}

std::optional<Nanos> FixedSteps::later() const {
  if (ramp_.requests) return std::nullopt;
  const auto left = static_cast<Nanos::rep>(ramp_.step_count() - asked_);
  return (ceil_second(ramp_.warmup) + ceil_second(*ramp_.hold)) * left;
}

}  // namespace kneepoint::coordinator
