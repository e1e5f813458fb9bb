#include "coordinator/controllers/search.h"

#include <algorithm>

#include "coordinator/controllers/controller.h"
#include "coordinator/plan/search_budget.h"
#include "coordinator/words/endings.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kScoutWindow = 20s;
constexpr Nanos kMeasureWindow = 60s;
constexpr int kScoutCycles = 2;
constexpr int kConfirmCycles = 4;
constexpr int kMeasureCycles = 10;
/// Of sessions that think: five batches of two cycles, and a little. As many are in flight as it happens, and
/// a shorter window shows that rather than the host.
constexpr int kSessionCycles = 11;
/// Of what is judged by limits: near the knee the queue of sessions comes and goes over several cycles.
constexpr int kJudgedSessionCycles = 30;
constexpr int kThoroughness = 4;
constexpr Nanos kLongestWindow = 5min;
constexpr Nanos kBackWindow = 20s;
constexpr Nanos kHoldWindow = 70s;  ///< With the climb past the knee over two minutes at full load.
constexpr Nanos kLongestHold = 2min;
constexpr Nanos kQuotaMinute = 1min;

/// Streams tick together, so that a window's edges cut whole iterations: twice the window halves that error,
/// two windows only divide it by √2.
PlannedStep::Window window_of(const Probe& probe, const std::optional<Nanos>& hold) {
  if (hold) return {.least = *hold, .most = *hold, .judged = !probe.scout};
  if (probe.scout) return {.least = kScoutWindow, .cycles = kScoutCycles, .most = kLongestWindow};
  if (probe.look) return {.least = kScoutWindow, .cycles = kConfirmCycles, .most = kLongestWindow};
  if (probe.back) return {.least = kBackWindow, .cycles = kConfirmCycles, .most = kLongestWindow};
  if (probe.hold) return {.least = kHoldWindow, .cycles = kConfirmCycles, .most = kLongestHold};
  const int times = probe.thorough ? kThoroughness : 1;
  return {.least = times * kMeasureWindow,
          .cycles = times * kMeasureCycles,
          .most = kLongestWindow,
          .until_precise = !probe.thorough,
          .judged = true};
}

}  // namespace

SearchSchedule::SearchSchedule(const Cell& cell, const Ramp& ramp, std::uint32_t replicas)
    : ramp_(ramp), pause_(mean_pause(cell)), planner_(*ramp.search, cell.slo, replicas) {}

std::optional<PlannedStep> SearchSchedule::next(const TimeFrame& time) {
  auto probe = planner_.next(time);
  if (probe && !planner_.steps().empty() && !planner_.confirms() && time.left &&
      *time.left < time_of(step_of(*probe), time) + planner_.time_to_confirm(time)) {
    left_out_ =
        words::no_time_to_close_in(bound_name(), to_seconds(*max_duration()), to_seconds(time.elapsed));
    planner_.confirm_now();
    probe = planner_.next(time);
  }
  if (!probe) return std::nullopt;
  probe_ = *probe;
  return step_of(*probe);
}

PlannedStep SearchSchedule::step_of(const Probe& probe) const {
  PlannedStep step{.concurrency = probe.concurrency, .scout = probe.scout, .look = probe.look};
  step.settling = PlannedStep::Settling::kCycles;
  step.cycles = probe.scout ? 1 : 2;
  step.warmup = ramp_.warmup;
  step.moves_on_settling = !planner_.movement_known() && !planner_.quota_known();
  step.window = window_of(probe, ramp_.hold);
  if (pause_ > Nanos(0)) {
    const int least = step.window.judged ? kJudgedSessionCycles : kSessionCycles;
    step.window.cycles = std::max(step.window.cycles, least);
  }
  if (!planner_.quota_known()) return step;
  // A part of the quota's minute holds all of it, or none.
  step.warmup = std::max(step.warmup, kQuotaMinute);  // the step before has spent some of the first
  step.window.least = std::max(step.window.least, kQuotaMinute);
  step.window.multiple = kQuotaMinute;
  step.window.until_precise = false;
  return step;
}

std::optional<Nanos> SearchSchedule::max_duration() const {
  if (ramp_.search->max_duration) return ramp_.search->max_duration;
  const Nanos least = planner_.quota_known() ? 2 * kQuotaMinute : Nanos(0);
  return search_budget(ramp_, cycle_alone_, least) + from_seconds(held_seconds_);
}

Nanos SearchSchedule::time_of(const PlannedStep& step, const TimeFrame& time) const {
  const Nanos cycle = time.cycle.value_or(Nanos(0));
  const Nanos window = std::min(std::max(step.window.least, step.window.cycles * cycle),
                                std::max(step.window.most, step.window.least));
  return std::max(step.warmup, step.cycles * cycle) + window;
}

void SearchSchedule::add(const PlannedStep&, const Step& row) {
  if (planner_.steps().empty()) cycle_alone_ = from_seconds(row.e2e_seconds.mean.value_or(0)) + pause_;
  const double end = row.window_begin_seconds + row.duration_seconds;
  if (probe_.hold && !planner_.steps().empty() && planner_.steps().back().concurrency == row.concurrency)
    held_seconds_ += end - row_end_;
  row_end_ = end;
  planner_.add(probe_, row);
}

}  // namespace kneepoint::coordinator
