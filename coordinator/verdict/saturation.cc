#include "coordinator/verdict/saturation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "coordinator/measure/repeat.h"
#include "coordinator/results/throughput.h"
#include "coordinator/results/units.h"
#include "coordinator/verdict/held_in_flight.h"
#include "coordinator/verdict/scatter.h"
#include "coordinator/verdict/shape.h"
#include "coordinator/verdict/usl.h"

namespace kneepoint::coordinator {
namespace {

/// The largest step after which a doubling surely added more than the knee allows.
std::optional<double> known_below(const ThroughputCurve& curve) {
  std::optional<double> bound;
  const auto& points = curve.points();
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (std::size_t j = i + 1; j < points.size() && points[j].concurrency <= 2 * points[i].concurrency;
         ++j) {
      if (gain(points[i], points[j]).lower > 1 / kSaturatedShare - 1) bound = points[i].concurrency;
    }
  }
  return bound;
}

std::string last_gain(const ThroughputCurve& curve) {
  const auto& points = curve.points();
  const ThroughputPoint& to = points.back();
  const ThroughputPoint* from = &points.front();
  for (const ThroughputPoint& point : points) {
    if (2 * point.concurrency <= to.concurrency) from = &point;
  }
  const Gain last = gain(*from, to);
  return fmt::format("from {} to {} {}throughput changed by {:+.1f} % ({:+.1f} to {:+.1f} %)",
                     format_figure(from->concurrency), format_figure(to.concurrency),
                     from->fitted || to.fitted ? "fitted " : "", last.value * 100, last.lower * 100,
                     last.upper * 100);
}

std::string explain(const ThroughputCurve& curve, const Saturation& found, LoadKind kind) {
  if (found.concurrency) {
    return fmt::format("From {} on, doubling the load adds less than 5 %: {}.",
                       format_load(kind, *found.concurrency), last_gain(curve));
  }
  if (found.ci95 && curve.points().front().concurrency >= found.ci95->high) {
    return fmt::format(
        "At {}, the least that was measured, doubling the load adds less than 5 % already: {}. Saturation "
        "lies "
        "there or below; begin the ramp lower.",
        format_load(kind, curve.points().front().concurrency), last_gain(curve));
  }
  if (found.ci95) {
    return fmt::format("Somewhere between {} and {} doubling the load begins to add less than 5 %: {}.",
                       format_figure(found.ci95->low), format_load(kind, found.ci95->high), last_gain(curve));
  }
  if (curve.points().size() < 2) return fmt::format("One {} only: saturation needs a ramp.", load_name(kind));
  if (curve.points().size() < kFewestLoads)
    return fmt::format("Two loads only: {}. It takes three or more to find saturation.", last_gain(curve));
  const std::string bound = found.lower_bound
                                ? "saturation lies above " + format_load(kind, *found.lower_bound)
                                : "no step surely lies below saturation";
  return fmt::format(
      "Not reached: {}; {}. Scan to {} at least: a saturation point shows where twice its load was "
      "scanned.",
      bound, last_gain(curve), format_load(kind, 2 * curve.top()));
}

const Step* nearest_valid(const std::vector<Step>& steps, double at_least) {
  const Step* best = nullptr;
  for (const Step& step : steps) {
    if (!stands(step) || step.load() < at_least) continue;
    if (best == nullptr || step.load() < best->load()) best = &step;
  }
  return best;
}

/// TPOT at the host's usual speed.
double own_tpot(const Step& step) {
  return *step.tpot_seconds.p50 * (step.speed ? step.speed->ratio : 1);
}

}  // namespace

std::string knee_kind_of(const std::vector<Step>& steps, double knee) {
  // The decode batch is full from here on if it ever is; what more load does from here tells the kinds apart.
  const Step* from = nearest_valid(steps, knee);
  if (from == nullptr) return "";
  const Step* to = nearest_valid(steps, 1.5 * from->load());
  if (to == nullptr || !from->tpot_seconds.p50 || !to->tpot_seconds.p50 || *from->tpot_seconds.p50 <= 0)
    return "";
  const double span = std::log(to->load() / from->load());
  const double decode = std::log(own_tpot(*to) / own_tpot(*from)) / span;
  if (decode > 0.5) return "soft";
  const bool queueing = from->ttft_seconds.p50 && to->ttft_seconds.p50 &&
                        *to->ttft_seconds.p50 > 1.25 * *from->ttft_seconds.p50;
  return decode < 0.2 && queueing ? "hard" : "";
}

Saturation find_saturation(const std::vector<Step>& steps, const KneeOptions& options) {
  Saturation found;
  std::vector<ThroughputPoint> points = throughput_points(steps);
  if (points.empty()) {
    found.explanation = "No step is valid: nothing can be said about saturation.";
    return found;
  }
  const ThroughputCurve curve(std::move(points));
  const std::vector<CurveRow> rows = curve_rows(steps);
  found.scatter_ratio = scatter_of(rows).ratio;
  if (counts_tokens(steps)) {
    // A row that was measured: what is merged or carried in time is nothing that the host ever gave.
    found.max_output_tokens_per_second = 0;
    for (const CurveRow& row : rows)
      found.max_output_tokens_per_second =
          std::max(*found.max_output_tokens_per_second, *throughput_of(*row.step).value);
  }
  found.usl = fit_usl(curve.points());
  found.power_concurrency = power_concurrency(curve.points());
  const bool ramp = curve.points().size() >= kFewestLoads;
  if (const auto knee = ramp ? estimate_knee(curve, options) : std::nullopt) {
    found.concurrency = knee->concurrency;
    found.ci95 = knee->ci95;
    found.knee_kind = knee_kind_of(steps, knee->concurrency);
  }
  if (ramp && !found.ci95) found.lower_bound = known_below(curve);
  Shape shape = shape_of(steps, curve.points(), options.moved);
  found.shape = std::move(shape.kinds);
  const bool peaks = std::find(found.shape.begin(), found.shape.end(), "two peaks") != found.shape.end();
  if (found.ci95 && (peaks || found.ci95->high > Saturation::kWidestPoint * found.ci95->low))
    found.concurrency.reset();
  found.explanation = explain(curve, found, steps.front().load_kind());
  if (const std::string held = held_sentence(steps, found); !held.empty()) found.explanation += " " + held;
  for (const std::string& sentence : shape.sentences) found.explanation += " " + sentence;
  return found;
}

}  // namespace kneepoint::coordinator
