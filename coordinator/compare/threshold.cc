#include "coordinator/compare/threshold.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

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

/// Whether a difference whose ratio is past the limit is so itself.
bool surely_past(const Threshold& threshold, const Difference& difference) {
  return difference.bound == RatioBound::kNone ||
         difference.bound == (threshold.below ? RatioBound::kAtMost : RatioBound::kAtLeast);
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
    // One line for all concurrencies of a figure that may not be compared.
    std::map<std::string, std::size_t> refused;
    for (const ComparedRow& row : compared.rows) {
      if (row.metric != threshold.metric) continue;
      for (std::size_t run = 1; run < row.differences.size(); ++run) {
        const std::string against =
            fmt::format("{} against {}", comparison.runs[run].label, comparison.runs.front().label);
        if (row.refused[run]) ++refused[fmt::format("{}: {}", row.title, against)];
        const auto& difference = row.differences[run];
        if (!difference) continue;
        ++result.checked;
        const bool past =
            threshold.below ? difference->ratio < threshold.ratio : difference->ratio > threshold.ratio;
        if (!past) continue;
        const std::string at = row.concurrency ? fmt::format(" at {}", *row.concurrency) : "";
        const std::string line = fmt::format("{}: {}, {}{}: {}: {}", threshold.text, compared.title,
                                             row.title, at, against, difference_text(row, run));
        const bool counts = difference->significant || !only_significant;
        (counts && surely_past(threshold, *difference) ? result.missed : result.undecided).push_back(line);
      }
    }
    for (const auto& [what, figures] : refused) {
      result.refused.push_back(fmt::format("{}: {}, {}: {}", threshold.text, compared.title, what,
                                           figures == 1
                                               ? "the figures may not be compared"
                                               : fmt::format("{} figures may not be compared", figures)));
    }
  }
  return result;
}

}  // namespace kneepoint::coordinator
