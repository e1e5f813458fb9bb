#include "coordinator/controllers/steps.h"

#include <algorithm>

#include "common/whole_seconds.h"
#include "coordinator/controllers/doubts.h"
#include "coordinator/verdict/supersede.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::size_t kMostDoubts = 4;

}  // namespace

FixedSteps::FixedSteps(const Ramp& ramp) : FixedSteps(ramp, Purpose{}) {}

FixedSteps::FixedSteps(const Ramp& ramp, Purpose purpose) : ramp_(ramp), purpose_(purpose) {}

std::optional<PlannedStep> FixedSteps::next(const TimeFrame&) {
  if (asked_ == ramp_.step_count()) return ramp_.confirm ? measure_again() : std::nullopt;
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

PlannedStep FixedSteps::step_at(double load) const {
  PlannedStep step{.agents = purpose_.agents, .role = purpose_.role};
  step.warmup = ramp_.warmup;
  step.window = {.least = *ramp_.hold, .most = *ramp_.hold};
  if (ramp_.open) {
    step.concurrency = ramp_.open->max_in_flight;
    step.arrivals = ramp_.open->steps.front();
    step.arrivals->rate = load;
  } else {
    step.concurrency = static_cast<std::uint32_t>(load);
  }
  return step;
}

std::optional<PlannedStep> FixedSteps::measure_again() {
  if (!rounds_) {
    double lowest = rows_.empty() ? 1 : rows_.front().load();
    double highest = lowest;
    for (const Step& row : rows_) {
      lowest = std::min(lowest, row.load());
      highest = std::max(highest, row.load());
    }
    rounds_ = ConfirmationRounds({.lowest = lowest, .highest = highest, .whole = !ramp_.open});
  }
  mark_superseded(rows_);
  if (const auto load = doubtful_load(rows_); load && doubts_ < kMostDoubts) {
    ++doubts_;
    ++again_;
    return step_at(*load);
  }
  const auto visit = rounds_->next(rows_);
  if (!visit) return std::nullopt;
  ++again_;
  PlannedStep step = step_at(visit->load);
  step.look = visit->look;
  return step;
}

void FixedSteps::add(const PlannedStep&, const Step& row) {
  if (ramp_.confirm) rows_.push_back(row);
}

std::optional<std::size_t> FixedSteps::step_count() const {
  return std::max(asked_ + again_, ramp_.step_count());
}

std::optional<Nanos> FixedSteps::later() const {
  if (ramp_.requests) return std::nullopt;
  const Nanos step = ceil_second(ramp_.warmup) + ceil_second(*ramp_.hold);
  const auto left = static_cast<Nanos::rep>(ramp_.step_count() - asked_);
  const auto again =
      static_cast<Nanos::rep>(ramp_.confirm && again_ < kUsualVisits ? kUsualVisits - again_ : 0);
  return step * (left + again);
}

}  // namespace kneepoint::coordinator
