#include "coordinator/live/course.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/json_quoted.h"

namespace kneepoint::coordinator {
namespace {

using Value = std::optional<double>;

struct Column {
  TimelineValues RunTimeline::*values;
  Value CourseSecond::*second;
  bool larger;  // of two bins the larger value counts, else their mean
};
constexpr Column kColumns[] = {
    {&RunTimeline::asked, &CourseSecond::asked, true},
    {&RunTimeline::in_flight, &CourseSecond::in_flight, false},
    {&RunTimeline::output_tokens_per_second, &CourseSecond::output_tokens_per_second, false},
    {&RunTimeline::requests_per_second, &CourseSecond::requests_per_second, false},
    {&RunTimeline::failures_per_second, &CourseSecond::failures_per_second, false},
    {&RunTimeline::ttft_p50, &CourseSecond::ttft_p50, true},
    {&RunTimeline::ttft_p95, &CourseSecond::ttft_p95, true},
};

/// `weight` of the one, 1 of the other.
Value joined(const Value& a, double weight, const Value& b, bool larger) {
  if (!a || !b) return a ? a : b;
  return larger ? std::max(*a, *b) : (*a * weight + *b) / (weight + 1);
}

void fold(TimelineValues& values, bool larger) {
  const std::size_t half = (values.size() + 1) / 2;
  for (std::size_t i = 0; i < half; ++i)
    values[i] =
        2 * i + 1 < values.size() ? joined(values[2 * i], 1, values[2 * i + 1], larger) : values[2 * i];
  values.resize(half);
}

std::string json(const Value& value) {
  return value && std::isfinite(*value) ? fmt::format("{:.5g}", *value) : "null";
}

}  // namespace

void Course::fold() {
  for (const Column& column : kColumns) kneepoint::coordinator::fold(run_.*column.values, column.larger);
  for (TimelineSeries& series : run_.telemetry) kneepoint::coordinator::fold(series.values, false);
  run_.bin_seconds *= 2;
}

std::optional<std::size_t> Course::add(std::int64_t second, const CourseSecond& figures) {
  const auto at = static_cast<double>(second);
  if (run_.bins() == 0) run_.begin = at;
  const auto bin_of = [&] { return static_cast<std::size_t>((at - run_.begin) / run_.bin_seconds); };
  const double width = run_.bin_seconds;
  while (bin_of() >= RunTimeline::kMaxBins) fold();
  const std::size_t bin = bin_of();
  const bool fresh = bin >= run_.bins();
  const std::size_t bins = std::max(run_.bins(), bin + 1);
  const double weight = std::exchange(seconds_in_last_, fresh ? 1 : seconds_in_last_ + 1);
  for (const Column& column : kColumns) {
    TimelineValues& values = run_.*column.values;
    values.resize(bins);
    values[bin] = joined(values[bin], weight, figures.*column.second, column.larger);
  }
  for (TimelineSeries& series : run_.telemetry) series.values.resize(bins);
  for (const CourseSecond::Reading& reading : figures.telemetry) {
    auto series = std::find_if(run_.telemetry.begin(), run_.telemetry.end(), [&](const TimelineSeries& s) {
      return s.name == reading.name && s.target == reading.target;
    });
    if (series == run_.telemetry.end()) {
      run_.telemetry.push_back({reading.name, reading.unit, reading.target, TimelineValues(bins)});
      series = run_.telemetry.end() - 1;
    }
    series->values[bin] = joined(series->values[bin], weight, reading.value, false);
  }
  return run_.bin_seconds != width ? std::nullopt : std::optional(bin);
}

void Course::load(const std::string& target, const std::string& scenario, std::int64_t second) {
  auto span = std::find_if(run_.spans.begin(), run_.spans.end(), [&](const TimelineSpan& s) {
    return s.target == target && s.scenario == scenario;
  });
  const auto at = static_cast<double>(second);
  if (span == run_.spans.end()) span = run_.spans.insert(span, {target, scenario, at, at + 1});
  span->end = at + 1;
}

std::string bin_json(const RunTimeline& run, std::size_t at) {
  std::string values, telemetry;
  for (const Column& column : kColumns) {
    values += (values.empty() ? "" : ",") + json((run.*column.values)[at]);
  }
  for (const TimelineSeries& series : run.telemetry) {
    telemetry += fmt::format(R"({}{{"name":{},"unit":{},"target":{},"value":{}}})",
                             telemetry.empty() ? "" : ",", json_quoted(series.name), json_quoted(series.unit),
                             json_quoted(series.target), json(series.values[at]));
  }
  return fmt::format(R"({{"at":{},"begin":{},"bin_seconds":{},"values":[{}],"telemetry":[{}]}})", at,
                     run.begin, run.bin_seconds, values, telemetry);
}

}  // namespace kneepoint::coordinator
