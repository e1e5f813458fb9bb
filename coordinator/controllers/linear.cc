#include "coordinator/controllers/linear.h"

#include <algorithm>
#include <cmath>

#include "common/whole_seconds.h"

namespace kneepoint::coordinator {

LinearController::LinearController(const Cell& cell, const Ramp& ramp, std::uint64_t first_epoch)
    : cell_(cell), ramp_(ramp), epoch_(first_epoch) {}

std::optional<LoadLevel> LinearController::next(Nanos now, const FleetView& fleet) {
  now_ = now;
  switch (phase_) {
    case Phase::kPending:
      phase_ = Phase::kWarmUp;
      return first_value(ceil_second(now + kLead));
    case Phase::kWarmUp:
      if (now < begin_ - kLead) return std::nullopt;
      phase_ = Phase::kHold;
      return way();
    case Phase::kHold:
      if (now < begin_of(windows_.size() + 1) - kLead) return std::nullopt;
      close_row(begin_of(windows_.size() + 1));
      if (windows_.size() < step_count()) return std::nullopt;
      phase_ = Phase::kDrain;
      return next_level(begin_ + ramp_.linear->over);
    case Phase::kDrain:
      if (fleet.idle) phase_ = Phase::kDone;
      return std::nullopt;
    case Phase::kRequests:  // never entered: there is no budget
    case Phase::kDeciding:  // and nothing to decide
    case Phase::kDone:
      break;
  }
  return std::nullopt;
}

/// A level that ends the load, unless something is added to it.
LoadLevel LinearController::next_level(Nanos effective_at) {
  level_ = LoadLevel{.epoch = epoch_++, .cell = cell_.id, .effective_at = effective_at};
  return level_;
}

LoadLevel LinearController::first_value(Nanos at) {
  next_level(at);
  begin_ = at + ceil_second(ramp_.warmup);
  if (ramp_.open) {
    level_.concurrency = ramp_.open->max_in_flight;
    level_.arrivals = ramp_.open->steps.front();
    level_.arrivals->rate = ramp_.linear->from;
  } else {
    level_.concurrency = static_cast<std::uint32_t>(ramp_.linear->from);
    level_.spread_over = std::min(ramp_.warmup / 2 + mean_pause(cell_), ramp_.warmup);
  }
  return level_;
}

LoadLevel LinearController::way() {
  const LinearRamp& linear = *ramp_.linear;
  const std::uint32_t running = level_.concurrency;
  if (ramp_.open) {
    ArrivalProcess arrivals = *level_.arrivals;
    arrivals.over = linear.over;
    arrivals.end_rate = linear.to;
    next_level(begin_);
    level_.concurrency = running;
    level_.arrivals = arrivals;
  } else {
    // Slots start or end one by one, the first at once: half a gap later the mean is exactly on the line.
    const double gap = to_seconds(linear.over) / std::abs(linear.to - linear.from);
    next_level(begin_ + from_seconds(gap / 2));
    level_.concurrency = static_cast<std::uint32_t>(linear.to);
    level_.spread_over = linear.over;
  }
  level_.warm_slots = running;
  return level_;
}

Nanos LinearController::begin_of(std::size_t row) const {
  return begin_ + (row < step_count() ? *ramp_.hold * static_cast<Nanos::rep>(row) : ramp_.linear->over);
}

void LinearController::close_row(Nanos end) {
  const std::size_t row = windows_.size();
  StepWindow window{.cell = cell_.id,
                    .concurrency = ramp_.open ? ramp_.open->max_in_flight : ramp_.steps[row],
                    .epoch = level_.epoch,
                    .level_at = begin_,
                    .begin = second_of(begin_of(row)),
                    .end = second_of(end),
                    .moving = true};
  if (ramp_.open) window.rate = ramp_.open->steps[row].rate;
  windows_.push_back(window);
}

void LinearController::interrupt(Nanos now, bool agent_lost) {
  if (stopping_ || phase_ == Phase::kDrain || phase_ == Phase::kDone) return;
  stopping_ = true;
  const Nanos end = floor_second(now);
  if (phase_ == Phase::kHold && end > begin_of(windows_.size())) {
    close_row(std::min(end, begin_of(windows_.size() + 1)));
    windows_.back().interrupted = !agent_lost;
    windows_.back().agent_lost = agent_lost;
  }
  // The fleet is drained by its owner: no level is left to send.
  phase_ = Phase::kDrain;
}

double LinearController::load() const {
  return ramp_.linear->at(std::max(Nanos(0), now_ - begin_));
}

std::uint32_t LinearController::concurrency() const {
  if (phase_ != Phase::kWarmUp && phase_ != Phase::kHold) return 0;
  return ramp_.open ? ramp_.open->max_in_flight : static_cast<std::uint32_t>(std::lround(load()));
}

std::optional<double> LinearController::rate() const {
  if (!ramp_.open || (phase_ != Phase::kWarmUp && phase_ != Phase::kHold)) return std::nullopt;
  return load();
}

std::optional<Nanos> LinearController::time_left(Nanos now) const {
  if (phase_ == Phase::kDrain || phase_ == Phase::kDone) return Nanos(0);
  if (phase_ == Phase::kPending) return ceil_second(ramp_.warmup) + ramp_.linear->over;
  return std::max(Nanos(0), begin_ + ramp_.linear->over - now);
}

}  // namespace kneepoint::coordinator
