#include "coordinator/verdict/saturation.h"

#include <algorithm>
#include <cmath>

#include "coordinator/measure/repeat.h"
#include "coordinator/results/throughput.h"
#include "coordinator/verdict/held_in_flight.h"
#include "coordinator/verdict/scatter.h"
#include "coordinator/verdict/shape.h"
#include "coordinator/verdict/usl.h"
#include "coordinator/words/saturation.h"

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

words::ThroughputGain last_gain(const ThroughputCurve& curve) {
  const auto& points = curve.points();
  const ThroughputPoint& to = points.back();
  const ThroughputPoint* from = &points.front();
  for (const ThroughputPoint& point : points) {
    if (2 * point.concurrency <= to.concurrency) from = &point;
  }
  const Gain last = gain(*from, to);
  return {.from = from->concurrency,
          .to = to.concurrency,
          .value = last.value,
          .lower = last.lower,
          .upper = last.upper,
          .fitted = from->fitted || to.fitted};
}

std::string explain(const ThroughputCurve& curve, const Saturation& found, LoadKind kind) {
  const words::ThroughputGain last = last_gain(curve);
  const double least = curve.points().front().concurrency;
  if (found.concurrency) return words::saturates_from(kind, *found.concurrency, last);
  if (found.ci95 && least >= found.ci95->high) return words::saturated_at_the_least(kind, least, last);
  if (found.ci95) return words::saturates_between(kind, *found.ci95, last);
  if (curve.points().size() < 2) return words::one_load_only(kind);
  if (curve.points().size() < kFewestLoads) return words::two_loads_only(last);
  return words::not_reached(kind, found.lower_bound, curve.top(), last);
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
    found.explanation = words::nothing_to_say();
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
