#include "coordinator/verdict/movement.h"

#include <algorithm>
#include <cmath>

#include "coordinator/measure/statistics.h"
#include "coordinator/results/throughput.h"
#include "coordinator/results/units.h"
#include "coordinator/verdict/burst.h"
#include "coordinator/verdict/lasting_change.h"
#include "coordinator/verdict/movement_models.h"
#include "coordinator/verdict/revisits.h"
#include "coordinator/verdict/stalls.h"
#include "coordinator/words/movement.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kShortestPeriod = 4 * kBlock;
constexpr double kByChance = 1e-3;
/// What a wave explains of all that moved, at least.
constexpr double kMostly = 0.5;

std::optional<Movement> burst_of(const std::vector<Step>& steps) {
  const auto burst = find_burst(steps);
  if (!burst) return std::nullopt;
  return Movement{.kind = "burst",
                  .at_seconds = burst->at_seconds,
                  .ratio = burst->sustained / burst->most,
                  .explanation = words::burst(
                      burst->at_seconds, format_load(steps.front().load_kind(), burst->load),
                      burst->sustained, burst->requests_per_second, burst->most, throughput_unit(steps))};
}

std::optional<Movement> stalls_of(const std::vector<Step>& steps) {
  const auto stalls = find_stalls(steps);
  if (!stalls) return std::nullopt;
  return Movement{.kind = "stalls",
                  .at_seconds = stalls->first_seconds,
                  .period_seconds = stalls->apart_seconds,
                  .ratio = 1 - stalls->lost,
                  .explanation = words::stalls(stalls->count, stalls->apart_seconds)};
}

std::optional<Movement> wave_of(const std::vector<Step>& steps, const std::vector<Reading>& blocks) {
  const auto wave = find_wave(blocks, std::max(kShortestPeriod, shortest_own_period(steps)));
  if (!wave || wave->amplitude < kStill || wave->share < kMostly || wave->chance > kByChance)
    return std::nullopt;
  // What changed for good looks like half a wave.
  const auto step = fit_step(blocks);
  if (step && step->share() > wave->share - 0.1) return std::nullopt;
  const auto approach = fit_approach(blocks, steps);
  if (approach && approach->share() > wave->share - 0.1) return std::nullopt;
  if (changed_for_good(steps)) return std::nullopt;
  return Movement{.kind = "periodic",
                  .period_seconds = wave->period,
                  .ratio = (1 - wave->amplitude) / (1 + wave->amplitude),
                  .explanation = words::turns(wave->amplitude, wave->period)};
}

/// Rows that moved, as a whole.
struct Moves {
  double up = 0, down = 0;  ///< Sums of the changes beyond chance, of ln X.
  std::size_t count = 0;
  double least = 0;  ///< The lowest load of these; what moves a full host need not move a lone request.
};

Moves moves_of(const std::vector<Step>& steps, const std::vector<Revisit>& revisits) {
  Moves moves;
  for (const Revisit& revisit : revisits) {
    if (!revisit.moved()) continue;
    const double load = steps[revisit.before].load();
    moves.least = moves.count++ == 0 ? load : std::min(moves.least, load);
    (revisit.change > 0 ? moves.up : moves.down) += std::abs(revisit.change);
  }
  return moves;
}

/// How throughput changed within a row: ln of its last third over its first; absent where the row is too
/// short.
std::optional<double> change_within(const Step& step) {
  const std::vector<Reading> blocks = block_readings({step});
  if (blocks.size() < 4) return std::nullopt;
  const std::size_t third = blocks.size() / 3;
  double first = 0, last = 0;
  for (std::size_t i = 0; i < third; ++i) {
    first += blocks[i].value;
    last += blocks[blocks.size() - 1 - i].value;
  }
  return (last - first) / static_cast<double>(third);
}

bool heats_up(const std::vector<Step>& steps, const std::vector<Revisit>& revisits) {
  constexpr double kLight = 0.5;
  std::size_t recovered = 0, others = 0;
  for (const Revisit& revisit : revisits) {
    if (!revisit.moved() || revisit.change < 0) continue;
    bool rested = false;
    for (std::size_t i = revisit.before + 1; i < revisit.after; ++i)
      rested = rested || steps[i].load() <= kLight * steps[revisit.before].load();
    ++(rested ? recovered : others);
  }
  std::size_t slowing = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto within = change_within(steps[i]);
    if (!within || std::abs(*within) <= kStill) continue;
    if (*within < 0 && (i == 0 || steps[i - 1].load() < steps[i].load())) {
      ++slowing;
    } else if (*within > 0 && !(i > 0 && steps[i - 1].load() > steps[i].load())) {
      ++others;  // at light load it cools, and gets faster
    }
  }
  return slowing > 0 && (recovered > 0 || slowing > 1) && others == 0;
}

/// Whether the first token of the lowest load, where nothing queues, came sooner when it was measured again,
/// and by more than the tokens after it: a cache that fills does that; more capacity does not, and a host
/// that is faster now is faster at all of them.
bool alone_answers_sooner(const std::vector<Step>& steps) {
  constexpr double kSooner = 0.87;
  const Step* lowest = nullptr;
  for (const Step& step : steps) {
    if (!tells_throughput(step) || !step.ttft_seconds.p50) continue;
    if (lowest == nullptr || step.load() < lowest->load()) lowest = &step;
  }
  if (lowest == nullptr) return false;
  const auto faster = [lowest](const Step& step) {
    if (!step.tpot_seconds.p50 || !lowest->tpot_seconds.p50) return 1.0;
    return std::min(1.0, *step.tpot_seconds.p50 / *lowest->tpot_seconds.p50);
  };
  return std::any_of(steps.begin(), steps.end(), [&](const Step& step) {
    return step.load() == lowest->load() && tells_throughput(step) && step.ttft_seconds.p50 &&
           *step.ttft_seconds.p50 < kSooner * faster(step) * *lowest->ttft_seconds.p50;
  });
}

/// By how much the rows of one load differ at most, of ln X.
double most_at_one_load(const std::vector<Reading>& rows) {
  double most = 0;
  for (const Reading& a : rows) {
    for (const Reading& b : rows) {
      if (a.level == b.level) most = std::max(most, b.value - a.value);
    }
  }
  return most;
}

Movement one_way(const std::vector<Step>& steps, const Moves& moves) {
  const std::vector<Reading> rows = row_readings(steps, moves.least);
  const double from = rows.front().at, span = rows.back().at - from;
  const MovementFit line = fit_movement(rows, [](double t) { return t; });
  const auto step = fit_step(rows);
  const auto approach = fit_approach(rows, steps);
  const double jumps = step ? step->share() : 0;
  const double nears = approach ? approach->share() : 0;
  const bool down = moves.down > moves.up;
  const bool goes_on =
      step && keeps_moving(rows, step->at).value_or(line.share() >= 0.8 * std::max(jumps, nears));
  // Loads that a step moves by different shares look a little like an approach.
  constexpr double kMuchBetter = 0.15;
  if (!down && approach &&
      (alone_answers_sooner(steps) || nears > std::max(jumps, line.share()) + kMuchBetter)) {
    // The curve is extrapolated where it began before the first row: no more is said than a load showed.
    const double ratio = std::exp(std::min(approach->total, most_at_one_load(rows)));
    return {.kind = "warming",
            .at_seconds = from,
            .ratio = ratio,
            .explanation = words::warms_up(ratio, from, approach->seconds)};
  }
  if (goes_on && line.share() > std::max(0.5, moves.count > 1 ? 0 : jumps)) {
    const double ratio = std::exp(line.size * span);
    return {.kind = "drifting", .ratio = ratio, .explanation = words::drifts(ratio, span)};
  }
  const double ratio = step ? std::exp(step->size) : 1;
  const double at = step ? step->at : from;
  return {.kind = "stepped", .at_seconds = at, .ratio = ratio, .explanation = words::changed(ratio, at)};
}

/// A row within which throughput changed for good, and by more than rows scatter; the largest such change.
std::optional<Movement> change_within_a_row(const std::vector<Step>& steps) {
  constexpr double kPlain = 0.07;
  const Step* most = nullptr;
  double change = 0;
  for (const Step& step : steps) {
    const auto within = change_within(step);
    if (!within || std::abs(*within) < std::max(kPlain, std::abs(change))) continue;
    most = &step;
    change = *within;
  }
  if (most == nullptr) return std::nullopt;
  const auto step = fit_step(block_readings({*most}));
  if (!step || step->share() < kMostly) return std::nullopt;
  const double ratio = std::exp(change);
  return Movement{.kind = "stepped",
                  .at_seconds = step->at,
                  .ratio = ratio,
                  .explanation = words::changed_within(load_label(*most), ratio, step->at)};
}

/// Whether many rows move within themselves by more than chance and ticking make of them.
bool restless(const std::vector<Step>& steps) {
  constexpr double kRestless = 1.0 / 3;
  std::size_t moved = 0, all = 0;
  for (const Step& step : steps) {
    const std::vector<Reading> blocks = block_readings({step});
    if (blocks.size() < 4 || throughput_of(step).value.value_or(0) <= 0) continue;
    std::vector<double> values;
    for (const Reading& block : blocks) values.push_back(block.value);
    ++all;
    if (moments(values).stddev > kStill) ++moved;
  }
  return all >= 3 && static_cast<double>(moved) > kRestless * static_cast<double>(all);
}

}  // namespace

bool heats_up(const std::vector<Step>& steps) {
  return heats_up(steps, revisits_of(steps));
}

std::optional<Movement> find_movement(const std::vector<Step>& steps) {
  if (steps.empty()) return std::nullopt;
  if (auto burst = burst_of(steps)) return burst;
  if (auto stalls = stalls_of(steps)) return stalls;
  const std::vector<Reading> blocks = block_readings(steps);
  if (auto wave = wave_of(steps, blocks)) return wave;
  const std::vector<Revisit> revisits = revisits_of(steps);
  const Moves moves = moves_of(steps, revisits);
  if (heats_up(steps, revisits)) {
    double lowest = 0;
    for (const Revisit& revisit : revisits) lowest = std::min(lowest, revisit.change);
    return Movement{.kind = "heat",
                    .ratio = lowest < 0 ? std::optional(std::exp(lowest)) : std::nullopt,
                    .explanation = words::heats_up()};
  }
  if (moves.count == 0) {
    if (!restless(steps)) return change_within_a_row(steps);
  } else if (std::min(moves.up, moves.down) <= 0.1 * std::max(moves.up, moves.down)) {
    return one_way(steps, moves);
  }
  double low = 0, high = 0;
  for (const Revisit& revisit : revisits) {
    low = std::min(low, revisit.change);
    high = std::max(high, revisit.change);
  }
  return Movement{.kind = "wandering",
                  .ratio = std::exp(std::min(low, -high)),
                  .explanation = words::wanders(std::expm1(std::max(high, -low)))};
}

}  // namespace kneepoint::coordinator
