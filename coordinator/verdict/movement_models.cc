#include "coordinator/verdict/movement_models.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>

#include "coordinator/measure/validity.h"
#include "coordinator/results/throughput.h"
#include "coordinator/verdict/revisits.h"

namespace kneepoint::coordinator {
namespace {

bool usable(const Step& step) {
  return tells_throughput(step) && !surely_failing(step.requests);
}

std::map<double, std::size_t> levels_of(const std::vector<Step>& steps) {
  std::map<double, std::size_t> levels;
  for (const Step& step : steps) {
    if (usable(step)) levels.try_emplace(step.load(), levels.size());
  }
  return levels;
}

/// Takes the weighted mean of its level from each value.
void centre(const std::vector<Reading>& readings, std::vector<double>& values) {
  std::map<std::size_t, std::pair<double, double>> sums;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    auto& [weight, sum] = sums[readings[i].level];
    weight += readings[i].weight;
    sum += readings[i].weight * values[i];
  }
  for (std::size_t i = 0; i < readings.size(); ++i) {
    const auto& [weight, sum] = sums[readings[i].level];
    values[i] -= sum / weight;
  }
}

std::vector<double> centred(const std::vector<Reading>& readings, const std::function<double(double)>& of) {
  std::vector<double> values;
  values.reserve(readings.size());
  for (const Reading& reading : readings) values.push_back(of(reading.at));
  centre(readings, values);
  return values;
}

std::vector<double> centred_values(const std::vector<Reading>& readings) {
  std::vector<double> values;
  values.reserve(readings.size());
  for (const Reading& reading : readings) values.push_back(reading.value);
  centre(readings, values);
  return values;
}

double weighted_product(const std::vector<Reading>& readings, const std::vector<double>& a,
                        const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < readings.size(); ++i) sum += readings[i].weight * a[i] * b[i];
  return sum;
}

/// How many requests the target had served, from the rates of the rows; between rows at the rate of the next.
class Served {
 public:
  explicit Served(const std::vector<Step>& steps) {
    double time = 0, sum = 0;
    for (const Step& step : steps) {
      const double end = step.window_begin_seconds + step.duration_seconds;
      sum += step.requests_per_second.value.value_or(0) * std::max(end - time, 0.0);
      time = std::max(time, end);
      marks_.emplace_back(time, sum);
    }
  }
  double until(double time) const {
    std::pair<double, double> before{0, 0};
    for (const auto& mark : marks_) {
      if (time <= mark.first) {
        const double share =
            mark.first > before.first ? (time - before.first) / (mark.first - before.first) : 1;
        return before.second + share * (mark.second - before.second);
      }
      before = mark;
    }
    return before.second;
  }

 private:
  std::vector<std::pair<double, double>> marks_;
};

/// A sine and a cosine together, by the normal equations.
struct SineFit {
  double explained = 0, sine = 0, cosine = 0;
};

SineFit fit_sine(const std::vector<Reading>& readings, const std::vector<double>& y, double period,
                 std::vector<double>& s, std::vector<double>& c) {
  const double omega = 2 * std::numbers::pi / period;
  s = centred(readings, [&](double t) { return std::sin(omega * t); });
  c = centred(readings, [&](double t) { return std::cos(omega * t); });
  const double ss = weighted_product(readings, s, s), cc = weighted_product(readings, c, c),
               sc = weighted_product(readings, s, c);
  const double sy = weighted_product(readings, s, y), cy = weighted_product(readings, c, y);
  const double determinant = ss * cc - sc * sc;
  if (determinant <= 1e-6 * ss * cc) return {};
  const double a = (sy * cc - cy * sc) / determinant;
  const double b = (cy * ss - sy * sc) / determinant;
  return {a * sy + b * cy, a, b};
}

/// Autocorrelation of neighbours in time within a level's rows.
double readings_alike(const std::vector<Reading>& readings, const std::vector<double>& residuals) {
  double products = 0, squares = 0;
  for (std::size_t i = 1; i < readings.size(); ++i) {
    squares += residuals[i] * residuals[i];
    if (readings[i].at - readings[i - 1].at < 1.5 * kBlock) products += residuals[i] * residuals[i - 1];
  }
  return squares > 0 ? std::clamp(products / squares, 0.0, 0.98) : 0;
}

}  // namespace

std::vector<Reading> row_readings(const std::vector<Step>& steps, double least) {
  std::map<double, std::vector<Reading>> by_load;
  const auto levels = levels_of(steps);
  for (const Step& step : steps) {
    if (!usable(step) || step.load() < least) continue;
    const double error = relative_error(step);
    by_load[step.load()].push_back({.at = step.window_begin_seconds + step.duration_seconds / 2,
                                    .level = levels.at(step.load()),
                                    .value = std::log(*throughput_of(step).value),
                                    .weight = 1 / (error * error)});
  }
  std::vector<Reading> readings;
  for (auto& [load, rows] : by_load) {
    if (rows.size() > 1) readings.insert(readings.end(), rows.begin(), rows.end());
  }
  std::sort(readings.begin(), readings.end(), [](const Reading& a, const Reading& b) { return a.at < b.at; });
  return readings;
}

std::vector<Reading> block_readings(const std::vector<Step>& steps) {
  constexpr auto kHalves = static_cast<std::size_t>(2 * kBlock);
  std::vector<Reading> readings;
  const auto levels = levels_of(steps);
  for (const Step& step : steps) {
    if (!tells_by_the_second(step)) continue;
    for (std::size_t from = 0; from + kHalves <= step.half_seconds.size(); from += kHalves) {
      const auto at = step.half_seconds.begin() + static_cast<std::ptrdiff_t>(from);
      const double sum = std::accumulate(at, at + kHalves, 0.0);
      if (sum <= 0) continue;
      readings.push_back({.at = step.window_begin_seconds + static_cast<double>(from) / 2 + kBlock / 2,
                          .level = levels.at(step.load()),
                          .value = std::log(sum)});
    }
  }
  return readings;
}

MovementFit fit_movement(const std::vector<Reading>& readings, const std::function<double(double)>& shape) {
  const std::vector<double> y = centred_values(readings);
  const std::vector<double> x = centred(readings, shape);
  MovementFit found{.before = weighted_product(readings, y, y)};
  const double leverage = weighted_product(readings, x, x);
  if (leverage <= 1e-12) return found;
  const double together = weighted_product(readings, x, y);
  found.size = together / leverage;
  found.explained = together * together / leverage;
  return found;
}

std::optional<StepFit> fit_step(const std::vector<Reading>& readings) {
  std::optional<StepFit> best;
  for (std::size_t i = 1; i < readings.size(); ++i) {
    const double at = (readings[i - 1].at + readings[i].at) / 2;
    const MovementFit fit = fit_movement(readings, [at](double t) { return t >= at ? 1.0 : 0.0; });
    if (!best || fit.explained > best->explained) best = StepFit{fit, at};
  }
  return best;
}

std::optional<bool> keeps_moving(const std::vector<Reading>& rows, double at) {
  constexpr double kSure = 1.5;
  const MovementFit whole = fit_movement(rows, [](double t) { return t; });
  std::vector<Reading> sides = rows;
  for (Reading& reading : sides) reading.level = 2 * reading.level + (reading.at >= at ? 1 : 0);
  const MovementFit within = fit_movement(sides, [](double t) { return t; });
  if (within.size == 0 || whole.size == 0) return std::nullopt;
  // With known errors `explained` is the square of the slope over its standard error.
  const double error = std::abs(within.size) / std::sqrt(std::max(within.explained, 1e-12));
  if (kSure * error > std::abs(whole.size) / 2) return std::nullopt;
  return within.size / whole.size > 0.5;
}

std::optional<ApproachFit> fit_approach(const std::vector<Reading>& readings,
                                        const std::vector<Step>& steps) {
  if (readings.size() < 4) return std::nullopt;
  const Served served(steps);
  const double from = readings.front().at;
  const double first = served.until(from);
  const double all = served.until(readings.back().at) - first;
  if (all <= 0) return std::nullopt;
  std::optional<ApproachFit> best;
  double scale = 0;
  std::vector<std::pair<double, double>> left_by_scale;  // what each explains, and leaves
  for (double each = all; each > all / 200; each /= 1.4) {
    const MovementFit fit =
        fit_movement(readings, [&](double t) { return -std::expm1(-(served.until(t) - first) / each); });
    left_by_scale.emplace_back(fit.explained, fit.size * std::exp(-all / each));
    if (best && fit.explained <= best->explained) continue;
    best = ApproachFit{fit};
    best->total = fit.size * -std::expm1(-all / each);
    best->left_at_most = left_by_scale.back().second;
    scale = each;
  }
  for (const auto& [explained, left] : left_by_scale) {
    if (explained >= best->explained - 1) best->left_at_most = std::max(best->left_at_most, left);
  }
  double t = from;
  while (t < readings.back().at && served.until(t) - first < 0.7 * scale) t += 1;
  best->seconds = t - from;
  constexpr double kSettled = 0.005;
  const auto left = [&](double at) {
    return std::abs(best->size) * std::exp(-(served.until(at) - first) / scale);
  };
  for (t = from; t < readings.back().at && left(t) > kSettled;) t += 1;
  best->settled_at = std::min(t, readings.back().at);
  return best;
}

double shortest_own_period(const std::vector<Step>& steps) {
  constexpr double kResidences = 5;
  std::vector<double> residences;
  for (const Step& step : steps) {
    if (step.e2e_seconds.p50) residences.push_back(*step.e2e_seconds.p50);
  }
  if (residences.empty()) return 0;
  const auto middle = residences.begin() + static_cast<std::ptrdiff_t>(residences.size() / 2);
  std::nth_element(residences.begin(), middle, residences.end());
  return kResidences * *middle;
}

std::optional<Wave> find_wave(const std::vector<Reading>& blocks, double shortest) {
  constexpr std::size_t kFewest = 24;
  if (blocks.size() < kFewest) return std::nullopt;
  const double span = blocks.back().at - blocks.front().at;
  const std::vector<double> y = centred_values(blocks);
  const double before = weighted_product(blocks, y, y);
  if (before <= 0) return std::nullopt;
  const double finest = 1 / (4 * span);
  SineFit best;
  double period = 0, looked = 0;
  std::vector<double> s, c;
  for (double frequency = 2 / span; frequency <= 1 / shortest; frequency += finest) {
    ++looked;
    const SineFit fit = fit_sine(blocks, y, 1 / frequency, s, c);
    if (fit.explained > best.explained) {
      best = fit;
      period = 1 / frequency;
    }
  }
  if (period == 0) return std::nullopt;
  fit_sine(blocks, y, period, s, c);
  std::vector<double> residuals(y.size());
  for (std::size_t i = 0; i < y.size(); ++i) residuals[i] = y[i] - best.sine * s[i] - best.cosine * c[i];
  const double alike = readings_alike(blocks, residuals);
  const double variance = weighted_product(blocks, residuals, residuals) / static_cast<double>(y.size());
  const double red = variance * (1 - alike * alike) /
                     (1 - 2 * alike * std::cos(2 * std::numbers::pi * kBlock / period) + alike * alike);
  const double once = std::exp(-best.explained / (2 * std::max(red, 1e-12)));
  return Wave{.period = period,
              .amplitude = std::hypot(best.sine, best.cosine),
              .share = best.explained / before,
              .chance = -std::expm1(looked / 4 * std::log1p(-std::min(once, 1 - 1e-12)))};
}

}  // namespace kneepoint::coordinator
