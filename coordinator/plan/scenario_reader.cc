#include "coordinator/plan/scenario_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "coordinator/plan/open_loop_reader.h"
#include "coordinator/plan/ramp_reader.h"
#include "coordinator/plan/workload_reader.h"
#include "coordinator/plan/yaml_reader.h"

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

std::vector<SloLimit> read_slo(const Node& node, const std::string& scenario, bool streamed) {
  const MappingReader reader(node, fmt::format("slo of {}", scenario),
                             {"ttft", "ttfo", "tpot", "icl", "e2e"});
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

std::vector<std::string> read_target_names(const Node& node, const std::vector<Target>& targets) {
  std::vector<std::string_view> known;
  for (const Target& target : targets) known.push_back(target.name);
  std::vector<std::string> names;
  for (const Node& item : yaml::read_list(node, "'targets'")) {
    const std::string& name = yaml::read_text(item, "a target");
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw PlanError{
          item.at, fmt::format("unknown target '{}'{}", yaml::excerpt(name), yaml::suggestion(name, known))};
    }
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      throw PlanError{item.at, fmt::format("target '{}' is named twice; keep one", name)};
    }
    names.push_back(name);
  }
  return names;
}

/// A conversation's turns are messages, which only chat dialects have.
void check_dialects(const Node& workload, const Scenario& scenario, const std::vector<Target>& targets) {
  if (!scenario.workload.conversation) return;
  for (const Target& target : targets) {
    const auto& chosen = scenario.targets;
    if (!chosen.empty() && std::find(chosen.begin(), chosen.end(), target.name) == chosen.end()) continue;
    if (speaks_chat(target)) continue;
    throw PlanError{workload.find("conversation")->at,
                    fmt::format("'conversation' needs a chat dialect; target '{}' speaks {}", target.name,
                                to_string(target.api))};
  }
}

}  // namespace

Scenario read_scenario(const Node& node, std::size_t number, const std::vector<Target>& targets,
                       DatasetLibrary& library) {
  const Node* const name = node.find("name");
  const bool named = name != nullptr && yaml::is_valid_name(name->text);
  const MappingReader reader(
      node, named ? fmt::format("scenario '{}'", name->text) : fmt::format("scenario {}", number),
      {"name", "workload", "matrix", "ramp", "slo", "targets"});
  Scenario scenario;
  scenario.name = yaml::read_name(reader.require("name"), "a scenario's 'name'");
  scenario.workload = read_workload(reader.require("workload"), reader.what(), library);
  scenario.ramp = read_ramp(reader.require("ramp"), reader.what());
  const auto& use = scenario.workload.dataset;
  fit_open_loop(reader.require("ramp"), use ? library.datasets().at(use->hash).get() : nullptr, scenario);
  if (const Node* const slo = reader.find("slo")) {
    scenario.slo = read_slo(*slo, reader.what(), scenario.workload.stream);
  }
  if (const Node* const names = reader.find("targets")) scenario.targets = read_target_names(*names, targets);
  check_dialects(reader.require("workload"), scenario, targets);
  return scenario;
}

}  // namespace kneepoint::coordinator
