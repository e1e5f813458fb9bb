#include "coordinator/verdict/supersede.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "coordinator/measure/repeat.h"
#include "coordinator/measure/validity.h"
#include "coordinator/results/throughput.h"
#include "coordinator/results/units.h"
#include "coordinator/verdict/burst.h"
#include "coordinator/verdict/confirmation.h"
#include "coordinator/verdict/lasting_change.h"
#include "coordinator/verdict/revisits.h"
#include "coordinator/words/again.h"

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

/// Refusals that begin after a while: what a burst allowance let through does not last. What the target gave
/// while it refused is what it admits for long; a row that surely gave more lived on the allowance.
void drop_bursts(std::vector<Step>& steps) {
  const auto burst = find_burst(steps);
  const bool quota = has_quota(steps);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    Step& step = steps[i];
    if (step.has_flag(kSuperseded)) continue;
    const Estimate& x = throughput_of(step);
    const double surely = x.ci95 ? x.ci95->low : x.value.value_or(0);
    const bool refused = std::any_of(
        steps.begin() + static_cast<std::ptrdiff_t>(i) + 1, steps.end(),
        [&](const Step& later) { return later.load() == step.load() && invalid_by_target_only(later); });
    if (quota && !step.valid && step.requests.failed > 0 && !holds_whole_minutes(step)) {
      supersede(step, words::part_of_a_minute());
    } else if (step.valid && refused && !surely_failing(step.requests)) {
      supersede(step, words::refused_later());
    } else if (burst &&  // where refusals began within a row, its interval is no measure
               (surely > burst->limit() || (!step.valid && x.value.value_or(0) > burst->limit()))) {
      supersede(step, words::lived_on_allowance(throughput_text(steps, burst->sustained)));
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
    if (again) supersede(step, words::moved_within());
  }
}

/// Rows of light load that their repeats refute: each for itself, as a host at rest cools, or wakes up,
/// without being another under load.
void drop_refuted_light(std::vector<Step>& steps) {
  constexpr double kLarge = 0.05;
  const double least = least_full_load(steps);
  std::vector<Step> left;
  std::vector<std::size_t> index;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    if (step.has_flag(kSuperseded) || step.has_flag("DRIFTING") || step.speed || !step.valid ||
        step.load() >= least)
      continue;
    left.push_back(step);
    index.push_back(i);
  }
  for (const Revisit& revisit : revisits_of(left)) {
    if (!revisit.moved() || std::abs(revisit.change) < kLarge) continue;
    supersede(steps[index[revisit.before]], words::other_at_light_load(std::expm1(revisit.change)));
  }
}

/// Everything before the host changed for good.
bool drop_before_change(std::vector<Step>& steps) {
  const auto change = find_lasting_change(steps);
  if (!change) return false;
  const double least = least_full_load(steps);
  bool dropped = false;
  for (Step& step : steps) {
    const double middle = step.window_begin_seconds + step.duration_seconds / 2;
    // In between a light load is not likely to have shown it, and its repeat refutes it by itself.
    if (middle <= change->until || (middle < change->at && step.load() >= least)) {
      dropped |= supersede(step, words::host_changed_after(std::expm1(change->factor), change->at));
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
      supersede(steps[i], words::contradicted_later(each.text()));
  }
  return dropped;
}

}  // namespace

bool mark_superseded(std::vector<Step>& steps) {
  drop_bursts(steps);
  // First of these, as a row within which the host changed tells when.
  const bool changed = drop_before_change(steps);
  drop_moving(steps);
  drop_refuted_light(steps);
  return drop_contradicted(steps) || changed;
}

}  // namespace kneepoint::coordinator
