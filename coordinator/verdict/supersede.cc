#include "coordinator/verdict/supersede.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "coordinator/measure/validity.h"
#include "coordinator/results/throughput.h"
#include "coordinator/results/units.h"
#include "coordinator/verdict/confirmation.h"
#include "coordinator/verdict/scatter.h"

namespace kneepoint::coordinator {
namespace {

/// Whether it was not before.
bool supersede(Step& step, std::string reason) {
  if (step.has_flag(kSuperseded)) return false;
  step.warn(kSuperseded, std::move(reason));
  return true;
}

std::string throughput_text(const std::vector<Step>& steps, double throughput) {
  return fmt::format("{} {}", format_figure(throughput), throughput_unit(steps));
}

/// Refusals that begin after a while: what a burst allowance let through does not last. Where the target
/// turned requests away at any load, what it gave meanwhile is what it admits; a row that surely gave more
/// lived on the allowance.
void drop_bursts(std::vector<Step>& steps) {
  constexpr double kMore = 1.05;
  double admitted = 0;
  for (const Step& step : steps) {
    if (invalid_by_target_only(step) && !step.has_flag("DRIFTING"))
      admitted = std::max(admitted, throughput_of(step).value.value_or(0));
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    Step& step = steps[i];
    if (!step.valid || step.has_flag(kSuperseded)) continue;
    const Estimate& x = throughput_of(step);
    const double surely = x.ci95 ? x.ci95->low : x.value.value_or(0);
    const bool refused = std::any_of(
        steps.begin() + static_cast<std::ptrdiff_t>(i) + 1, steps.end(),
        [&](const Step& later) { return later.load() == step.load() && invalid_by_target_only(later); });
    if (refused) {
      supersede(step, "measured again, the target turned requests away at this load");
    } else if (admitted > 0 && surely > kMore * admitted) {
      supersede(step,
                fmt::format("the target admits {} for long, as it shows where it turns requests away: this "
                            "lived on an allowance for bursts",
                            throughput_text(steps, admitted)));
    }
  }
}

/// Rows in which the host was still moving, where it was measured again when it was not.
void drop_moving(std::vector<Step>& steps) {
  const auto moved = [](const Step& step) { return step.has_flag("DRIFTING") && !step.speed; };
  for (Step& step : steps) {
    if (!step.valid || !moved(step) || step.has_flag(kSuperseded)) continue;
    const bool again = std::any_of(steps.begin(), steps.end(), [&](const Step& other) {
      return other.load() == step.load() && other.valid && !moved(other) && !other.has_flag(kSuperseded);
    });
    if (again) supersede(step, "measured again at this load when throughput did not move within the window");
  }
}

/// How surely repeats before `at` and after it differ, each load by its own factor: the fall of χ², and the
/// largest factor (of ln X).
struct Change {
  double at = 0;
  double sure = 0;
  double factor = 0;
  int loads = 0;  // that were measured before and after
};

Change change_at(const std::vector<LoadRepeat>& repeats, std::size_t groups, double at) {
  struct Side {
    double weights = 0, values = 0;
  };
  std::vector<Side> before(groups), after(groups);
  for (const LoadRepeat& r : repeats) {
    Side& side = r.time < at ? before[r.group] : after[r.group];
    const double weight = 1 / (r.error * r.error + kScatterFloor * kScatterFloor);
    side.weights += weight;
    side.values += weight * r.value;
  }
  Change change{.at = at};
  for (std::size_t g = 0; g < groups; ++g) {
    const Side &a = before[g], &b = after[g];
    if (a.weights == 0 || b.weights == 0) continue;
    const double factor = b.values / b.weights - a.values / a.weights;
    change.sure += factor * factor * a.weights * b.weights / (a.weights + b.weights);
    if (std::abs(factor) > std::abs(change.factor)) change.factor = factor;
    ++change.loads;
  }
  return change;
}

/// Everything before the host changed for good. A change is one where a step explains the repeats better than
/// a line does, and most of what they scatter by.
bool drop_before_change(std::vector<Step>& steps) {
  constexpr double kSure = 20;     // of χ²: one is looked for at every row
  constexpr double kLarge = 0.05;  // less than that moves no knee
  constexpr double kExplains = 0.8;
  const auto rows = curve_rows(steps);
  const auto repeats = load_repeats(rows);
  if (repeats.empty()) return false;
  const std::size_t groups = repeats.back().group + 1;
  std::set<double> times;
  for (const LoadRepeat& r : repeats) times.insert(r.time);
  Change best;
  for (auto at = std::next(times.begin()); at != times.end(); ++at) {
    const Change change = change_at(repeats, groups, *at);
    if (change.sure > best.sure) best = change;
  }
  const double floor = kScatterFloor * kScatterFloor;
  const double flat = fit_repeats(repeats, groups, floor, false).misfit;
  const double line = flat - fit_repeats(repeats, groups, floor, true).misfit;
  if (best.sure < kSure + 3 * best.loads || std::abs(best.factor) < kLarge || best.sure < kExplains * flat ||
      best.sure < line)
    return false;
  bool dropped = false;
  for (Step& step : steps) {
    const double middle = step.window_begin_seconds + step.duration_seconds / 2;
    if (middle < best.at) {
      dropped |= supersede(
          step, fmt::format("the host changed afterwards: at the same load throughput was {:+.0f} % from "
                            "{} on",
                            std::expm1(best.factor) * 100, format_time(best.at)));
    }
  }
  return dropped;
}

/// An interval that was contradicted, where the curve was measured again: what led to it is past.
bool drop_contradicted(std::vector<Step>& steps) {
  bool dropped = false;
  for (const Confirmation& each : confirmations(steps)) {
    if (!each.contradicted() || each.last_row + 1 >= steps.size()) continue;
    for (std::size_t i = 0; i < each.first_row; ++i)
      supersede(steps[i],
                "what followed from it was contradicted when it was measured again: " + each.text());
  }
  return dropped;
}

}  // namespace

bool mark_superseded(std::vector<Step>& steps) {
  drop_bursts(steps);
  drop_moving(steps);
  const bool contradicted = drop_contradicted(steps);
  return drop_before_change(steps) || contradicted;
}

}  // namespace kneepoint::coordinator
