#include "coordinator/controllers/hold_rounds.h"

#include <algorithm>
#include <cmath>

#include "coordinator/results/throughput.h"
#include "coordinator/verdict/movement_models.h"
#include "coordinator/verdict/revisits.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::size_t kMostRows = 24;
/// From one row to the next a host that still moves one way moves by more than this.
constexpr double kStep = 0.01;
constexpr double kFall = 0.03;  ///< Slower: what leaks does so for ever, and slowly.
constexpr double kSure = 2;
/// An approach is told from so many rows.
constexpr std::size_t kFewest = 5;
/// What it may still rise by at most: ratios of rows are as true as the host is still between them, and five
/// rows that happen to agree are no proof.
constexpr double kLeft = 0.005;
/// A jump of so much that two more rows add less than a step to is no approach.
constexpr double kJump = 0.05;

using Visits = std::vector<const Step*>;

/// ln of what visit i + 1 gave over what visit i did.
double change(const Visits& visits, std::size_t i) {
  return std::log(*throughput_of(*visits[i + 1]).value / *throughput_of(*visits[i]).value);
}

bool surely(const Visits& visits, double last) {
  const std::size_t n = visits.size();
  return std::abs(last) > kSure * std::hypot(relative_error(*visits[n - 2]), relative_error(*visits[n - 1]));
}

std::vector<Reading> readings_of(const Visits& visits) {
  std::vector<Reading> readings;
  for (const Step* visit : visits)
    readings.push_back({.at = visit->window_begin_seconds + visit->duration_seconds / 2,
                        .value = std::log(*throughput_of(*visit).value),
                        .weight = 1 / std::pow(relative_error(*visit), 2)});
  return readings;
}

}  // namespace

std::optional<double> HoldRounds::next(const std::vector<Step>& rows, double wanted) {
  if (!load_) load_ = wanted;
  if (held_.empty() || (held_.size() < kMostRows && goes_on(rows))) return load_;
  return std::nullopt;
}

bool HoldRounds::goes_on(const std::vector<Step>& rows) const {
  if (rows[held_.back()].speed) return false;  // it moves by turns, and that is allowed for
  Visits visits;                               // the last one from before, then those held
  for (std::size_t i = 0; i < held_.front(); ++i) {
    if (rows[i].load() == *load_ && throughput_of(rows[i]).value.value_or(0) > 0) visits.assign(1, &rows[i]);
  }
  for (const std::size_t i : held_) {
    if (throughput_of(rows[i]).value.value_or(0) <= 0) return false;
    visits.push_back(&rows[i]);
  }
  // It was still moving within the last row, or refused in a part of it: what comes next is not known.
  if (rows[held_.back()].has_flag("DRIFTING") || rows[held_.back()].has_flag("UNSTEADY")) return true;
  if (visits.size() < 2) return false;
  const double last = change(visits, visits.size() - 2);
  if (visits.size() == 2) return std::abs(last) > kStill && surely(visits, last);
  const double before = change(visits, visits.size() - 3);
  // Less by chance, once, does not end a rise.
  if (last < 0 && (before < 0 || surely(visits, last))) return -last > kFall && surely(visits, last);
  if (before < -kStep) return false;  // by turns
  if (visits.size() > 3 && change(visits, visits.size() - 4) > kJump && before + last < kStep)
    return false;  // it jumped, and stands
  if (held_.size() < kFewest) return last > 0 || before > kStep;
  // Not from before the hold: how a host came near tells little of how it comes nearer.
  visits.erase(visits.begin(), visits.end() - static_cast<std::ptrdiff_t>(held_.size()));
  const auto approach = fit_approach(readings_of(visits), rows);
  return approach && approach->left_at_most > kLeft;
}

}  // namespace kneepoint::coordinator
