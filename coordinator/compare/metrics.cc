#include "coordinator/compare/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "coordinator/measure/batch_means.h"
#include "coordinator/measure/repeat.h"
#include "coordinator/measure/statistics.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator {
namespace {

/// A percentile is known to its histogram's bucket only, a 128th of an octave's lower end at the widest: the
/// standard deviation of a place in it. Batches that all fall into one bucket show none of it.
constexpr double kBucketError = 1.0 / 128 / 3.4641016151377544;  // √12

/// One request at a time, and so many of them: each stands alone.
bool alone(const Step& step) {
  return step.concurrency == 1 && !step.output_tokens_per_second.ci95 && !step.has_flag("SHORT_WINDOW");
}

/// Of the batches' spread. A report that does not say how many there were has at least five.
double degrees_of(const Step& step) {
  const Batches batches{.count = static_cast<int>(step.batches.value_or(5)),
                        .moving = step.has_flag("MOVING")};
  return batches.degrees_of_freedom();
}

ComparedFigure rate(const Step& step, const Estimate& estimate) {
  ComparedFigure figure{.text = format_estimate(estimate)};
  if (estimate.value && *estimate.value > 0) {
    figure.sample = Sample{
        .value = *estimate.value, .standard_error = estimate.standard_error, .degrees = degrees_of(step)};
  }
  return figure;
}

ComparedFigure quantile(const Step& step, const LatencySummary& latency, const std::optional<double>& value,
                        const std::optional<Interval>& ci95) {
  ComparedFigure figure{.text = format_percentile(value, latency.count)};
  if (!value || *value <= 0) return figure;
  figure.sample = Sample{.value = *value};
  if (ci95) {
    const double half = ci95->high - *value;  // the lower side may have been cut off at 0
    figure.text += fmt::format(" ± {}", format_time(half));
    figure.sample->degrees = degrees_of(step);
    figure.sample->standard_error =
        std::hypot(half / student_t(0.975, figure.sample->degrees), kBucketError * *value);
  }
  return figure;
}

/// Of all that ended. What it surely lies in are the exact bounds of the count.
ComparedFigure share(const Step& step, const std::optional<double>& ratio) {
  const auto ended = static_cast<double>(step.requests.completed + step.requests.failed);
  if (!ratio || ended == 0) return {.text = "–"};
  const double hits = std::round(*ratio * ended);
  return {.text = fmt::format("{:.3g} %", *ratio * 100),
          .sample = Sample{
              .value = *ratio,
              .range = Interval{proportion_lower(hits, ended, 0.975), proportion_upper(hits, ended, 0.975)},
              .share = true}};
}

void add_latency(std::vector<StepMetric>& metrics, const std::string& name, const std::string& title,
                 LatencySummary Step::*latency, bool counts_tokens, bool only_with_reasoning = false) {
  const auto add = [&](const std::string& quantile_name, std::function<ComparedFigure(const Step&)> figure) {
    metrics.push_back({.name = name + "_" + quantile_name,
                       .title = title + " " + quantile_name,
                       .counts_tokens = counts_tokens,
                       .only_with_reasoning = only_with_reasoning,
                       .figure = std::move(figure)});
  };
  // Elsewhere a mean has no interval, and the median says as much.
  add("mean", [latency](const Step& s) {
    return alone(s) ? mean_figure(s, s.*latency) : ComparedFigure{.text = "–"};
  });
  add("p50",
      [latency](const Step& s) { return quantile(s, s.*latency, (s.*latency).p50, (s.*latency).p50_ci95); });
  add("p95",
      [latency](const Step& s) { return quantile(s, s.*latency, (s.*latency).p95, (s.*latency).p95_ci95); });
  add("p99", [latency](const Step& s) { return quantile(s, s.*latency, (s.*latency).p99, std::nullopt); });
}

/// Known without an error.
ComparedFigure plain_figure(const std::optional<double>& value, std::string (*format)(double)) {
  if (!value) return {.text = "–"};
  ComparedFigure figure{.text = format(*value)};
  figure.sample = Sample{.value = *value};
  return figure;
}

std::vector<StepMetric> make_step_metrics() {
  std::vector<StepMetric> metrics;
  metrics.push_back({.name = "throughput",
                     .title = "output tok/s",
                     .higher_is_better = true,
                     .counts_tokens = true,
                     .figure = [](const Step& s) { return rate(s, s.output_tokens_per_second); }});
  metrics.push_back(
      {.name = "requests", .title = "req/s", .higher_is_better = true, .figure = [](const Step& s) {
         return rate(s, s.requests_per_second);
       }});
  metrics.push_back(
      {.name = "goodput", .title = "good req/s", .higher_is_better = true, .figure = [](const Step& s) {
         return plain_figure(s.goodput_requests_per_second, format_figure);
       }});
  metrics.push_back({.name = "goodput_ratio",
                     .title = "good requests",
                     .higher_is_better = true,
                     .figure = [](const Step& s) { return share(s, s.goodput_ratio); }});
  metrics.push_back({.name = "error_ratio", .title = "errors", .figure = [](const Step& s) {
                       return share(s, s.error_ratio);
                     }});
  add_latency(metrics, "ttft", "TTFT", &Step::ttft_seconds, false);
  add_latency(metrics, "ttfo", "TTFO", &Step::ttfo_seconds, false, true);
  add_latency(metrics, "tpot", "TPOT", &Step::tpot_seconds, true);
  add_latency(metrics, "icl", "ICL", &Step::icl_seconds, false);
  add_latency(metrics, "e2e", "E2E", &Step::e2e_seconds, false);
  return metrics;
}

ComparedFigure saturation_figure(const ScenarioResult& result) {
  const Saturation& saturation = result.saturation;
  if (saturation.concurrency) {
    ComparedFigure figure{.text = format_with_interval(*saturation.concurrency, saturation.ci95)};
    figure.sample = Sample{.value = *saturation.concurrency, .range = saturation.ci95};
    return figure;
  }
  if (saturation.ci95) {
    ComparedFigure figure{.text = fmt::format("{} to {}", format_figure(saturation.ci95->low),
                                              format_figure(saturation.ci95->high))};
    figure.sample = Sample{.value = *saturation.middle(), .range = saturation.ci95};
    return figure;
  }
  if (!saturation.lower_bound || *saturation.lower_bound <= 0) return {.text = "–"};
  ComparedFigure figure{.text = "> " + format_figure(*saturation.lower_bound)};
  figure.sample =
      Sample{.value = *saturation.lower_bound, .range = Interval{*saturation.lower_bound, kUnbounded}};
  return figure;
}

ComparedFigure peak_figure(const ScenarioResult& result) {
  const Step* peak = nullptr;
  for (const Step& step : result.steps) {
    if (!stands(step) || !step.output_tokens_per_second.value) continue;
    if (!peak || *step.output_tokens_per_second.value > *peak->output_tokens_per_second.value) peak = &step;
  }
  if (!peak) return {.text = "–"};
  ComparedFigure figure = rate(*peak, peak->output_tokens_per_second);
  figure.text += fmt::format(" at {}", load_label(*peak));
  return figure;
}

}  // namespace

ComparedFigure mean_figure(const Step& step, const LatencySummary& latency) {
  ComparedFigure figure{.text = format_mean_sd(latency)};
  if (!latency.mean || *latency.mean <= 0) return figure;
  figure.sample = Sample{.value = *latency.mean};
  if (alone(step) && latency.stddev && latency.count > 1) {
    figure.sample->standard_error = *latency.stddev / std::sqrt(static_cast<double>(latency.count));
    figure.sample->degrees = static_cast<double>(latency.count - 1);
  }
  return figure;
}

const std::vector<StepMetric>& step_metrics() {
  static const std::vector<StepMetric> metrics = make_step_metrics();
  return metrics;
}

const std::vector<ResultMetric>& result_metrics() {
  static const std::vector<ResultMetric> metrics = {
      {.name = "n_sat", .title = "N_sat", .figure = saturation_figure},
      {.name = "max_throughput", .title = "most tok/s", .counts_tokens = true, .figure = peak_figure},
      {.name = "model_load",
       .title = "model load",
       .higher_is_better = false,
       .needs_trust = false,
       .figure =
           [](const auto& r) {
             return plain_figure(r.load_seconds, [](double s) { return format_time(s); });
           }},
      {.name = "gpu_memory",
       .title = "peak GPU memory",
       .higher_is_better = false,
       .needs_trust = false,
       .figure = [](const auto& r) {
         return plain_figure(r.peak_gpu_memory_bytes(), [](double b) { return format_bytes(b); });
       }}};
  return metrics;
}

ComparedFigure slo_figure(const SloCriterion& criterion, const ScenarioResult& result) {
  if (criterion.state == "FAIL" && !result.steps.empty()) {
    const auto lowest = std::min_element(result.steps.begin(), result.steps.end(),
                                         [](const Step& a, const Step& b) { return a.load() < b.load(); });
    const double failed = lowest->load();
    return {.text = "< " + format_figure(failed), .sample = Sample{.value = 0, .range = Interval{0, failed}}};
  }
  ComparedFigure figure{.text = "–"};
  if (!criterion.concurrency) {
    // It fails there, and below too few requests were made to tell.
    if (criterion.ci95) figure.text = "< " + format_figure(criterion.ci95->high);
    return figure;
  }
  figure.sample = Sample{.value = *criterion.concurrency};
  figure.text = format_figure(*criterion.concurrency);
  if (criterion.state == "BRACKETED" && criterion.ci95) {
    figure.text =
        fmt::format("{} to {}", format_figure(criterion.ci95->low), format_figure(criterion.ci95->high));
    figure.sample->range = criterion.ci95;
  } else if (criterion.state == "PASS") {
    figure.text = "≥ " + figure.text;
    figure.sample->range = Interval{*criterion.concurrency, kUnbounded};
  }
  return figure;
}

}  // namespace kneepoint::coordinator
