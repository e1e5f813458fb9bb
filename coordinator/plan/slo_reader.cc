#include "coordinator/plan/slo_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using yaml::MappingReader;
using yaml::Node;
using yaml::PlanError;

/// "p95" as 0.95, from p50 to p99.9; the upper half is where limits are set.
std::optional<double> parse_percentile(std::string_view text) {
  if (!text.starts_with('p') || text.size() < 2 || text[1] < '0' || text[1] > '9') return std::nullopt;
  double percent = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + 1, end, percent, std::chars_format::fixed);
  if (stop != end || error != std::errc{} || percent < 50 || percent > 99.9) return std::nullopt;
  return percent / 100;
}

std::vector<SloLimit> read_limits(SloMetric metric, const Node& node) {
  const std::string what = fmt::format("'{}'", to_string(metric));
  if (node.kind != Node::Kind::kMapping || node.members.empty()) {
    throw PlanError{node.at, fmt::format("{} needs percentiles with limits, such as {{p95: 500ms}}", what)};
  }
  std::vector<SloLimit> limits;
  for (const yaml::Member& member : node.members) {
    const auto quantile = parse_percentile(member.key);
    if (!quantile) {
      throw PlanError{member.at, fmt::format("'{}' is no percentile; write p50, p90, p95, p99, up to p99.9",
                                             yaml::excerpt(member.key))};
    }
    if (std::any_of(limits.begin(), limits.end(),
                    [&](const SloLimit& l) { return l.quantile == *quantile; })) {
      throw PlanError{member.at, fmt::format("{} limits this percentile twice; keep one", what)};
    }
    limits.push_back({.metric = metric,
                      .quantile = *quantile,
                      .limit = yaml::read_duration(member.value, fmt::format("'{}'", member.key), 1us, 24h)});
  }
  return limits;
}

}  // namespace

std::vector<SloLimit> read_slo(const Node& node, const std::string& whose, bool streamed) {
  const MappingReader reader(node, fmt::format("slo of {}", whose), {"ttft", "ttfo", "tpot", "icl", "e2e"});
  if (node.members.empty())
    throw PlanError{node.at, "'slo' is empty; write ttft: {p95: 500ms}, or remove it"};
  std::vector<SloLimit> slo;
  for (const yaml::Member& member : node.members) {
    const SloMetric metric = *slo_metric_from_string(member.key);
    if (!streamed && metric != SloMetric::kE2e) {
      throw PlanError{
          member.at, fmt::format("'{}' needs a stream: with stream: false only e2e is measured", member.key)};
    }
    const std::vector<SloLimit> limits = read_limits(metric, member.value);
    slo.insert(slo.end(), limits.begin(), limits.end());
  }
  return slo;
}

}  // namespace kneepoint::coordinator
