#include "coordinator/verdict/host_speed.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "coordinator/measure/batch_means.h"
#include "coordinator/measure/validity.h"
#include "coordinator/results/throughput.h"
#include "coordinator/verdict/burst.h"
#include "coordinator/verdict/lasting_change.h"
#include "coordinator/verdict/movement.h"
#include "coordinator/verdict/movement_models.h"
#include "coordinator/verdict/revisits.h"
#include "coordinator/verdict/speed_models.h"
#include "coordinator/verdict/stalls.h"
#include "coordinator/words/rows.h"

namespace kneepoint::coordinator {
namespace {

/// Blocks that scatter by less about the mean of their load, relative, are those of a host that stands still.
constexpr double kStandsStill = 0.025;
/// What a movement that is allowed for explains of all that moved, at least.
constexpr double kMostly = 0.7;
/// By how much more than a step or a line.
constexpr double kClearly = 0.1;
constexpr double kShortestPeriod = 16;  ///< Seconds.
constexpr double kSmallestError = 0.002;

/// Whether what moved may be a change for good or a trend.
bool may_be_one_way(const std::vector<Step>& steps, double share) {
  const std::vector<Reading> readings = block_readings(steps);
  const auto step = fit_step(readings);
  const double line = fit_movement(readings, [](double t) { return t; }).share();
  const auto approach = fit_approach(readings, steps);
  return std::max({step ? step->share() : 0, line, approach ? approach->share() : 0}) > share - kClearly;
}

/// Half seconds with the movement taken out: whether the last half of the row is as the first.
bool even_beside(const std::vector<double>& halves) {
  constexpr double kEven = 0.02, kSure = 3;
  const std::size_t n = halves.size() / 2;
  if (n < 4) return false;
  double first = 0, last = 0, squares = 0;
  for (std::size_t i = 0; i < n; ++i) {
    first += halves[i] / static_cast<double>(n);
    last += halves[halves.size() - 1 - i] / static_cast<double>(n);
  }
  const double mean = (first + last) / 2;
  for (const double half : halves) squares += std::pow(half - mean, 2);
  const double error =
      std::sqrt(squares / static_cast<double>(halves.size())) * std::sqrt(2 / static_cast<double>(n));
  return mean > 0 && std::abs(last - first) <= std::max(kEven * mean, kSure * error);
}

void take_as_steady(Step& step) {
  if (!step.has_flag("UNSTEADY")) return;
  step.withdraw("UNSTEADY", words::still_settling());
  step.valid = failed_gates(step).empty();
}

/// Standard deviation of a block about its row with the movement taken out, as if neighbours were
/// independent; absent where no row has two blocks.
std::optional<double> noise_within_rows(const std::vector<SpeedBlock>& blocks,
                                        const std::vector<double>& speed) {
  double squares = 0, products = 0, degrees = 0;
  std::vector<double> left(blocks.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) left[i] = blocks[i].value - speed[i];
  for (std::size_t from = 0; from < blocks.size();) {
    std::size_t until = from;
    double sum = 0;
    for (; until < blocks.size() && blocks[until].row == blocks[from].row; ++until) sum += left[until];
    const double level = sum / static_cast<double>(until - from);
    for (std::size_t i = from; i < until; ++i) {
      squares += std::pow(left[i] - level, 2);
      if (i > from) products += (left[i] - level) * (left[i - 1] - level);
    }
    degrees += static_cast<double>(until - from - 1);
    from = until;
  }
  if (degrees < 1) return std::nullopt;
  const double alike = std::clamp(squares > 0 ? products / squares : 0, 0.0, 0.9);
  return std::sqrt(squares / degrees * (1 + alike) / (1 - alike));
}

/// Waves, or two speeds, whichever leaves less.
bool mark_by_blocks(std::vector<Step>& steps) {
  const std::vector<SpeedBlock> blocks = speed_blocks(steps);
  if (blocks.empty()) return false;
  std::vector<double> values;
  for (const SpeedBlock& block : blocks) values.push_back(block.value);
  centre_levels(blocks, values);
  const double moved = std::sqrt(std::inner_product(values.begin(), values.end(), values.begin(), 0.0) /
                                 static_cast<double>(values.size()));
  if (moved < kStandsStill) return false;
  std::optional<SpeedFit> best = fit_two_speeds(blocks);
  if (auto waves = fit_waves(blocks, std::max(kShortestPeriod, shortest_own_period(steps)));
      waves && (!best || waves->left < best->left))
    best = std::move(waves);
  if (!best || best->share() < kMostly || may_be_one_way(steps, best->share()) || heats_up(steps) ||
      changed_for_good(steps))
    return false;

  double mean = 0;
  for (const double m : best->speed) mean += std::exp(m) / static_cast<double>(blocks.size());
  // What is left within rows is every row's noise.
  const auto noise = noise_within_rows(blocks, best->speed);
  if (!noise) return false;
  for (std::size_t from = 0; from < blocks.size();) {
    std::size_t until = from;
    double ratio = 0;
    Step& step = steps[blocks[from].row];
    std::vector<double> halves;
    for (; until < blocks.size() && blocks[until].row == blocks[from].row; ++until) {
      const double speed = std::exp(best->speed[until]);
      ratio += speed / mean;
      const auto at = static_cast<std::size_t>(2 * (blocks[until].at - step.window_begin_seconds) -
                                               kHalvesInBlock / 2.0 + 0.5);
      for (std::size_t h = at; h < at + kHalvesInBlock && h < step.half_seconds.size(); ++h)
        halves.push_back(step.half_seconds[h] / speed);
    }
    const auto n = static_cast<double>(until - from);
    const double edge = edge_error(step.tpot_seconds.p50.value_or(0), std::max(step.duration_seconds, 1.0));
    step.speed = HostSpeed{.ratio = ratio / n,
                           .standard_error = std::max(
                               kSmallestError, std::hypot(*noise / std::sqrt(n), best->error[from], edge))};
    if (even_beside(halves)) take_as_steady(step);
    from = until;
  }
  return true;
}

/// A host that stops for a moment again and again: what it gave while it ran.
bool mark_by_stalls(std::vector<Step>& steps) {
  if (!find_stalls(steps)) return false;
  for (Step& step : steps) {
    const auto row = stalls_in(step);
    if (!row || row->running.empty()) continue;
    std::vector<double> running = row->running;
    const auto n = static_cast<double>(running.size());
    const double mean = std::accumulate(running.begin(), running.end(), 0.0) / n;
    double squares = 0;
    for (const double half : running) squares += std::pow(half / mean - 1, 2);
    const double edge = edge_error(step.tpot_seconds.p50.value_or(0), std::max(step.duration_seconds, 1.0));
    // The edges of a stall are told to a quarter of a second.
    const double edges = 0.25 * std::sqrt(static_cast<double>(row->count)) / step.duration_seconds;
    step.speed = HostSpeed{
        .ratio = 1 - row->missing_seconds / step.duration_seconds,
        .standard_error = std::max(kSmallestError, std::hypot(std::sqrt(squares) / n * 1.5, edges, edge))};
    if (even_beside(running)) take_as_steady(step);
  }
  return true;
}

}  // namespace

bool mark_speed(std::vector<Step>& steps) {
  for (Step& step : steps) step.speed.reset();
  if (has_quota(steps)) return false;  // it is let in by turns, and no faster for it
  return mark_by_stalls(steps) || mark_by_blocks(steps);
}

double known_scatter(const std::vector<Step>& steps) {
  double squares = 0, n = 0;
  for (const Step& step : steps) {
    if (!step.speed) continue;
    squares += std::pow(std::log(step.speed->ratio), 2);
    ++n;
  }
  return n > 0 ? std::sqrt(squares / n) : 0;
}

}  // namespace kneepoint::coordinator
