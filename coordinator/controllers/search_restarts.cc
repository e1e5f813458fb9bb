#include <algorithm>
#include <cmath>

#include "coordinator/controllers/search_loads.h"
#include "coordinator/controllers/search_planner.h"
#include "coordinator/measure/repeat.h"
#include "coordinator/measure/validity.h"
#include "coordinator/verdict/knee.h"
#include "coordinator/words/again.h"

/// Where a search goes back: anew from below the knee where rows were refuted, and to light load at its end.
namespace kneepoint::coordinator {

bool SearchPlanner::superseded_climb() const {
  return std::any_of(climb_.begin(), climb_.end(),
                     [&](std::size_t i) { return steps_[i].has_flag(kSuperseded); });
}

bool SearchPlanner::still_bracketed() const {
  constexpr double kBelow = 1.5;
  const auto curve = this->curve();
  const auto knee = curve ? locate_knee(*curve) : std::nullopt;
  return knee && kBelow * curve->points().front().concurrency < *knee && curve->top() >= 2 * *knee;
}

std::optional<std::size_t> SearchPlanner::standing(std::uint32_t concurrency) const {
  constexpr double kNear = 0.05;
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& row = steps_[i];
    if (row.has_flag(kSuperseded) || !(row.valid || invalid_by_target_only(row))) continue;
    if (std::abs(std::log(static_cast<double>(row.concurrency) / concurrency)) < kNear) found = i;
  }
  return found;
}

void SearchPlanner::scout_again() {
  constexpr std::size_t kMostRestarts = 2;
  constexpr double kBelow = 4;  // of the knee
  if (restarts_ >= kMostRestarts) return;
  ++restarts_;
  const auto curve = this->curve();
  const auto knee = curve ? locate_knee(*curve) : std::nullopt;
  const double from = knee ? *knee : steps_.back().concurrency;
  climb_from_ = std::max(first_, static_cast<std::uint32_t>(from / kBelow));
  climb_.clear();
  refinements_ = measurements_ = sharpenings_ = doubts_ = returns_ = 0;
  held_ = held_last_ = HoldRounds();
  baseline_ = light_changed_ = false;
  rounds_ = ConfirmationRounds(
      {.lowest = static_cast<double>(first_), .highest = static_cast<double>(search_.max)});
  stage_ = Stage::kScout;
}

bool SearchPlanner::forget_before_hold() {
  constexpr std::size_t kMovedOn = 4;  // rows: one that jumped stands after three
  const auto& held = held_.held();
  if (held.size() < kMovedOn || quota_known_) return false;
  const std::size_t restarts = restarts_;
  const std::size_t last = held.back();
  scout_again();
  if (restarts_ == restarts) return false;
  for (std::size_t i = 0; i < last; ++i) {
    if (!steps_[i].has_flag(kSuperseded)) steps_[i].warn(kSuperseded, words::host_moved_on());
  }
  return true;
}

/// With the rows of its confirmation the answer is another than the one that was closed in on.
bool SearchPlanner::begin_anew() {
  constexpr std::size_t kMostTimes = 2;
  const auto curve = this->curve();
  const auto found = curve ? estimate_knee(*curve, {.bootstraps = kDecidingBootstraps}) : std::nullopt;
  if (!found || anew_ >= kMostTimes || found->ci95.high <= Saturation::kWidestPoint * found->ci95.low)
    return false;
  ++anew_;
  refinements_ = measurements_ = sharpenings_ = 0;
  rounds_ = ConfirmationRounds(
      {.lowest = static_cast<double>(first_), .highest = static_cast<double>(search_.max)});
  stage_ = Stage::kRefine;
  return true;
}

/// Loads from before it was full are as old as the search: did the host stay the same there?
std::optional<Probe> SearchPlanner::come_back() {
  constexpr std::size_t kMostReturns = 2;
  constexpr double kFrom = 0.2, kBelow = 0.75;  // of the knee
  if (rounds_.contradicted()) return std::nullopt;
  const auto curve = this->curve();
  const auto knee = curve ? locate_knee(*curve) : std::nullopt;
  const double reference = knee.value_or(0);
  std::uint32_t best = 0;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const std::uint32_t n = steps_[i].concurrency;
    if (!probes_[i].scout || n == first_ || n < kFrom * reference || n > kBelow * reference) continue;
    const bool again = std::any_of(probes_.begin(), probes_.end(),
                                   [n](const Probe& probe) { return probe.back && probe.concurrency == n; });
    if (!again && standing_attempts(n) <= 1) best = std::max(best, n);
  }
  if (best > 0 && returns_ < kMostReturns) {
    ++returns_;
    return Probe{.concurrency = best, .scout = false, .back = true};
  }
  if (baseline_) return hold_last();
  baseline_ = true;
  return Probe{.concurrency = first_, .scout = false, .back = true};
}

std::optional<Probe> SearchPlanner::hold_last() {
  if (!light_changed_ || quota_known_) return std::nullopt;
  const auto full = std::max_element(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) {
    return (a.look ? a.concurrency : 0) < (b.look ? b.concurrency : 0);
  });
  if (!full->look) return std::nullopt;
  const auto load = held_last_.next(steps_, full->concurrency);
  if (!load) return std::nullopt;
  return Probe{.concurrency = static_cast<std::uint32_t>(*load), .scout = false, .hold = true};
}

}  // namespace kneepoint::coordinator
