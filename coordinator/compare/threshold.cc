#include "coordinator/compare/threshold.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace kneepoint::coordinator {
namespace {

std::string without_spaces(std::string_view text) {
  std::string kept;
  std::copy_if(text.begin(), text.end(), std::back_inserter(kept), [](char c) { return c != ' '; });
  return kept;
}

/// "-5%" to -0.05
std::optional<double> ratio_of(std::string_view percent) {
  if (!percent.ends_with('%')) return std::nullopt;
  percent.remove_suffix(1);
  if (percent.starts_with('+')) percent.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(percent.data(), percent.data() + percent.size(), value);
  if (error != std::errc() || end != percent.data() + percent.size() || !std::isfinite(value))
    return std::nullopt;
  return value / 100;
}

}  // namespace

Result<Threshold> parse_threshold(std::string_view text) {
  const std::string packed = without_spaces(text);
  const std::size_t at = packed.find_first_of("<>");
  const auto ratio = at == packed.npos ? std::nullopt : ratio_of(std::string_view(packed).substr(at + 1));
  if (!ratio) {
    return Error{
        fmt::format("'{}' is no threshold; write METRIC<PERCENT% or METRIC>PERCENT%, as in "
                    "throughput<-5% or ttft_p95>+10%",
                    text)};
  }
  Threshold threshold{
      .text = std::string(text), .metric = packed.substr(0, at), .below = packed[at] == '<', .ratio = *ratio};
  const auto names = metric_names();
  if (std::find(names.begin(), names.end(), threshold.metric) == names.end()) {
    return Error{fmt::format("'{}': there is no metric '{}'; there are {}", text, threshold.metric,
                             fmt::join(names, ", "))};
  }
  return threshold;
}

ThresholdResult check(const Threshold& threshold, const Comparison& comparison, bool only_significant) {
  ThresholdResult result;
  for (const ComparedResult& compared : comparison.results) {
    for (const ComparedRow& row : compared.rows) {
      if (row.metric != threshold.metric) continue;
      for (std::size_t run = 1; run < row.differences.size(); ++run) {
        const auto& difference = row.differences[run];
        if (!difference) continue;
        ++result.checked;
        const bool past =
            threshold.below ? difference->ratio < threshold.ratio : difference->ratio > threshold.ratio;
        if (!past) continue;
        const std::string at = row.concurrency ? fmt::format(" at {}", *row.concurrency) : "";
        const std::string line =
            fmt::format("{}: {}, {}{}: {} against {}: {}", threshold.text, compared.title, row.title, at,
                        comparison.runs[run].label, comparison.runs.front().label, difference_text(row, run));
        (difference->significant || !only_significant ? result.missed : result.undecided).push_back(line);
      }
    }
  }
  return result;
}

}  // namespace kneepoint::coordinator
