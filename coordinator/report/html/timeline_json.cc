#include "coordinator/report/html/timeline_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "common/json_quoted.h"

namespace kneepoint::coordinator::html {
namespace {

std::string column(const TimelineValues& values) {
  std::string out = "[";
  for (const std::optional<double>& value : values) {
    if (out.size() > 1) out += ',';
    // A chart shows no more than five digits, and the file stays small.
    out += value && std::isfinite(*value) ? fmt::format("{:.5g}", *value) : "null";
  }
  return out + ']';
}

std::string telemetry(const RunTimeline& run) {
  std::string out;
  for (const TimelineSeries& series : run.telemetry) {
    out += fmt::format(R"({}{{"name":{},"unit":{},"target":{},"values":{}}})", out.empty() ? "" : ",",
                       json_quoted(series.name), json_quoted(series.unit), json_quoted(series.target),
                       column(series.values));
  }
  return '[' + out + ']';
}

/// A column is its first row and the shares from there on: "[12,3,140,857]"; [] where nothing was measured.
std::string heat(const LatencyHeat& latency) {
  std::string out;
  for (const LatencyHeat::Column& column : latency.columns) {
    out += out.empty() ? "[" : ",[";
    if (!column.shares.empty()) out += fmt::format("{},{}", column.first, fmt::join(column.shares, ","));
    out += ']';
  }
  return '[' + out + ']';
}

/// A request is [sent, TTFT, 1 where it was drawn by lot, the end of its X-Request-Id].
std::string requests(const TimelineSpan& span) {
  std::string out = "[";
  for (const TimelineRequest& request : span.requests) {
    if (out.size() > 1) out += ',';
    out += fmt::format(R"([{:.2f},{:.4g},{},{}])", request.sent, request.ttft, request.drawn ? 1 : 0,
                       json_quoted(request.id));
  }
  return out + ']';
}

std::string spans(const RunTimeline& run) {
  std::string out;
  for (const TimelineSpan& span : run.spans) {
    out += fmt::format(
        R"({}{{"target":{},"scenario":{},"begin":{},"end":{},"gpus":{},"column_seconds":{},"ttft":{},"icl":{},"requests":{}}})",
        out.empty() ? "" : ",", json_quoted(span.target), json_quoted(span.scenario), span.begin, span.end,
        span.gpus ? fmt::format("{}", *span.gpus) : "null", span.column_seconds, heat(span.ttft),
        heat(span.icl), requests(span));
  }
  return '[' + out + ']';
}

}  // namespace

std::string timeline_json(const RunTimeline& run) {
  return fmt::format(
      R"({{"begin":{},"bin_seconds":{},"asked":{},"in_flight":{},"output_tokens_per_second":{},)"
      R"("requests_per_second":{},"failures_per_second":{},"ttft_p50":{},"ttft_p95":{},"telemetry":{},"spans":{}}})",
      run.begin, run.bin_seconds, column(run.asked), column(run.in_flight),
      column(run.output_tokens_per_second), column(run.requests_per_second), column(run.failures_per_second),
      column(run.ttft_p50), column(run.ttft_p95), telemetry(run), spans(run));
}

}  // namespace kneepoint::coordinator::html
