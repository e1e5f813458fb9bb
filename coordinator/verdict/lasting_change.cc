#include "coordinator/verdict/lasting_change.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "coordinator/measure/repeat.h"
#include "coordinator/measure/validity.h"
#include "coordinator/results/throughput.h"
#include "coordinator/verdict/movement_models.h"
#include "coordinator/verdict/revisits.h"
#include "coordinator/verdict/scatter.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kSure = 20;       ///< Of χ²: a change is looked for at every row.
constexpr double kLarge = 0.05;    ///< Less than that moves no knee.
constexpr double kStands = 0.005;  ///< Between windows of a host that holds still.
constexpr double kOtherWay = 0.03;

double weight_of(const LoadRepeat& repeat) {
  return 1 / (repeat.error * repeat.error + kStands * kStands);
}

/// The two parts of a row within which throughput jumped, as ln X at their own times.
struct Halves {
  double before_at = 0, before = 0, after_at = 0, after = 0;
  double error = 0;  ///< Of either part.
};

/// What blocks scatter by about the two levels: a jump of size J of which it explains the share s leaves
/// J²/4·(1 − s)/s of variance. Among few blocks there is a best jump in any noise, and a mix of unlike
/// requests has much of it.
double error_of(const StepFit& jump, std::size_t blocks) {
  constexpr double kLeast = 0.01;
  const auto n = static_cast<double>(blocks);
  return std::max(kLeast,
                  std::abs(jump.size) / 2 * std::sqrt((1 - jump.share()) / jump.share() * n / (n - 2)));
}

std::optional<Halves> jump_within(const Step& step) {
  constexpr double kPlain = 0.07;
  constexpr double kMostly = 0.7;
  const std::vector<Reading> blocks = block_readings({step});
  if (blocks.size() < 4) return std::nullopt;
  const auto jump = fit_step(blocks);
  if (!jump || std::abs(jump->size) < kPlain || jump->share() < kMostly) return std::nullopt;
  // The block that holds the jump itself is of neither part: the ends are.
  return Halves{.before_at = blocks.front().at,
                .before = blocks.front().value - std::log(kBlock),
                .after_at = blocks.back().at,
                .after = blocks.back().value - std::log(kBlock),
                .error = error_of(*jump, blocks.size())};
}

/// Repeats of loads that were measured more than once, a row with a jump counting as two.
std::vector<LoadRepeat> repeats_of(const std::vector<Step>& steps) {
  std::map<double, std::vector<LoadRepeat>> by_load;
  const double least = least_full_load(steps);
  for (const CurveRow& row : curve_rows(steps)) {
    const Step& step = *row.step;
    if (!step.valid || surely_failing(step.requests) || row.load() < least) continue;
    auto& repeats = by_load[row.load()];
    // Under a load that moves it is the load that a row changes by.
    const auto halves =
        counts_tokens(steps) && !step.speed && !step.has_flag("MOVING") ? jump_within(step) : std::nullopt;
    if (halves) {
      repeats.push_back({.time = halves->before_at, .value = halves->before, .error = halves->error});
      repeats.push_back({.time = halves->after_at, .value = halves->after, .error = halves->error});
    } else {
      repeats.push_back(
          {.time = row.middle(), .value = std::log(row.throughput), .error = relative_error(step)});
    }
  }
  std::vector<LoadRepeat> all;
  std::size_t group = 0;
  for (auto& [load, repeats] : by_load) {
    if (repeats.size() < 2) continue;
    for (LoadRepeat& repeat : repeats) {
      repeat.group = group;
      all.push_back(repeat);
    }
    ++group;
  }
  return all;
}

/// What chance makes of χ² at most.
bool by_chance(double misfit, double degrees) {
  return misfit <= degrees + 3 * std::sqrt(2 * std::max(degrees, 0.0)) + 2;
}

struct Mean {
  double weights = 0, values = 0;
  std::size_t count = 0;
  void add(const LoadRepeat& repeat) {
    weights += weight_of(repeat);
    values += weight_of(repeat) * repeat.value;
    ++count;
  }
  double value() const { return values / weights; }
};

/// From `at` on the load goes on one way, by more than a knee would forgive. Each load for itself: others may
/// have been measured later only.
bool still_moves(const std::vector<LoadRepeat>& since) {
  constexpr double kSurely = 2.5;
  constexpr double kForgiven = 0.01;
  if (since.size() < 3) return false;
  const double span = since.back().time - since.front().time;
  const RepeatFit line = fit_repeats(since, since.back().group + 1, kStands * kStands, true);
  return line.slope_error > 0 && std::abs(line.slope) > kSurely * line.slope_error &&
         std::abs(line.slope) * span > kForgiven;
}

/// A host that stands still from `at` on, after it had come there one way.
std::optional<LastingChange> change_at(const std::vector<LoadRepeat>& repeats, double at) {
  std::map<std::size_t, Mean> before, after;
  for (const LoadRepeat& repeat : repeats) (repeat.time < at ? before : after)[repeat.group].add(repeat);
  std::map<std::size_t, std::vector<LoadRepeat>> since_then;  // in the order of time within a load
  for (const LoadRepeat& repeat : repeats) {
    if (repeat.time >= at) since_then[repeat.group].push_back(repeat);
  }
  double degrees = 0;
  for (const auto& [group, mean] : after) {
    double misfit = 0;
    for (const LoadRepeat& repeat : since_then[group])
      misfit += weight_of(repeat) * std::pow(repeat.value - mean.value(), 2);
    const double free = static_cast<double>(mean.count) - 1;
    if (!by_chance(misfit, free) || still_moves(since_then[group])) return std::nullopt;
    degrees += free;
  }
  LastingChange change{.at = at, .still = degrees};
  double sure = 0;
  int loads = 0;
  for (const auto& [group, mean] : before) {
    const auto since = after.find(group);
    if (since == after.end()) continue;
    const double factor = since->second.value() - mean.value();
    sure += factor * factor * mean.weights * since->second.weights / (mean.weights + since->second.weights);
    if (std::abs(factor) > std::abs(change.factor)) change.factor = factor;
    ++loads;
  }
  if (sure < kSure + 3 * loads || std::abs(change.factor) < kLarge) return std::nullopt;
  for (const LoadRepeat& repeat : repeats) {
    const auto since = after.find(repeat.group);
    if (repeat.time >= at || since == after.end()) continue;
    const double way = since->second.value() - repeat.value;
    if (way * change.factor < 0 && std::abs(way) > kOtherWay) return std::nullopt;
  }
  return change;
}

/// At one pace all along: a line explains all that chance does not.
bool drifts(const std::vector<LoadRepeat>& repeats) {
  const std::size_t groups = repeats.back().group + 1;
  const double degrees = static_cast<double>(repeats.size() - groups) - 1;
  return degrees >= 1 && by_chance(fit_repeats(repeats, groups, kStands * kStands, true).misfit, degrees);
}

/// Where a load was held while the host approached what it gives now: when it was there, to half a percent.
double approached_at(const std::vector<LoadRepeat>& repeats, const std::vector<Step>& steps, double from) {
  constexpr std::size_t kFewest = 5;
  constexpr double kMostly = 0.9;
  std::map<std::size_t, std::vector<Reading>> by_load;
  for (const LoadRepeat& repeat : repeats)
    by_load[repeat.group].push_back({.at = repeat.time, .value = repeat.value, .weight = weight_of(repeat)});
  double at = from;
  for (const auto& [group, readings] : by_load) {
    if (readings.size() < kFewest) continue;
    const auto approach = fit_approach(readings, steps);
    if (approach && std::abs(approach->total) > kLarge && approach->share() > kMostly)
      at = std::max(at, approach->settled_at);
  }
  return at;
}

/// Rows between the last that was refuted and the first that refuted one may be of the host before or after.
/// The middle of the latest of them that cannot be of the host as it is since, or that its own repeat shows
/// on the way there; absent where all can.
std::optional<double> stale_until(const std::vector<CurveRow>& rows, const std::vector<LoadRepeat>& repeats,
                                  const LastingChange& change, double least) {
  constexpr double kTolerated = 0.05;
  constexpr double kNear = 0.22;  // ln: 25 % more load
  std::map<std::size_t, double> before, since_then;
  double since = std::numeric_limits<double>::infinity();
  for (const LoadRepeat& repeat : repeats) {
    if (repeat.time < change.at) before[repeat.group] = repeat.value;
  }
  for (const LoadRepeat& repeat : repeats) {
    const auto was = before.find(repeat.group);
    if (repeat.time >= change.at && was != before.end() && std::abs(repeat.value - was->second) > kLarge)
      since = std::min(since, repeat.time);
  }
  std::optional<double> until;
  for (const CurveRow& row : rows) {
    if (row.middle() < change.at || row.middle() >= since || row.load() < least) continue;
    const bool stale = std::any_of(rows.begin(), rows.end(), [&](const CurveRow& now) {
      if (now.middle() < since || now.load() < least) return false;
      if (now.load() == row.load())  // short rows would agree with anything, by their own errors
        return std::log(now.throughput / row.throughput) * (change.factor > 0 ? 1 : -1) > kLarge;
      // No request is served faster because there are more of them.
      const double more = std::log(row.load() / now.load());
      const double gave = std::log(row.throughput / now.throughput);
      const double excess = more > 0 ? gave - more : more - gave;
      // Nor does so little more load take so much away.
      const bool falls = more < 0 && more > -kNear && change.factor < 0 && gave > -change.factor / 2;
      return excess > kTolerated || falls;
    });
    if (stale) until = std::max(until.value_or(0), row.middle());
  }
  return until;
}

}  // namespace

double least_full_load(const std::vector<Step>& steps) {
  constexpr double kFull = 0.6;
  const std::vector<CurveRow> rows = curve_rows(steps);
  double most = 0, least = 0;
  for (const CurveRow& row : rows) most = std::max(most, row.throughput);
  for (const CurveRow& row : rows) {
    if (row.throughput >= kFull * most && (least == 0 || row.load() < least)) least = row.load();
  }
  return least;
}

std::optional<LastingChange> find_lasting_change(const std::vector<Step>& steps) {
  const std::vector<LoadRepeat> repeats = repeats_of(steps);
  if (repeats.empty() || drifts(repeats)) return std::nullopt;
  std::set<double> times;
  for (const LoadRepeat& repeat : repeats) times.insert(repeat.time);
  for (auto at = std::next(times.begin()); at != times.end(); ++at) {
    if (auto change = change_at(repeats, *at)) {
      change->until = *std::prev(at);
      if (const auto stale = stale_until(curve_rows(steps), repeats, *change, least_full_load(steps)))
        change->at = change->until = *stale + 1e-3;
      if (const double there = approached_at(repeats, steps, change->at); there > change->at)
        change->at = change->until = there - 1e-3;  // a row in the middle of which it was there counts
      return change;
    }
  }
  return std::nullopt;
}

bool changed_for_good(std::vector<Step> steps) {
  constexpr double kStill = 1;
  for (Step& step : steps) {
    std::erase(step.flags, kSuperseded);
    step.speed.reset();
  }
  const auto change = find_lasting_change(steps);
  return change && change->still >= kStill;
}

}  // namespace kneepoint::coordinator
