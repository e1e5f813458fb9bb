#include "coordinator/controllers/search.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kScoutWindow = 20s;
constexpr Nanos kMeasureWindow = 60s;
constexpr int kScoutCycles = 2;
constexpr int kConfirmCycles = 4;
constexpr int kMeasureCycles = 10;
constexpr int kThoroughness = 4;
constexpr Nanos kLongestWindow = 5min;
constexpr Nanos kBackWindow = 20s;
constexpr Nanos kHoldWindow = 50s;
constexpr Nanos kLongestHold = 2min;

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
    : ramp_(ramp), planner_(*ramp.search, cell.slo, replicas) {}

std::optional<PlannedStep> SearchSchedule::next(const TimeFrame& time) {
  const auto probe = planner_.next(time);
  if (!probe) return std::nullopt;
  probe_ = *probe;
  PlannedStep step{.concurrency = probe->concurrency, .scout = probe->scout, .look = probe->look};
  step.settling = PlannedStep::Settling::kCycles;
  step.cycles = probe->scout ? 1 : 2;
  step.warmup = ramp_.warmup;
  step.moves_on_settling = !planner_.movement_known();
  step.window = window_of(*probe, ramp_.hold);
  return step;
}

void SearchSchedule::add(const PlannedStep&, const Step& row) {
  planner_.add(probe_, row);
}

}  // namespace kneepoint::coordinator
