#include "coordinator/controllers/soak.h"

#include <algorithm>

#include "common/whole_seconds.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::int64_t kFewestGrains = 20;  ///< Of a bin: for 5 to 10 batches, and its trend.

}  // namespace

SoakController::SoakController(const Cell& cell, const Ramp& ramp, std::uint64_t first_epoch)
    : cell_(cell),
      ramp_(ramp),
      epoch_(first_epoch),
      bin_(soak_bin(*ramp.hold)),
      bins_(static_cast<std::size_t>(*ramp.hold / bin_)) {}

std::uint32_t SoakController::concurrency() const {
  return phase_ == Phase::kPending || phase_ == Phase::kDone ? 0 : level_.concurrency;
}

std::optional<LoadLevel> SoakController::next(Nanos now, const FleetView& fleet) {
  switch (phase_) {
    case Phase::kPending:
      level_ = LoadLevel{.epoch = epoch_++,
                         .cell = cell_.id,
                         .concurrency = ramp_.steps.front(),
                         .effective_at = ceil_second(now + kLead),
                         .spread_over = ramp_.warmup / 2 + mean_pause(cell_)};
      phase_ = Phase::kWarmUp;
      hold_begin_ = level_.effective_at + ceil_second(ramp_.warmup);
      return level_;
    case Phase::kWarmUp:
      hold_begin_ = std::max(
          hold_begin_,
          level_.effective_at +
              ceil_second(level_.spread_over + fleet.residence.value_or(Nanos(0)) + mean_pause(cell_)));
      if (now >= hold_begin_) phase_ = Phase::kHold;
      return std::nullopt;
    case Phase::kHold:
      if (now < begin_of(windows_.size() + 1) - kLead) return std::nullopt;
      close_bin(begin_of(windows_.size() + 1));
      if (windows_.size() < bins_) return std::nullopt;
      level_ =
          LoadLevel{.epoch = epoch_++, .cell = cell_.id, .concurrency = 0, .effective_at = begin_of(bins_)};
      phase_ = Phase::kDrain;
      return level_;
    case Phase::kDrain:
      if (fleet.idle) phase_ = Phase::kDone;
      return std::nullopt;
    case Phase::kRequests:  // never entered: a soak has no budget
    case Phase::kDeciding:  // and decides nothing
    case Phase::kDone:
      break;
  }
  return std::nullopt;
}

void SoakController::close_bin(Nanos end) {
  windows_.push_back({.cell = cell_.id,
                      .concurrency = level_.concurrency,
                      .attempt = static_cast<std::uint32_t>(windows_.size() + 1),
                      .epoch = level_.epoch,
                      .level_at = level_.effective_at,
                      .begin = second_of(begin_of(windows_.size())),
                      .end = second_of(end)});
  const std::int64_t length = windows_.back().end - windows_.back().begin;
  std::int64_t& grain = windows_.back().grain;
  for (grain = std::max<std::int64_t>(1, length / kFewestGrains); length % grain != 0;) --grain;
}

void SoakController::interrupt(Nanos now, bool agent_lost) {
  if (stopping_ || phase_ == Phase::kDrain || phase_ == Phase::kDone) return;
  stopping_ = true;
  const Nanos end = floor_second(now);
  if (phase_ == Phase::kHold && end > begin_of(windows_.size())) {
    close_bin(std::min(end, begin_of(windows_.size() + 1)));
    windows_.back().interrupted = !agent_lost;
    windows_.back().agent_lost = agent_lost;
  }
  // The fleet is drained by its owner: no level is left to send.
  phase_ = Phase::kDrain;
}

std::optional<Nanos> SoakController::time_left(Nanos now) const {
  if (phase_ == Phase::kDrain || phase_ == Phase::kDone) return Nanos(0);
  if (phase_ == Phase::kPending) return ceil_second(ramp_.warmup) + bin_ * static_cast<Nanos::rep>(bins_);
  return std::max(Nanos(0), begin_of(bins_) - now);
}

}  // namespace kneepoint::coordinator
