#include "coordinator/plan/scenario_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "common/name.h"
#include "coordinator/plan/open_loop_reader.h"
#include "coordinator/plan/ramp_reader.h"
#include "coordinator/plan/slo_reader.h"
#include "coordinator/plan/workload_reader.h"
#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {
namespace {

using yaml::MappingReader;
using yaml::Node;
using yaml::PlanError;

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

/// A conversation's turns are messages, which only chat dialects have. Whole bodies go to APIs whose model
/// and stream are members of theirs.
void check_dialects(const Node& workload, const Scenario& scenario, const std::vector<Target>& targets) {
  const auto& dataset = scenario.workload.dataset;
  const bool messages = dataset && dataset->messages, bodies = dataset && dataset->bodies;
  if (!scenario.workload.conversation && !messages && !bodies) return;
  for (const Target& target : targets) {
    const auto& chosen = scenario.targets;
    if (!chosen.empty() && std::find(chosen.begin(), chosen.end(), target.name) == chosen.end()) continue;
    if (bodies && target.api == Api::kVllmGenerate) {
      throw PlanError{workload.find("dataset")->at,
                      fmt::format("whole bodies need openai-chat, openai-completions or a custom dialect; "
                                  "target '{}' speaks {}",
                                  target.name, to_string(target.api))};
    }
    if (bodies || speaks_chat(target)) continue;
    if (messages) {
      throw PlanError{workload.find("dataset")->find("roles")->at,
                      fmt::format("'roles: all' needs a chat dialect; target '{}' speaks {}", target.name,
                                  to_string(target.api))};
    }
    throw PlanError{workload.find("conversation")->at,
                    fmt::format("'conversation' needs a chat dialect; target '{}' speaks {}", target.name,
                                to_string(target.api))};
  }
}

}  // namespace

Scenario read_scenario(const Node& node, std::size_t number, const std::vector<Target>& targets,
                       DatasetLibrary& library) {
  const Node* const name = node.find("name");
  const bool named = name != nullptr && is_valid_name(name->text);
  const MappingReader reader(
      node, named ? fmt::format("scenario '{}'", name->text) : fmt::format("scenario {}", number),
      {"name", "workload", "matrix", "ramp", "slo", "targets"});
  Scenario scenario;
  scenario.name = yaml::read_name(reader.require("name"), "a scenario's 'name'");
  std::vector<SloLimit> of_classes;
  scenario.workload = read_workload(reader.require("workload"), reader.what(), library, of_classes);
  scenario.ramp = read_ramp(reader.require("ramp"), reader.what());
  const auto& use = scenario.workload.dataset;
  fit_open_loop(reader.require("ramp"), use ? library.datasets().at(use->hash).get() : nullptr, scenario);
  if (const Node* const slo = reader.find("slo")) {
    scenario.slo = read_slo(*slo, reader.what(), scenario.workload.stream);
  }
  scenario.slo.insert(scenario.slo.end(), of_classes.begin(), of_classes.end());
  if (scenario.slo.size() > kMostSloLimits) {
    throw PlanError{node.at, fmt::format("{} has {} SLO limits, its classes' included; {} are the most",
                                         reader.what(), scenario.slo.size(), kMostSloLimits)};
  }
  if (const Node* const names = reader.find("targets")) scenario.targets = read_target_names(*names, targets);
  check_dialects(reader.require("workload"), scenario, targets);
  return scenario;
}

}  // namespace kneepoint::coordinator
