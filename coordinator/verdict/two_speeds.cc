#include <algorithm>
#include <cmath>

#include "coordinator/verdict/speed_models.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kSmallest = 0.06;  ///< Between the two speeds, of ln.
constexpr double kAlike = 0.3;      ///< Of the gap: by how much that of a load may differ from the usual.

/// What was seen of one load.
struct Level {
  double load = 0;
  std::vector<double> values;  // rising
  /// Medians of the fast and of the slow blocks; equal where only one speed was seen.
  double fast = 0, slow = 0;
  double fast_share = 1;
  bool both = false;
  /// That what was seen was the fast speed, where it was one only.
  double fast_chance = 1;
  bool known = false;

  double gap() const { return fast - slow; }
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Splits where the two sides scatter least about their own means.
void split(Level& level) {
  const auto& v = level.values;
  level.fast = level.slow = median(v);
  constexpr std::size_t kFewest = 2;
  if (v.size() < 2 * kFewest + 1 || v.back() - v.front() < kSmallest) return;
  double all = 0;
  for (const double x : v) all += x;
  double below = 0, most = -1;
  std::size_t at = 0;
  const auto n = static_cast<double>(v.size());
  for (std::size_t i = 1; i < v.size(); ++i) {
    below += v[i - 1];
    const auto k = static_cast<double>(i);
    const double between = std::pow(below / k - (all - below) / (n - k), 2) * k * (n - k) / n;
    if (between > most) {
      most = between;
      at = i;
    }
  }
  if (at < kFewest || v.size() - at < kFewest) return;
  double spread = 0;
  for (const double x : v) spread += std::pow(x - all / n, 2);
  constexpr double kExplains = 0.8;
  if (most < kExplains * spread) return;
  const auto middle = v.begin() + static_cast<std::ptrdiff_t>(at);
  const double slow = median({v.begin(), middle}), fast = median({middle, v.end()});
  if (fast - slow < kSmallest) return;
  level.both = level.known = true;
  level.slow = slow;
  level.fast = fast;
  level.fast_share = 1 - static_cast<double>(at) / n;
}

/// ln of throughput at `load` by the loads whose fast speed is known, and how far off that may be: N/X is
/// linear in N between them; outside X rises by no more than in proportion.
struct Expected {
  double value = 0, error = 0;
};

std::optional<Expected> expect(const std::vector<Level>& levels, double load) {
  constexpr double kSure = 0.02, kBend = 0.25;
  const Level *below = nullptr, *above = nullptr;
  for (const Level& level : levels) {
    if (!level.known) continue;
    if (level.load < load) below = &level;
    if (level.load > load && above == nullptr) above = &level;
  }
  if (below != nullptr && above != nullptr) {
    const double from = below->load / std::exp(below->fast), to = above->load / std::exp(above->fast);
    const double between = from + (to - from) * (load - below->load) / (above->load - below->load);
    const double away = std::min(std::log(load / below->load), std::log(above->load / load));
    return Expected{std::log(load / between), kSure + kBend * away / 2};
  }
  if (below != nullptr) {
    const double away = std::log(load / below->load);
    return Expected{below->fast + kBend * away, kSure + kBend * away};
  }
  if (above != nullptr) {
    const double away = std::log(above->load / load);
    return Expected{above->fast - (1 - kBend) * away, kSure + kBend * away};
  }
  return std::nullopt;
}

/// Which speed a load was seen at where it was one only, those nearest to a known one first.
void tell_single_levels(std::vector<Level>& levels, double gap, double fast_share) {
  constexpr double kMostSure = 4;  // of ln odds: a curve may bend more than was expected
  constexpr double kKnown = 3;
  const double prior =
      std::log(std::clamp(fast_share, 0.05, 0.95) / (1 - std::clamp(fast_share, 0.05, 0.95)));
  std::vector<Level*> open;
  for (Level& level : levels) {
    if (!level.known) open.push_back(&level);
  }
  while (!open.empty()) {
    const auto nearest = std::min_element(open.begin(), open.end(), [&](const Level* a, const Level* b) {
      return expect(levels, a->load).value_or(Expected{0, 1e9}).error <
             expect(levels, b->load).value_or(Expected{0, 1e9}).error;
    });
    Level& level = **nearest;
    open.erase(nearest);
    double odds = prior;
    if (const auto there = expect(levels, level.load)) {
      const auto off = [&](double value) { return std::pow((value - there->value) / there->error, 2) / 2; };
      odds += off(level.fast + gap) - off(level.fast);
    }
    odds = std::clamp(odds, -kMostSure, kMostSure);
    level.fast_chance = 1 / (1 + std::exp(-odds));
    level.known = std::abs(odds) >= kKnown;
    if (odds < 0) {
      level.slow = level.fast;
      level.fast = level.slow + gap;
    } else {
      level.slow = level.fast - gap;
    }
  }
}

/// How often it goes from one speed to the other within rows: up, and down.
struct Switches {
  int up = 0, down = 0;
};

Switches switches_of(const std::vector<SpeedBlock>& blocks, const std::vector<Level>& levels, double gap) {
  Switches found;
  int state = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Level& level = levels[blocks[i].level];
    if (i == 0 || blocks[i].row != blocks[i - 1].row) state = 0;
    if (!level.both) continue;
    const double place = (blocks[i].value - level.slow) / gap;
    const int here = place > 0.75 ? 1 : place < 0.25 ? -1 : state;
    if (state != 0 && here != state) ++(here > 0 ? found.up : found.down);
    state = here;
  }
  return found;
}

}  // namespace

std::optional<SpeedFit> fit_two_speeds(const std::vector<SpeedBlock>& blocks) {
  constexpr std::size_t kFewestGaps = 2;
  std::vector<Level> levels;
  for (const SpeedBlock& block : blocks) {
    if (levels.size() <= block.level) levels.resize(block.level + 1);
    levels[block.level].load = block.load;
    levels[block.level].values.push_back(block.value);
  }
  std::vector<double> gaps;
  for (Level& level : levels) {
    std::sort(level.values.begin(), level.values.end());
    split(level);
    if (level.both) gaps.push_back(level.gap());
  }
  if (gaps.size() < kFewestGaps) return std::nullopt;
  const double gap = median(gaps);
  double fast_blocks = 0, all = 0;
  for (Level& level : levels) {
    // A load may move in a way of its own: then it says nothing of the two speeds.
    if (level.both && std::abs(level.gap() - gap) > kAlike * gap) {
      level.both = level.known = false;
      level.fast = level.slow = median(level.values);
    }
    if (!level.both) continue;
    fast_blocks += level.fast_share * static_cast<double>(level.values.size());
    all += static_cast<double>(level.values.size());
  }
  if (all == 0) return std::nullopt;
  const Switches switches = switches_of(blocks, levels, gap);
  if (switches.up < 1 || switches.down < 1 || switches.up + switches.down < 3) return std::nullopt;
  tell_single_levels(levels, gap, fast_blocks / all);

  SpeedFit found;
  std::vector<double> y(blocks.size()), left(blocks.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Level& level = levels[blocks[i].level];
    const double place = blocks[i].value - level.fast;
    double m = 0, error = 0;
    if (level.both) {
      // A block in which it changed holds both.
      m = place > -0.2 * gap ? 0 : place < -0.8 * gap ? -level.gap() : std::max(place, -level.gap());
    } else {
      m = -gap * (1 - level.fast_chance);
      error = gap * std::sqrt(level.fast_chance * (1 - level.fast_chance));
    }
    found.speed.push_back(m);
    found.error.push_back(error);
    y[i] = blocks[i].value;
    left[i] = blocks[i].value - m;
  }
  centre_levels(blocks, y);
  centre_levels(blocks, left);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    found.before += blocks[i].weight * y[i] * y[i];
    found.left += blocks[i].weight * left[i] * left[i];
  }
  return found;
}

}  // namespace kneepoint::coordinator
