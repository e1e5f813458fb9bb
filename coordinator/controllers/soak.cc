#include "coordinator/controllers/soak.h"

#include "common/whole_seconds.h"

namespace kneepoint::coordinator {

SoakSchedule::SoakSchedule(const Ramp& ramp) {
  const Nanos bin = soak_bin(*ramp.hold);
  step_.rows = static_cast<std::size_t>(*ramp.hold / bin);
  step_.row = bin;
  step_.folded = true;
  step_.concurrency = ramp.steps.front();
  step_.warmup = ramp.warmup;
  const Nanos whole = bin * static_cast<Nanos::rep>(step_.rows);
  step_.window = {.least = whole, .most = whole};
}

std::optional<PlannedStep> SoakSchedule::next(const TimeFrame&) {
  if (asked_) return std::nullopt;
  asked_ = true;
  return step_;
}

std::optional<Nanos> SoakSchedule::later() const {
  return asked_ ? Nanos(0) : ceil_second(step_.warmup) + step_.window.least;
}

}  // namespace kneepoint::coordinator
