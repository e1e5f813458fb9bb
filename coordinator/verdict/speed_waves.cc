#include <algorithm>
#include <cmath>
#include <numbers>

#include "coordinator/verdict/speed_models.h"

namespace kneepoint::coordinator {
namespace {

using Column = std::vector<double>;

constexpr std::size_t kMostWaves = 3;
constexpr double kByChance = 1e-3;
constexpr double kSmallest = 0.01;   ///< Amplitude, relative.
constexpr double kExplains = 0.3;    ///< Of what was left before it, at least.
constexpr double kShortestSine = 8;  ///< Of a harmonic: four blocks.
constexpr double kBlockSeconds = kHalvesInBlock / 2.0;

double product(const std::vector<SpeedBlock>& blocks, const Column& a, const Column& b) {
  double sum = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) sum += blocks[i].weight * a[i] * b[i];
  return sum;
}

/// Weighted least squares by the normal equations, inverted by Gauss and Jordan.
struct Solution {
  std::vector<double> size;
  std::vector<std::vector<double>> inverse;
};

Solution solve_columns(const std::vector<SpeedBlock>& blocks, const std::vector<Column>& columns,
                       const Column& y) {
  const std::size_t p = columns.size();
  std::vector<std::vector<double>> a(p, std::vector<double>(2 * p));
  for (std::size_t i = 0; i < p; ++i) {
    for (std::size_t j = 0; j <= i; ++j) a[i][j] = a[j][i] = product(blocks, columns[i], columns[j]);
  }
  for (std::size_t i = 0; i < p; ++i) {
    a[i][i] = a[i][i] * (1 + 1e-9) + 1e-12;  // columns that say the same share what they explain
    a[i][p + i] = 1;
  }
  for (std::size_t i = 0; i < p; ++i) {
    std::size_t pivot = i;
    for (std::size_t j = i + 1; j < p; ++j) {
      if (std::abs(a[j][i]) > std::abs(a[pivot][i])) pivot = j;
    }
    std::swap(a[i], a[pivot]);
    const double by = a[i][i];
    for (double& each : a[i]) each /= by;
    for (std::size_t j = 0; j < p; ++j) {
      if (j == i) continue;
      const double factor = a[j][i];
      for (std::size_t k = 0; k < 2 * p; ++k) a[j][k] -= factor * a[i][k];
    }
  }
  Solution found{.size = std::vector<double>(p), .inverse = {}};
  for (std::size_t i = 0; i < p; ++i) {
    found.inverse.emplace_back(a[i].begin() + static_cast<std::ptrdiff_t>(p), a[i].end());
    for (std::size_t j = 0; j < p; ++j) found.size[i] += found.inverse[i][j] * product(blocks, columns[j], y);
  }
  return found;
}

void add_sine(const std::vector<SpeedBlock>& blocks, double frequency, std::vector<Column>& columns) {
  const double omega = 2 * std::numbers::pi * frequency;
  Column s(blocks.size()), c(blocks.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    s[i] = std::sin(omega * blocks[i].at);
    c[i] = std::cos(omega * blocks[i].at);
  }
  columns.push_back(std::move(s));
  columns.push_back(std::move(c));
}

/// Sines and cosines of every frequency, and of twice it: a speed that is a sine is none in its logarithm.
std::vector<Column> columns_of(const std::vector<SpeedBlock>& blocks,
                               const std::vector<double>& frequencies) {
  std::vector<Column> columns;
  for (const double frequency : frequencies) {
    add_sine(blocks, frequency, columns);
    if (2 * frequency * kShortestSine <= 1) add_sine(blocks, 2 * frequency, columns);
  }
  return columns;
}

struct JointFit {
  std::vector<Column> plain, centred;
  Solution solution;
  Column left;
  double squares = 0;
};

JointFit fit(const std::vector<SpeedBlock>& blocks, const std::vector<double>& frequencies, const Column& y) {
  JointFit found{.plain = columns_of(blocks, frequencies)};
  found.centred = found.plain;
  for (Column& column : found.centred) centre_levels(blocks, column);
  found.solution = solve_columns(blocks, found.centred, y);
  found.left = y;
  for (std::size_t p = 0; p < found.centred.size(); ++p) {
    for (std::size_t i = 0; i < y.size(); ++i) found.left[i] -= found.solution.size[p] * found.centred[p][i];
  }
  found.squares = product(blocks, found.left, found.left);
  return found;
}

/// Autocorrelation of neighbours in time within rows.
double blocks_alike(const std::vector<SpeedBlock>& blocks, const Column& left) {
  double products = 0, squares = 0;
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    if (blocks[i].row != blocks[i - 1].row) continue;
    squares += (left[i] * left[i] + left[i - 1] * left[i - 1]) / 2;
    products += left[i] * left[i - 1];
  }
  return squares > 0 ? std::clamp(products / squares, 0.0, 0.98) : 0;
}

/// The frequency that explains most of `left` by itself, of those of periods from `shortest` to `longest`.
double strongest(const std::vector<SpeedBlock>& blocks, const Column& left, double shortest, double longest,
                 std::size_t& looked) {
  const double span = blocks.back().at - blocks.front().at;
  double best = 0, most = 0;
  std::vector<Column> pair;
  for (double f = 1 / longest; f <= 1 / shortest; f += 1 / (3 * span)) {
    ++looked;
    pair.clear();
    add_sine(blocks, f, pair);
    for (Column& column : pair) centre_levels(blocks, column);
    const Column &s = pair[0], &c = pair[1];
    const double ss = product(blocks, s, s), cc = product(blocks, c, c), sc = product(blocks, s, c);
    const double sy = product(blocks, s, left), cy = product(blocks, c, left);
    const double determinant = ss * cc - sc * sc;
    if (determinant <= 1e-4 * ss * cc) continue;
    const double explained = (sy * sy * cc - 2 * sy * cy * sc + cy * cy * ss) / determinant;
    if (explained > most) {
      most = explained;
      best = f;
    }
  }
  return best;
}

/// Moves the last frequency to where all of them together leave least.
double refine(const std::vector<SpeedBlock>& blocks, std::vector<double> frequencies, const Column& y) {
  const double span = blocks.back().at - blocks.front().at;
  double step = 1 / (6 * span), best = frequencies.back();
  double least = fit(blocks, frequencies, y).squares;
  for (int i = 0; i < 12; ++i) {
    bool moved = false;
    for (const double f : {best - step, best + step}) {
      if (f <= 0) continue;
      frequencies.back() = f;
      const double left = fit(blocks, frequencies, y).squares;
      if (left >= least) continue;
      least = left;
      best = f;
      moved = true;
      break;
    }
    if (!moved) step /= 2;
  }
  return best;
}

/// Chance that red noise like what is left shows as much at any of the frequencies looked at.
double chance_of(const std::vector<SpeedBlock>& blocks, double explained, const JointFit& after,
                 double frequency, std::size_t looked) {
  const double alike = blocks_alike(blocks, after.left);
  const double variance = after.squares / static_cast<double>(blocks.size());
  const double red =
      variance * (1 - alike * alike) /
      (1 - 2 * alike * std::cos(2 * std::numbers::pi * frequency * kBlockSeconds) + alike * alike);
  const double once = std::exp(-explained / (2 * std::max(red, 1e-12)));
  return static_cast<double>(looked) * once;
}

/// Errors of the mean of m over each row, with what a wrong frequency does to it.
void add_errors(const std::vector<SpeedBlock>& blocks, const JointFit& found,
                const std::vector<double>& frequencies, SpeedFit& to) {
  std::vector<Column> columns = found.plain;
  std::size_t p = 0;
  for (const double frequency : frequencies) {
    const double a = found.solution.size[p], b = found.solution.size[p + 1];
    Column slope(blocks.size());
    for (std::size_t i = 0; i < blocks.size(); ++i)
      slope[i] = (blocks[i].at - blocks.front().at) * (a * found.plain[p + 1][i] - b * found.plain[p][i]);
    columns.push_back(std::move(slope));
    p += 2 * frequency * kShortestSine <= 1 ? 4 : 2;
  }
  std::vector<Column> centred = columns;
  for (Column& column : centred) centre_levels(blocks, column);
  const Solution all = solve_columns(blocks, centred, found.left);
  const double alike = blocks_alike(blocks, found.left);
  const double noise = found.squares /
                       static_cast<double>(std::max<std::size_t>(blocks.size() - columns.size() - 1, 1)) *
                       (1 + alike) / (1 - alike);
  for (Column& column : columns) {
    double mean = 0;
    for (const double each : column) mean += each / static_cast<double>(blocks.size());
    for (double& each : column) each -= mean;
  }
  to.error.assign(blocks.size(), 0);
  for (std::size_t from = 0; from < blocks.size();) {
    std::size_t until = from;
    std::vector<double> means(columns.size());
    for (; until < blocks.size() && blocks[until].row == blocks[from].row; ++until) {
      for (std::size_t c = 0; c < columns.size(); ++c) means[c] += columns[c][until];
    }
    for (double& mean : means) mean /= static_cast<double>(until - from);
    double variance = 0;
    for (std::size_t i = 0; i < means.size(); ++i) {
      for (std::size_t j = 0; j < means.size(); ++j) variance += means[i] * all.inverse[i][j] * means[j];
    }
    const double error = std::sqrt(std::max(variance * noise, 0.0));
    std::fill(to.error.begin() + static_cast<std::ptrdiff_t>(from),
              to.error.begin() + static_cast<std::ptrdiff_t>(until), error);
    from = until;
  }
}

}  // namespace

std::optional<SpeedFit> fit_waves(const std::vector<SpeedBlock>& blocks, double shortest) {
  constexpr std::size_t kFewest = 40;
  constexpr double kLongest = 1.1;  // of the time that was looked at
  if (blocks.size() < kFewest) return std::nullopt;
  const double longest = kLongest * (blocks.back().at - blocks.front().at);
  if (longest < 2 * shortest) return std::nullopt;
  Column y(blocks.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) y[i] = blocks[i].value;
  centre_levels(blocks, y);
  SpeedFit found{.before = product(blocks, y, y)};
  std::vector<double> frequencies;
  JointFit best{.left = y, .squares = found.before};
  while (frequencies.size() < kMostWaves) {
    std::size_t looked = 0;
    const double f = strongest(blocks, best.left, shortest, longest, looked);
    if (f <= 0) break;
    std::vector<double> more = frequencies;
    more.push_back(f);
    more.back() = refine(blocks, more, y);
    JointFit next = fit(blocks, more, y);
    const double explained = best.squares - next.squares;
    const double amplitude =
        std::sqrt(2 * explained / found.before) *
        std::sqrt(found.before / product(blocks, Column(y.size(), 1), Column(y.size(), 1)));
    if (explained < kExplains * best.squares || amplitude < kSmallest ||
        chance_of(blocks, explained, next, more.back(), looked) > kByChance)
      break;
    frequencies = std::move(more);
    best = std::move(next);
  }
  if (frequencies.empty()) return std::nullopt;
  found.left = best.squares;
  found.speed.assign(blocks.size(), 0);
  for (std::size_t p = 0; p < best.plain.size(); ++p) {
    for (std::size_t i = 0; i < blocks.size(); ++i)
      found.speed[i] += best.solution.size[p] * best.plain[p][i];
  }
  add_errors(blocks, best, frequencies, found);
  return found;
}

}  // namespace kneepoint::coordinator
