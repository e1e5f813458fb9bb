#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/serve/exposition.h"

namespace kneepoint::coordinator {

/// Every family that the coordinator can export, sorted by name.
std::span<const MetricDefinition> metric_definitions();

/// The names of `metric_definitions()`.
std::vector<std::string> exported_metric_names();

/// Upper bounds in seconds, +Inf left out. About 25 a histogram, chosen where its values lie: dense around
/// the usual limits (TTFT 500 ms, TPOT 50 ms) and with those limits among the bounds, so that a share of
/// requests within one is exact. Percentiles of a step are not read off these: the coordinator exports them
/// as gauges, from its own fine histogram.
namespace buckets {
const std::vector<double>& time_to_first_token();    ///< 5 ms to 2 min: prefill, then the queue.
const std::vector<double>& time_per_output_token();  ///< 1 ms to 2 s.
const std::vector<double>& inter_chunk_latency();    ///< 0.1 ms (chunks sent together) to 10 s (a stall).
const std::vector<double>& request_duration();       ///< 50 ms to the default request timeout, 10 min.
const std::vector<double>& generator_lag();          ///< 1 µs to 1 s: the tool's own lateness.
}  // namespace buckets

}  // namespace kneepoint::coordinator
