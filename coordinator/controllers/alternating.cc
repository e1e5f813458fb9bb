#include "coordinator/controllers/alternating.h"

#include <array>

#include "common/whole_seconds.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::array<std::size_t, 4> kTurns = {0, 1, 1, 0};

Ramp without_confirmation(Ramp ramp) {
  ramp.confirm = false;
  return ramp;
}

}  // namespace

AlternatingSteps::AlternatingSteps(Ramp ramp) : steps_(without_confirmation(ramp)), turns_(kTurns.size()) {
  each_ = ceil_second(ramp.warmup) + ceil_second(ramp.hold.value_or(Nanos(0)));
}

std::optional<PlannedStep> AlternatingSteps::next(const TimeFrame& time) {
  if (turns_ == kTurns.size()) {
    auto step = steps_.next(time);
    if (!step) return std::nullopt;
    step_ = *std::move(step);
    turns_ = 0;
  }
  step_.turn = kTurns[turns_++];
  return step_;
}

std::optional<std::size_t> AlternatingSteps::step_count() const {
  const auto steps = steps_.step_count();
  return steps ? std::optional(kTurns.size() * *steps) : std::nullopt;
}

std::optional<Nanos> AlternatingSteps::later() const {
  const auto steps = steps_.later();
  if (!steps) return std::nullopt;
  const auto turns = static_cast<Nanos::rep>(kTurns.size());
  return *steps * turns + each_ * (turns - static_cast<Nanos::rep>(turns_));
}

}  // namespace kneepoint::coordinator
