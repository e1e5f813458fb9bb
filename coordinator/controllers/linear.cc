#include "coordinator/controllers/linear.h"

#include "common/whole_seconds.h"

namespace kneepoint::coordinator {

LinearSchedule::LinearSchedule(const Ramp& ramp) {
  step_.way = ramp.linear;
  step_.settling = PlannedStep::Settling::kWarmUpOnly;
  step_.warmup = ramp.warmup;
  step_.rows = ramp.step_count();
  step_.row = *ramp.hold;
  step_.window = {.least = ramp.linear->over, .most = ramp.linear->over};
  if (ramp.open) {
    step_.concurrency = ramp.open->max_in_flight;
    step_.arrivals = ramp.open->steps.front();
    step_.arrivals->rate = ramp.linear->from;
    for (const ArrivalProcess& row : ramp.open->steps) step_.row_loads.push_back(row.rate);
  } else {
    step_.concurrency = static_cast<std::uint32_t>(ramp.linear->from);
    step_.row_loads.assign(ramp.steps.begin(), ramp.steps.end());
  }
}

std::optional<PlannedStep> LinearSchedule::next(const TimeFrame&) {
  if (asked_) return std::nullopt;
  asked_ = true;
  return step_;
}

std::optional<Nanos> LinearSchedule::later() const {
  return asked_ ? Nanos(0) : ceil_second(step_.warmup) + step_.window.least;
}

}  // namespace kneepoint::coordinator
