#include "coordinator/verdict/scatter.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "coordinator/measure/batch_means.h"
#include "coordinator/measure/statistics.h"
#include "coordinator/measure/validity.h"
#include "coordinator/results/throughput.h"
#include "coordinator/verdict/burst.h"

namespace kneepoint::coordinator {
namespace {

/// No window of a real host is known better than this.
constexpr double kSmallestRelativeError = 0.001;
/// Of a row without any interval.
constexpr double kUnknownRelativeError = 0.01;
/// How many repeats the floor is worth.
constexpr double kFloorDegrees = 3;

/// What the row's own batches say: half the t interval over the normal quantile.
double own_error(const Step& step) {
  const Estimate& x = throughput_of(step);
  double error = kUnknownRelativeError * *x.value;
  if (x.standard_error) error = *x.standard_error;
  if (x.ci95) error = std::max(error, (x.ci95->high - *x.value) / kTwoSided95);
  return error / *x.value;
}

/// Relative: streams tick together, once for every token.
double relative_edge_error(const Step& step) {
  return edge_error(step.tpot_seconds.p50.value_or(0), std::max(step.duration_seconds, 1.0));
}

/// The variance between windows at which the misfit is what chance makes it (Paule and Mandel, 1982).
double variance_between(const std::vector<LoadRepeat>& repeats, std::size_t groups, double degrees,
                        bool drifting) {
  if (degrees <= 0 || fit_repeats(repeats, groups, 0, drifting).misfit <= degrees) return 0;
  double low = 0, high = 1;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (fit_repeats(repeats, groups, middle, drifting).misfit > degrees ? low : high) = middle;
  }
  return high;
}

/// A point estimate of few repeats, shrunk to the floor, and as wide as Student's t makes it.
double widened(double variance, double degrees) {
  const double all = std::max(degrees, 0.0) + kFloorDegrees;
  const double shrunk =
      (std::max(degrees, 0.0) * variance + kFloorDegrees * kScatterFloor * kScatterFloor) / all;
  return std::sqrt(shrunk) * student_t(0.975, all) / kTwoSided95;
}

}  // namespace

std::vector<LoadRepeat> load_repeats(const std::vector<CurveRow>& rows) {
  std::map<double, std::vector<const CurveRow*>> by_load;
  for (const CurveRow& row : rows) by_load[row.load()].push_back(&row);
  std::vector<LoadRepeat> repeats;
  std::size_t group = 0;
  for (auto at = by_load.begin(); at != by_load.end(); ++at) {
    if (at->second.size() < 2 || (at == by_load.begin() && by_load.size() > 1)) continue;
    for (const CurveRow* row : at->second)
      repeats.push_back({group, row->middle(), std::log(row->throughput), row->error});
    ++group;
  }
  return repeats;
}

RepeatFit fit_repeats(const std::vector<LoadRepeat>& repeats, std::size_t groups, double between,
                      bool sloped) {
  std::vector<double> weights(groups), times(groups), values(groups);
  RepeatFit found;
  double all = 0;
  const auto weight = [between](const LoadRepeat& r) { return 1 / (r.error * r.error + between); };
  for (const LoadRepeat& r : repeats) {
    const double w = weight(r);
    weights[r.group] += w;
    times[r.group] += w * r.time;
    values[r.group] += w * r.value;
    found.centre += w * r.time;
    all += w;
  }
  found.centre /= all;
  double leverage = 0, slopes = 0, spread = 0;
  for (const LoadRepeat& r : repeats) {
    const double t = r.time - times[r.group] / weights[r.group];
    const double x = r.value - values[r.group] / weights[r.group];
    leverage += weight(r) * t * t;
    slopes += weight(r) * t * x;
    spread += weight(r) * x * x;
  }
  found.misfit = spread;
  if (sloped && leverage > 0) {
    found.slope = slopes / leverage;
    found.slope_error = 1 / std::sqrt(leverage);
    found.misfit = std::max(0.0, spread - slopes * slopes / leverage);
  }
  return found;
}

std::vector<CurveRow> curve_rows(const std::vector<Step>& steps) {
  std::vector<CurveRow> rows;
  std::vector<double> noise;  // times √seconds: the same for every window of one host
  // Within a quota's minute rows move by all they give; from one minute to the next they do not.
  const bool quota = has_quota(steps);
  const auto by_turns = [quota](const Step& step) { return quota && step.requests.failed > 0; };
  for (const Step& step : steps) {
    const auto& x = throughput_of(step).value;
    if ((!step.valid && !invalid_by_target_only(step)) || !x || *x <= 0) continue;
    if (step.has_flag(kSuperseded)) continue;
    if (step.speed) {
      rows.push_back({&step, *x / step.speed->ratio, step.speed->standard_error});
      continue;
    }
    rows.push_back({&step, *x, own_error(step)});
    if (by_turns(step)) continue;
    const double edge = relative_edge_error(step);
    noise.push_back(std::sqrt(std::max(rows.back().error * rows.back().error - edge * edge, 0.0) *
                              step.duration_seconds));
  }
  if (noise.size() > 2) {
    const auto middle = noise.begin() + static_cast<std::ptrdiff_t>(noise.size() / 2);
    std::nth_element(noise.begin(), middle, noise.end());
    for (CurveRow& row : rows) {
      if (row.step->speed) continue;  // its error is of all rows together
      const double usual = std::hypot(*middle / std::sqrt(std::max(row.step->duration_seconds, 1.0)),
                                      relative_edge_error(*row.step));
      row.error = row.error > usual && !by_turns(*row.step) ? std::sqrt(row.error * usual) : usual;
    }
  }
  for (CurveRow& row : rows) row.error = std::max(row.error, kSmallestRelativeError);
  return rows;
}

double Scatter::correction(double time) const {
  return -drift * (std::clamp(time, from, until) - centre);
}

double Scatter::correction_error(double time) const {
  const double inside = std::clamp(time, from, until);
  // Outside of the repeats it is the last value, with an error that grows as fast as the host moved inside.
  return std::hypot(drift_error * (inside - centre), drift * (time - inside));
}

Scatter scatter_of(const std::vector<CurveRow>& rows) {
  constexpr double kSure = 0.995;  // 99 %, both sides
  Scatter found;
  const std::vector<LoadRepeat> repeats = load_repeats(rows);
  const std::size_t groups = repeats.empty() ? 0 : repeats.back().group + 1;
  found.repeats = static_cast<double>(repeats.size() - groups);
  if (repeats.empty()) {
    found.ratio = widened(0, 0);
    return found;
  }
  const auto [first, last] =
      std::minmax_element(repeats.begin(), repeats.end(),
                          [](const LoadRepeat& a, const LoadRepeat& b) { return a.time < b.time; });
  found.from = first->time;
  found.until = last->time;
  const double steady = variance_between(repeats, groups, found.repeats, false);
  found.ratio = widened(steady, found.repeats);
  const double degrees = found.repeats - 1;
  if (degrees < 1) return found;
  const double about_line = variance_between(repeats, groups, degrees, true);
  const double floor = std::max(about_line, kScatterFloor * kScatterFloor);
  const RepeatFit line = fit_repeats(repeats, groups, floor, true);
  if (line.slope_error <= 0 ||
      std::abs(line.slope) <= student_t(kSure, degrees + kFloorDegrees) * line.slope_error)
    return found;
  found.drift = line.slope;
  found.drift_error = line.slope_error;
  found.centre = line.centre;
  found.ratio = widened(about_line, degrees);
  return found;
}

void widen_by_scatter(std::vector<Step>& steps, double ratio) {
  const auto widen = [ratio](Estimate& x) {
    if (!x.value || !x.ci95) return;
    const double low = std::hypot(*x.value - x.ci95->low, kTwoSided95 * ratio * *x.value);
    const double high = std::hypot(x.ci95->high - *x.value, kTwoSided95 * ratio * *x.value);
    x.ci95 = Interval{std::max(0.0, *x.value - low), *x.value + high};
    if (x.standard_error) x.standard_error = std::hypot(*x.standard_error, ratio * *x.value);
  };
  for (Step& step : steps) {
    widen(step.output_tokens_per_second);
    widen(step.requests_per_second);
  }
}

}  // namespace kneepoint::coordinator
