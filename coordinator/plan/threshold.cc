#include "coordinator/plan/threshold.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "coordinator/plan/duration.h"

namespace kneepoint::coordinator {
namespace {

using Unit = Threshold::Unit;

constexpr std::array kMetrics = {
    ThresholdMetric{"throughput", Unit::kNumber, true},
    ThresholdMetric{"requests", Unit::kNumber, true},
    ThresholdMetric{"goodput", Unit::kNumber, true},
    ThresholdMetric{"goodput_ratio", Unit::kPercent, true},
    ThresholdMetric{"error_ratio", Unit::kPercent, true},
    ThresholdMetric{"ttft_mean", Unit::kSeconds, true},
    ThresholdMetric{"ttft_p50", Unit::kSeconds, true},
    ThresholdMetric{"ttft_p95", Unit::kSeconds, true},
    ThresholdMetric{"ttft_p99", Unit::kSeconds, true},
    ThresholdMetric{"ttfo_mean", Unit::kSeconds, true},
    ThresholdMetric{"ttfo_p50", Unit::kSeconds, true},
    ThresholdMetric{"ttfo_p95", Unit::kSeconds, true},
    ThresholdMetric{"ttfo_p99", Unit::kSeconds, true},
    ThresholdMetric{"tpot_mean", Unit::kSeconds, true},
    ThresholdMetric{"tpot_p50", Unit::kSeconds, true},
    ThresholdMetric{"tpot_p95", Unit::kSeconds, true},
    ThresholdMetric{"tpot_p99", Unit::kSeconds, true},
    ThresholdMetric{"icl_mean", Unit::kSeconds, true},
    ThresholdMetric{"icl_p50", Unit::kSeconds, true},
    ThresholdMetric{"icl_p95", Unit::kSeconds, true},
    ThresholdMetric{"icl_p99", Unit::kSeconds, true},
    ThresholdMetric{"e2e_mean", Unit::kSeconds, true},
    ThresholdMetric{"e2e_p50", Unit::kSeconds, true},
    ThresholdMetric{"e2e_p95", Unit::kSeconds, true},
    ThresholdMetric{"e2e_p99", Unit::kSeconds, true},
    ThresholdMetric{"n_sat", Unit::kNumber, false},
    ThresholdMetric{"n_slo", Unit::kNumber, false},
    ThresholdMetric{"max_throughput", Unit::kNumber, false},
    ThresholdMetric{"model_load", Unit::kSeconds, false},
    ThresholdMetric{"gpu_memory", Unit::kNumber, false},
};

std::string without_spaces(std::string_view text) {
  std::string kept;
  std::copy_if(text.begin(), text.end(), std::back_inserter(kept), [](char c) { return c != ' '; });
  return kept;
}

std::optional<double> number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// "500ms", "-5%", "+1pt", "1000" into `threshold`. @returns whether it is one of them.
bool read_limit(std::string_view text, Threshold& threshold) {
  if (const auto duration = parse_duration(text)) {
    threshold.unit = Unit::kSeconds;
    threshold.limit = to_seconds(*duration);
    return true;
  }
  threshold.unit = text.ends_with('%')    ? Unit::kPercent
                   : text.ends_with("pt") ? Unit::kPoints
                                          : Unit::kNumber;
  text.remove_suffix(threshold.unit == Unit::kPercent ? 1 : threshold.unit == Unit::kPoints ? 2 : 0);
  const auto value = number(text);
  if (value) threshold.limit = threshold.unit == Unit::kNumber ? *value : *value / 100;
  return value.has_value();
}

/// What the metric's limits are written in.
struct Written {
  Unit unit;
  std::string_view kind, example;
};

Written written(const ThresholdMetric& metric, ThresholdUse use) {
  if (use == ThresholdUse::kComparison) {
    if (metric.unit == Unit::kPercent) return {Unit::kPoints, "a difference in points", "+1pt"};
    return {Unit::kPercent, "a difference in percent", "+10%"};
  }
  if (metric.unit == Unit::kSeconds) return {Unit::kSeconds, "a duration", "500ms"};
  if (metric.unit == Unit::kPercent) return {Unit::kPercent, "a share in percent", "1%"};
  return {Unit::kNumber, "a plain number", "32"};
}

}  // namespace

std::span<const ThresholdMetric> threshold_metrics() {
  return kMetrics;
}

Result<Threshold> parse_threshold(std::string_view text, ThresholdUse use) {
  const Error form{fmt::format(
      "'{}' is no threshold; write METRIC>LIMIT, METRIC<LIMIT or METRIC@LOAD>LIMIT, as in {}", text,
      use == ThresholdUse::kRun ? "ttft_p95@32>500ms, errors>1% or n_slo<32"
                                : "throughput<-5%, ttft_p95@32>+10% or errors>+1pt")};
  const std::string packed = without_spaces(text);
  const std::size_t sign = packed.find_first_of("<>");
  if (sign == packed.npos || sign == 0) return form;
  Threshold threshold{.text = std::string(text), .below = packed[sign] == '<'};
  if (!read_limit(std::string_view(packed).substr(sign + 1), threshold)) return form;
  const std::size_t at = std::min(packed.find('@'), sign);
  threshold.metric = packed.substr(0, at);
  if (threshold.metric == "errors") threshold.metric = "error_ratio";
  if (at < sign) {
    threshold.load = number(std::string_view(packed).substr(at + 1, sign - at - 1));
    if (!threshold.load || *threshold.load <= 0) return form;
  }
  const auto* const metric = std::find_if(kMetrics.begin(), kMetrics.end(), [&](const ThresholdMetric& each) {
    return each.name == threshold.metric;
  });
  if (metric == kMetrics.end()) {
    std::vector<std::string_view> names;
    for (const ThresholdMetric& each : kMetrics) names.push_back(each.name);
    return Error{fmt::format("'{}': there is no metric '{}'; there are {}", text, threshold.metric,
                             fmt::join(names, ", "))};
  }
  if (threshold.load && !metric->of_rows)
    return Error{
        fmt::format("'{}': {} is of the whole run; leave out @{}", text, metric->name, *threshold.load)};
  if (const Written asked = written(*metric, use); asked.unit != threshold.unit) {
    return Error{fmt::format("'{}': the limit of {} is {}; write it as in {}{}{}", text, metric->name,
                             asked.kind, metric->name, packed[sign], asked.example)};
  }
  return threshold;
}

Result<void> check_load(const Threshold& threshold, const std::vector<Scenario>& scenarios) {
  if (!threshold.load) return {};
  std::set<double> loads;
  for (const Scenario& scenario : scenarios) {
    const Ramp& ramp = scenario.ramp;
    // Their rows' loads are found, or worked out, on the way.
    if (ramp.search || ramp.linear) return {};
    loads.insert(ramp.steps.begin(), ramp.steps.end());
    if (!ramp.open) continue;
    for (const ArrivalProcess& step : ramp.open->steps) {
      if (step.kind == ArrivalProcess::Kind::kTrace) return {};
      loads.insert(step.rate);
    }
  }
  if (loads.contains(*threshold.load)) return {};
  return Error{fmt::format("'{}': no step of the plan has a load of {}; there are {}", threshold.text,
                           *threshold.load, fmt::join(loads, ", "))};
}

}  // namespace kneepoint::coordinator
