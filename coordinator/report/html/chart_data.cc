#include "coordinator/report/html/chart_data.h"

#include <boost/json.hpp>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

namespace kneepoint::coordinator::html {
namespace {

namespace json = boost::json;

json::value value_of(const std::optional<double>& value) {
  if (!value || !std::isfinite(*value)) return nullptr;
  // Whole numbers are written as such: Boost.JSON writes doubles with an exponent.
  constexpr double kExact = 9e15;
  if (*value == std::floor(*value) && std::abs(*value) < kExact) return static_cast<std::int64_t>(*value);
  return *value;
}

json::value value_of(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return json::array{value_of(interval->low), value_of(interval->high)};
}

json::object object_of(const Estimate& estimate) {
  return {{"value", value_of(estimate.value)}, {"ci95", value_of(estimate.ci95)}};
}

json::object object_of(const LatencySummary& latency) {
  return {
      {"count", latency.count},       {"mean", value_of(latency.mean)}, {"stddev", value_of(latency.stddev)},
      {"p50", value_of(latency.p50)}, {"p90", value_of(latency.p90)},   {"p95", value_of(latency.p95)},
      {"p99", value_of(latency.p99)}, {"min", value_of(latency.min)},   {"max", value_of(latency.max)}};
}

json::object object_of(const GeneratorSummary& g) {
  return {{"cpu_us_per_token", value_of(g.cpu_us_per_token)},
          {"cpu_seconds", value_of(g.cpu_seconds)},
          {"rx_lag_p99_seconds", value_of(g.rx_lag_p99_seconds)},
          {"loop_gap_p99_seconds", value_of(g.loop_gap_p99_seconds)},
          {"send_lag_p99_seconds", value_of(g.send_lag_p99_seconds)},
          {"multi_event_read_ratio", value_of(g.multi_event_read_ratio)},
          {"client_coalesced_ratio", value_of(g.client_coalesced_ratio)},
          {"unstamped_read_ratio", value_of(g.unstamped_read_ratio)},
          {"busiest_thread_ratio", value_of(g.busiest_thread_ratio)}};
}

json::object object_of(const RequestCounts& requests) {
  json::object by_outcome;
  for (const Outcome outcome : kOutcomes) {
    by_outcome[to_string(outcome)] = requests.by_outcome[static_cast<std::size_t>(outcome)];
  }
  return {{"started", requests.started},
          {"completed", requests.completed},
          {"failed", requests.failed},
          {"by_outcome", std::move(by_outcome)}};
}

json::array array_of(const std::vector<Share>& shares) {
  json::array array;
  for (const Share& share : shares) {
    array.push_back(json::object{{"name", share.name},
                                 {"requests", object_of(share.requests)},
                                 {"requests_per_second", value_of(share.requests_per_second)},
                                 {"output_tokens_per_second", value_of(share.output_tokens_per_second)},
                                 {"ttft_seconds", object_of(share.ttft_seconds)},
                                 {"tpot_seconds", object_of(share.tpot_seconds)},
                                 {"e2e_seconds", object_of(share.e2e_seconds)}});
  }
  return array;
}

json::object object_of(const Step& step) {
  return {
      {"concurrency", step.concurrency},
      {"achieved_concurrency", value_of(step.achieved_concurrency)},
      {"attempt", step.attempt},
      {"valid", step.valid},
      {"state", step.state},
      {"flags", json::array(step.flags.begin(), step.flags.end())},
      {"note", step.note},
      {"window_begin_seconds", value_of(step.window_begin_seconds)},
      {"duration_seconds", value_of(step.duration_seconds)},
      {"requests", object_of(step.requests)},
      {"requests_per_second", object_of(step.requests_per_second)},
      {"output_tokens_per_second", object_of(step.output_tokens_per_second)},
      {"goodput_ratio", value_of(step.goodput_ratio)},
      {"error_ratio", value_of(step.error_ratio)},
      {"backing_off", value_of(step.backing_off)},
      {"reconnects", step.reconnects},
      {"early_stops", step.early_stops},
      {"ttft_seconds", object_of(step.ttft_seconds)},
      {"ttfo_seconds", object_of(step.ttfo_seconds)},
      {"tpot_seconds", object_of(step.tpot_seconds)},
      {"icl_seconds", object_of(step.icl_seconds)},
      {"e2e_seconds", object_of(step.e2e_seconds)},
      {"connect_seconds", object_of(step.connect_seconds)},
      {"ttft_p95_ci95", value_of(step.ttft_p95_ci95)},
      {"token_source", step.token_source ? json::value(to_string(*step.token_source)) : json::value(nullptr)},
      {"generator", object_of(step.generator)},
      {"replicas", array_of(step.replicas)}};
}

json::object object_of(const SloCriterion& criterion) {
  return {{"name", criterion.name},
          {"limit", value_of(criterion.limit)},
          {"concurrency", value_of(criterion.concurrency)},
          {"ci95", value_of(criterion.ci95)},
          {"state", criterion.state}};
}

json::object object_of(const ScenarioResult& result) {
  json::array steps, criteria;
  for (const Step& step : result.steps) steps.push_back(object_of(step));
  for (const SloCriterion& criterion : result.slo.criteria) criteria.push_back(object_of(criterion));
  const Saturation& saturation = result.saturation;
  json::object slo{{"criteria", std::move(criteria)}, {"joint", nullptr}};
  if (result.slo.joint) slo["joint"] = object_of(*result.slo.joint);
  return {{"target", result.target},
          {"scenario", result.scenario},
          {"steps", std::move(steps)},
          {"saturation", json::object{{"concurrency", value_of(saturation.concurrency)},
                                      {"ci95", value_of(saturation.ci95)},
                                      {"lower_bound", value_of(saturation.lower_bound)}}},
          {"slo", std::move(slo)}};
}

/// Five significant digits: a chart shows no more, and the file stays small.
json::array column(const TimelineValues& values) {
  json::array array;
  array.reserve(values.size());
  for (const std::optional<double>& value : values) {
    array.push_back(value ? value_of(std::strtod(fmt::format("{:.5g}", *value).c_str(), nullptr)) : nullptr);
  }
  return array;
}

json::object object_of(const RunTimeline& run) {
  json::array telemetry, spans;
  for (const TimelineSeries& series : run.telemetry) {
    telemetry.push_back(
        json::object{{"name", series.name}, {"unit", series.unit}, {"values", column(series.values)}});
  }
  for (const TimelineSpan& span : run.spans) {
    spans.push_back(json::object{{"target", span.target},
                                 {"scenario", span.scenario},
                                 {"begin", value_of(span.begin)},
                                 {"end", value_of(span.end)}});
  }
  return {{"begin", value_of(run.begin)},
          {"bin_seconds", value_of(run.bin_seconds)},
          {"asked", column(run.asked)},
          {"in_flight", column(run.in_flight)},
          {"output_tokens_per_second", column(run.output_tokens_per_second)},
          {"requests_per_second", column(run.requests_per_second)},
          {"failures_per_second", column(run.failures_per_second)},
          {"ttft_p50", column(run.ttft_p50)},
          {"ttft_p95", column(run.ttft_p95)},
          {"telemetry", std::move(telemetry)},
          {"spans", std::move(spans)}};
}

}  // namespace

std::string chart_data(const Report& report, const RunTimeline& timeline) {
  json::array results;
  for (const ScenarioResult& result : report.results) results.push_back(object_of(result));
  return json::serialize(json::object{{"results", std::move(results)}, {"timeline", object_of(timeline)}});
}

}  // namespace kneepoint::coordinator::html
