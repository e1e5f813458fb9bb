#include "coordinator/controllers/steps.h"

#include <algorithm>
#include <cmath>

#include "common/whole_seconds.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

/// What ends is held against what comes over the time that a request takes, and this at least.
constexpr Nanos kShortestLook = 5s;
/// A step goes on after this although more ends than comes.
constexpr Nanos kLongestDrain = 5min;
constexpr Nanos kLongestSpread = 1min;  ///< Of users over their pause.
constexpr double kSurely = 2;           ///< Standard deviations of the difference of two counts.

}  // namespace

StepController::StepController(const Cell& cell, const Ramp& ramp, std::uint64_t first_epoch)
    : StepController(cell, ramp, first_epoch, Purpose{}) {}

StepController::StepController(const Cell& cell, const Ramp& ramp, std::uint64_t first_epoch, Purpose purpose)
    : cell_(cell), pause_(mean_pause(cell)), ramp_(ramp), purpose_(purpose), epoch_(first_epoch) {}

std::uint32_t StepController::concurrency() const {
  return phase_ == Phase::kPending || phase_ == Phase::kDone ? 0 : level_.concurrency;
}

std::optional<LoadLevel> StepController::next(Nanos now, const FleetView& fleet) {
  switch (phase_) {
    case Phase::kPending:
      return start_step(ceil_second(now + kLead), fleet);
    case Phase::kWarmUp:
      if (now > level_.effective_at && fleet.in_flight > level_.concurrency) surplus_until_ = now;
      plan_window(fleet);
      if (drains(now, fleet)) return std::nullopt;
      if (now >= hold_begin_) phase_ = Phase::kHold;
      return std::nullopt;
    case Phase::kHold:
      if (now < hold_end_ - kLead) return std::nullopt;
      close_window();
      break;
    case Phase::kRequests:
      if (!budget_finished_) return std::nullopt;
      hold_end_ = ceil_second(std::max(*budget_finished_, now) + kLead);
      close_window();
      break;
    case Phase::kDrain:
      if (fleet.idle) phase_ = Phase::kDone;
      return std::nullopt;
    case Phase::kDeciding:  // never entered: fixed steps decide nothing
    case Phase::kDone:
      return std::nullopt;
  }
  if (++step_ == ramp_.step_count()) {
    --step_;
    return end_load(hold_end_);
  }
  return start_step(hold_end_, fleet);
}

std::uint32_t StepController::visit() const {
  const auto visits = [this](const auto& steps) {
    const auto here = steps.begin() + static_cast<std::ptrdiff_t>(step_);
    return static_cast<std::uint32_t>(std::count(steps.begin(), here, *here)) + 1;
  };
  return ramp_.open ? visits(ramp_.open->steps) : visits(ramp_.steps);
}

LoadLevel StepController::start_step(Nanos at, const FleetView& fleet) {
  const std::uint32_t running = phase_ == Phase::kPending ? 0 : level_.concurrency;
  // Slots that ran a budget have ended with it; the next step starts all of its slots.
  const bool warm = phase_ == Phase::kHold;
  const std::uint32_t slots = ramp_.open ? ramp_.open->max_in_flight : ramp_.steps[step_];
  level_ = LoadLevel{.epoch = epoch_++,
                     .cell = cell_.id,
                     .attempt = visit(),
                     .concurrency = slots,
                     .agents = purpose_.agents,
                     .effective_at = at,
                     .warm_slots = warm ? std::min(running, slots) : 0};
  falling_ = false;
  if (ramp_.open) {
    level_.arrivals = ramp_.open->steps[step_];
    falling_ = step_ > 0 && level_.arrivals->rate < ramp_.open->steps[step_ - 1].rate;
  }
  budget_finished_.reset();
  drained_at_ = Nanos(0);
  surplus_until_ = Nanos(0);
  if (ramp_.requests) {
    level_.budget = *ramp_.requests;
    phase_ = Phase::kRequests;
    return level_;
  }
  phase_ = Phase::kWarmUp;
  if (ramp_.open) {  // its arrivals are spread by themselves
    plan_window(fleet);
    return level_;
  }
  // A burst start makes a convoy that does not dissolve by itself: added slots start over one residence time,
  // but leave half of the warm-up undisturbed. Where slots think it is over their whole cycle.
  const Nanos half = ramp_.warmup / 2;
  level_.spread_over = std::min(fleet.residence.value_or(half), half) + std::min(pause_, kLongestSpread);
  plan_window(fleet);
  return level_;
}

bool StepController::replays_trace() const {
  return level_.arrivals && level_.arrivals->kind == ArrivalProcess::Kind::kTrace;
}

void StepController::plan_window(const FleetView& fleet) {
  const Nanos residence = fleet.residence.value_or(Nanos(0)) + pause_;
  // A trace goes on whether the host has settled or not.
  const Nanos settled = replays_trace() ? Nanos(0) : level_.spread_over + residence;
  hold_begin_ = level_.effective_at + ceil_second(std::max(ramp_.warmup, settled));
  // On a falling level those that had queued before end last, with the residence of the overload.
  if (surplus_until_ != Nanos(0))
    hold_begin_ = std::max(hold_begin_, ceil_second(surplus_until_ + residence));
  hold_begin_ = std::max(hold_begin_, ceil_second(drained_at_));
  hold_end_ = hold_begin_ + ceil_second(*ramp_.hold);
}

/// Whether the fleet's queue, or the host's, still holds what a higher rate left: more ends than comes. One
/// queue is known for what it is; without one, an excess may be chance.
bool StepController::drains(Nanos now, const FleetView& fleet) {
  if (!falling_ || fleet.timeline == nullptr || now >= level_.effective_at + kLongestDrain) return false;
  const Nanos look = ceil_second(std::max(fleet.residence.value_or(Nanos(0)), kShortestLook));
  const std::int64_t end = fleet.timeline->complete_through() + 1;
  const std::int64_t begin = end - second_of(look);
  double came = 0, ended = 0, backlog = 0;
  const auto& seconds = fleet.timeline->seconds();
  for (auto at = seconds.lower_bound(begin); at != seconds.end() && at->first < end; ++at) {
    for (const auto& [key, stats] : at->second.series) {
      if (key.cell != cell_.id) continue;
      came += static_cast<double>(stats.arrivals);
      ended += static_cast<double>(stats.ended());
      if (at->first + 1 == end) backlog += stats.backlog;
    }
  }
  const bool seen = begin >= second_of(level_.effective_at);
  if (seen && ended - came <= (backlog > 0 ? 0 : kSurely * std::sqrt(ended + came))) return false;
  drained_at_ = now;
  return true;
}

std::optional<double> StepController::rate() const {
  if (phase_ == Phase::kPending || phase_ == Phase::kDone || !level_.arrivals) return std::nullopt;
  return level_.arrivals->rate;
}

LoadLevel StepController::end_load(Nanos at) {
  level_ = LoadLevel{.epoch = epoch_++, .cell = cell_.id, .concurrency = 0, .effective_at = at};
  phase_ = Phase::kDrain;
  return level_;
}

void StepController::close_window() {
  StepWindow window{.cell = cell_.id,
                    .concurrency = level_.concurrency,
                    .rate = rate(),
                    .attempt = level_.attempt,
                    .epoch = level_.epoch,
                    .level_at = level_.effective_at,
                    .begin = second_of(hold_begin_),
                    .end = second_of(hold_end_),
                    .role = purpose_.role,
                    .agents = purpose_.agents};
  if (phase_ == Phase::kRequests) {
    window.requests = ramp_.requests;
    window.finished_at = budget_finished_;
    window.begin = second_of(level_.effective_at);
    window.end = second_of(*budget_finished_) + 1;
  }
  windows_.push_back(window);
}

void StepController::level_done(std::uint64_t epoch, Nanos finished_at) {
  if (phase_ == Phase::kRequests && epoch == level_.epoch) budget_finished_ = finished_at;
}

void StepController::interrupt(Nanos now, bool agent_lost) {
  if (stopping_ || phase_ == Phase::kDrain || phase_ == Phase::kDone) return;
  stopping_ = true;
  if (phase_ == Phase::kRequests) {
    budget_finished_ = std::max(now, level_.effective_at);
    close_window();
  } else if (phase_ == Phase::kHold && floor_second(now) > hold_begin_) {
    hold_end_ = std::min(hold_end_, floor_second(now));
    close_window();
  }
  const bool cut = phase_ == Phase::kRequests || phase_ == Phase::kHold;
  if (cut && !windows_.empty() && windows_.back().epoch == level_.epoch) {
    windows_.back().interrupted = !agent_lost;
    windows_.back().agent_lost = agent_lost;
  }
  // The fleet is drained by its owner: no level is left to send.
  phase_ = Phase::kDrain;
}

std::optional<Nanos> StepController::time_left(Nanos now) const {
  if (ramp_.requests) return std::nullopt;
  if (phase_ == Phase::kDrain || phase_ == Phase::kDone) return Nanos(0);
  const Nanos step = ceil_second(ramp_.warmup) + ceil_second(*ramp_.hold);
  if (phase_ == Phase::kPending) return step * ramp_.step_count();
  const auto later = static_cast<Nanos::rep>(ramp_.step_count() - step_ - 1);
  return std::max(Nanos(0), hold_end_ - now) + step * later;
}

}  // namespace kneepoint::coordinator
