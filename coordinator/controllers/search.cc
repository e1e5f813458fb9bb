#include "coordinator/controllers/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "common/whole_seconds.h"
#include "coordinator/measure/statistics.h"
#include "coordinator/measure/steady_state.h"
#include "coordinator/results/throughput.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

constexpr Nanos kScoutWindow = 20s;
constexpr Nanos kMeasureWindow = 60s;
constexpr int kScoutResidences = 2;
constexpr int kMeasureResidences = 10;
constexpr int kThoroughness = 4;
constexpr Nanos kLongestWindow = 5min;
constexpr Nanos kLongestSpread = 1min;
constexpr Nanos kLookEvery = 10s;
constexpr double kThroughputPrecision = 0.025;  ///< Half-width of the 95 % interval over the value.
constexpr double kTtftPrecision = 0.10;
constexpr double kSettledWithin =
    0.01;  ///< What MSER-5 would cut differs from the rest by no more than this.

double half_width(const std::optional<Interval>& ci95, double value) {
  return ci95 && value > 0 ? (ci95->high - ci95->low) / 2 / value : 1;
}

bool throughput_is_precise(const Step& step) {
  const Estimate& x = throughput_of(step);
  return x.value && half_width(x.ci95, *x.value) <= kThroughputPrecision;
}

/// Every figure that a decision may rest on is known well enough.
bool precise(const Step& step) {
  const LatencySummary& ttft = step.ttft_seconds;
  const auto undecided = [](const SloCheck& check) { return check.state == "INDETERMINATE"; };
  return !step.has_flag("SHORT_WINDOW") && throughput_is_precise(step) && ttft.p95 &&
         half_width(ttft.p95_ci95, *ttft.p95) <= kTtftPrecision &&
         std::none_of(step.slo.begin(), step.slo.end(), undecided) &&
         !(step.slo_joint && undecided(*step.slo_joint));
}

}  // namespace

SearchController::SearchController(const Cell& cell, const Ramp& ramp, std::uint32_t replicas,
                                   std::uint64_t first_epoch)
    : cell_(cell),
      pause_(mean_pause(cell)),
      ramp_(ramp),
      epoch_(first_epoch),
      planner_(*ramp.search, cell.slo, replicas) {}

std::uint32_t SearchController::concurrency() const {
  return phase_ == Phase::kPending || phase_ == Phase::kDone ? 0 : level_.concurrency;
}

std::optional<LoadLevel> SearchController::next(Nanos now, const FleetView& fleet) {
  switch (phase_) {
    case Phase::kPending:
      if (ramp_.search->max_duration) deadline_ = now + *ramp_.search->max_duration;
      return start(*planner_.next(), ceil_second(now + kLead), fleet);
    case Phase::kWarmUp:
      if (falling_ && fleet.in_flight > level_.concurrency) surplus_until_ = now;
      plan_window(fleet);
      if (now >= hold_begin_) phase_ = Phase::kHold;
      return std::nullopt;
    case Phase::kHold:
      hold_end_ = std::max(hold_end_, hold_begin_ + window_length(fleet));
      stop_when_precise(now, fleet);
      if (now >= hold_end_) phase_ = Phase::kDeciding;
      return std::nullopt;
    case Phase::kDeciding:
      if (decided_) return decide(now, fleet);
      if (!closed()) {
        if (fleet.timeline->complete_through() + 1 < second_of(hold_end_)) return std::nullopt;
        if (settled(fleet)) {
          close_window(fleet);
        } else {
          phase_ = Phase::kHold;
        }
      }
      return std::nullopt;
    case Phase::kDrain:
      if (fleet.idle) phase_ = Phase::kDone;
      return std::nullopt;
    case Phase::kRequests:  // never entered: a search has no budgets
    case Phase::kDone:
      break;
  }
  return std::nullopt;
}

std::optional<LoadLevel> SearchController::decide(Nanos now, const FleetView& fleet) {
  const Nanos at = ceil_second(now + kLead);
  const auto probe = planner_.next();
  if (!probe) return end_load(at);
  if (deadline_ && at + shortest_time(*probe, fleet) > *deadline_) {
    cut_short_ = fmt::format("max_duration of {} was used up before the step at {}",
                             format_time(to_seconds(*ramp_.search->max_duration)), probe->concurrency);
    return end_load(at);
  }
  return start(*probe, at, fleet);
}

LoadLevel SearchController::start(const Probe& probe, Nanos at, const FleetView& fleet) {
  const std::uint32_t running = phase_ == Phase::kPending ? 0 : level_.concurrency;
  probe_ = probe;
  falling_ = probe.concurrency < running;
  std::uint32_t attempt = 1;
  for (const StepWindow& window : windows_) {
    if (window.concurrency == probe.concurrency) ++attempt;
  }
  // A burst start makes a convoy that never dissolves: added slots start over one cycle.
  const Nanos spread = std::min(cycle(fleet).value_or(ramp_.warmup / 2 + pause_), kLongestSpread);
  level_ = LoadLevel{.epoch = epoch_++,
                     .cell = cell_.id,
                     .attempt = attempt,
                     .concurrency = probe.concurrency,
                     .effective_at = at,
                     .warm_slots = std::min(running, probe.concurrency),
                     .spread_over = probe.concurrency > running ? spread : Nanos(0)};
  surplus_until_ = Nanos(0);
  moved_ = unsteady_ = decided_ = false;
  phase_ = Phase::kWarmUp;
  hold_begin_ = hold_end_ = at;
  plan_window(fleet);
  return level_;
}

/// From one request of a slot to its next.
std::optional<Nanos> SearchController::cycle(const FleetView& fleet) const {
  return fleet.residence ? std::optional(*fleet.residence + pause_) : std::nullopt;
}

LoadLevel SearchController::end_load(Nanos at) {
  level_ = LoadLevel{.epoch = epoch_++, .cell = cell_.id, .concurrency = 0, .effective_at = at};
  phase_ = Phase::kDrain;
  return level_;
}

void SearchController::plan_window(const FleetView& fleet) {
  // Surplus slots of a falling level end with their request, the longest of which takes more than R̂.
  const int residences = probe_.scout && !falling_ ? 1 : 2;
  const Nanos settling = std::max(ramp_.warmup, residences * cycle(fleet).value_or(Nanos(0)));
  hold_begin_ = level_.effective_at + ceil_second(level_.spread_over + settling);
  // After an overload it takes longer: those that had queued end last, with the residence of the overload.
  if (surplus_until_ > Nanos(0)) {
    hold_begin_ = std::max(hold_begin_, ceil_second(surplus_until_ + cycle(fleet).value_or(Nanos(0))));
  }
  hold_end_ = hold_begin_ + window_length(fleet);
  next_look_ = hold_begin_ + kScoutWindow;
}

Nanos SearchController::longest_window() const {
  return ramp_.hold.value_or(kLongestWindow);
}

Nanos SearchController::window_length(const FleetView& fleet) const {
  if (ramp_.hold) return ceil_second(*ramp_.hold);
  // Nothing has ended yet, so nothing is known: as long as it may take.
  if (!fleet.residence && phase_ == Phase::kHold) return kLongestWindow;
  const Nanos residence = cycle(fleet).value_or(Nanos(0));
  // Streams tick together, so that a window's edges cut whole iterations: twice the window halves that error,
  // two windows only divide it by √2.
  const Nanos wanted = probe_.scout ? std::max(kScoutWindow, kScoutResidences * residence)
                                    : std::max(kMeasureWindow, kMeasureResidences * residence) *
                                          (probe_.thorough ? kThoroughness : 1);
  return ceil_second(std::min(wanted, kLongestWindow));
}

void SearchController::stop_when_precise(Nanos now, const FleetView& fleet) {
  if (probe_.scout || probe_.thorough || ramp_.hold || now < next_look_) return;
  const Nanos end = seconds(std::min(fleet.timeline->complete_through() + 1, second_of(now)));
  if (end < next_look_) return;
  next_look_ += kLookEvery;
  const StepWindow so_far{.cell = cell_.id,
                          .concurrency = level_.concurrency,
                          .epoch = level_.epoch,
                          .level_at = level_.effective_at,
                          .begin = second_of(hold_begin_),
                          .end = second_of(end)};
  if (precise(fleet.measure(so_far))) hold_end_ = std::min(hold_end_, end);
}

bool SearchController::settled(const FleetView& fleet) {
  const std::int64_t from = second_of(level_.effective_at + level_.spread_over) + 1;
  const auto bins = tokens_by_half_second(*fleet.timeline, cell_.id, from, second_of(hold_end_));
  std::size_t cut = mser5(bins);
  if (cut > 0) {  // noise alone moves the cut; settling moves the mean
    const auto at = std::span(bins).subspan(cut);
    const double before = moments(std::span(bins).first(cut)).mean;
    const double after = moments(at).mean;
    if (std::abs(before - after) <= kSettledWithin * after) cut = 0;
  }
  const Nanos settled_at = ceil_second(seconds(from) + 500ms * static_cast<Nanos::rep>(cut));
  if (settled_at <= hold_begin_) return true;
  const bool late = 2 * cut > bins.size();
  if (moved_) {
    unsteady_ = late;
    return true;
  }
  moved_ = true;
  const Nanos length = hold_end_ - hold_begin_;
  hold_begin_ = late ? hold_end_ : settled_at;
  hold_end_ = hold_begin_ + length;
  next_look_ = hold_begin_ + kScoutWindow;
  return false;
}

void SearchController::close_window(const FleetView& fleet) {
  StepWindow window{.cell = cell_.id,
                    .concurrency = level_.concurrency,
                    .attempt = level_.attempt,
                    .epoch = level_.epoch,
                    .level_at = level_.effective_at,
                    .begin = second_of(hold_begin_),
                    .end = second_of(hold_end_),
                    .unsteady = unsteady_,
                    .scout = probe_.scout};
  const bool at_longest = hold_end_ - hold_begin_ >= longest_window();
  if (!probe_.scout && at_longest) window.low_confidence = !throughput_is_precise(fleet.measure(window));
  windows_.push_back(window);
}

void SearchController::measured(std::size_t index, const Step& step) {
  if (index + 1 != windows_.size() || stopping_) return;
  planner_.add(probe_, step);
  decided_ = true;
}

Nanos SearchController::shortest_time(const Probe& probe, const FleetView& fleet) const {
  const Nanos residence = cycle(fleet).value_or(Nanos(0));
  const Nanos window = ramp_.hold.value_or(std::max(kScoutWindow, kScoutResidences * residence));
  const Nanos spread =
      probe.concurrency > level_.concurrency ? std::min(residence, kLongestSpread) : Nanos(0);
  return spread + std::max(ramp_.warmup, (probe.scout ? 1 : 2) * residence) + window;
}

void SearchController::interrupt(Nanos now, bool agent_lost) {
  if (stopping_ || phase_ == Phase::kDrain || phase_ == Phase::kDone) return;
  stopping_ = true;
  const Nanos end = std::min(hold_end_, floor_second(now));
  if (!closed() && (phase_ == Phase::kHold || phase_ == Phase::kDeciding) && end > hold_begin_) {
    windows_.push_back({.cell = cell_.id,
                        .concurrency = level_.concurrency,
                        .attempt = level_.attempt,
                        .epoch = level_.epoch,
                        .level_at = level_.effective_at,
                        .begin = second_of(hold_begin_),
                        .end = second_of(end),
                        .interrupted = !agent_lost,
                        .agent_lost = agent_lost,
                        .scout = probe_.scout});
  }
  // The fleet is drained by its owner: no level is left to send.
  phase_ = Phase::kDrain;
}

std::optional<Nanos> SearchController::time_left(Nanos now) const {
  if (phase_ == Phase::kDrain || phase_ == Phase::kDone) return Nanos(0);
  if (!ramp_.search->max_duration) return std::nullopt;
  return deadline_ ? std::max(Nanos(0), *deadline_ - now) : *ramp_.search->max_duration;
}

}  // namespace kneepoint::coordinator
