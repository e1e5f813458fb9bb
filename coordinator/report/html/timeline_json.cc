#include "coordinator/report/html/timeline_json.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <cstdlib>

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

std::string timeline_json(const RunTimeline& timeline) {
  return json::serialize(object_of(timeline));
}

}  // namespace kneepoint::coordinator::html
