#include "coordinator/plan/plan_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "common/name.h"
#include "coordinator/datasets/library.h"
#include "coordinator/plan/alternate.h"
#include "coordinator/plan/bystander_reader.h"
#include "coordinator/plan/matrix_reader.h"
#include "coordinator/plan/ramp_reader.h"
#include "coordinator/plan/scenario_reader.h"
#include "coordinator/plan/target_reader.h"
#include "coordinator/plan/telemetry_reader.h"
#include "coordinator/plan/threshold.h"
#include "coordinator/plan/yaml_reader.h"
#include "coordinator/telemetry/signal.h"

namespace kneepoint::coordinator {
namespace {

using yaml::MappingReader;
using yaml::Node;
using yaml::PlanError;

constexpr std::size_t kMostTargets = 64, kMostThresholds = 64;
constexpr std::size_t kReadLimit =
    (1 << 20) + 1;  // One byte more than a plan may have, so that the parser says so.

template <class Item>
void refuse_repeated_name(const std::vector<Item>& items, const Item& next, const Node& node,
                          std::string_view kind) {
  for (const Item& item : items) {
    if (item.name != next.name) continue;
    throw PlanError{
        node.find("name")->at,
        fmt::format("{} name '{}' is taken; each {} needs a name of its own", kind, next.name, kind)};
  }
}

/// Steps over all cells, checked scenario by scenario so that the complaint points to the one that is too
/// much.
void check_total_steps(const Plan& plan, const Node& scenario) {
  std::size_t total = 0;
  for (const Scenario& each : plan.scenarios) {
    const std::size_t targets = each.targets.empty() ? plan.targets.size() : each.targets.size();
    total += each.ramp.step_count() * targets;
  }
  if (total <= kMostSteps) return;
  throw PlanError{
      scenario.find("ramp")->at,
      fmt::format("with scenario '{}' the plan has more than {} steps, counted for every target; use {}",
                  plan.scenarios.back().name, kMostSteps,
                  plan.scenarios.back().ramp.linear ? "a longer hold" : "fewer steps or a larger factor")};
}

/// Every item of `scenarios`, one scenario for each point of its matrix.
void read_scenarios(const Node& scenarios, Plan& plan, DatasetLibrary& library) {
  std::size_t number = 0;
  for (const Node& item : yaml::read_list(scenarios, "'scenarios'")) {
    ++number;
    for (const MatrixPoint& point : matrix_points(item)) {
      Scenario scenario = read_scenario(point.scenario, number, plan.targets, library);
      scenario.name += point.suffix;
      refuse_repeated_name(plan.scenarios, scenario, item, "scenario");
      plan.scenarios.push_back(std::move(scenario));
      check_total_steps(plan, item);
    }
  }
}

/// A limit on what nobody will tell would stop nothing.
void check_bystander_limits(const Plan& plan, const Node& guard_rails) {
  const auto name = to_string(Signal::kBystanderTtft);
  if (plan.bystander || std::none_of(plan.guard_rails.begin(), plan.guard_rails.end(),
                                     [&](const GuardLimit& limit) { return limit.metric == name; }))
    return;
  throw PlanError{guard_rails.at,
                  fmt::format("a guard rail on '{}' needs a bystander; add bystander: {{every: 2s}}", name)};
}

std::vector<Threshold> read_thresholds(const Node& node) {
  std::vector<Threshold> thresholds;
  for (const Node& item : yaml::read_list(node, "'thresholds'")) {
    if (thresholds.size() == kMostThresholds)
      throw PlanError{item.at,
                      fmt::format("more than {} thresholds; keep those that decide", kMostThresholds)};
    auto threshold = parse_threshold(yaml::read_text(item, "a threshold"), ThresholdUse::kRun);
    if (!threshold) throw PlanError{item.at, threshold.error().message};
    thresholds.push_back(*std::move(threshold));
  }
  return thresholds;
}

Plan read_plan(const Node& root, const std::string& file) {
  if (root.kind == Node::Kind::kNull) {
    throw PlanError{{}, "the plan is empty; it needs kneepoint: 1, targets and scenarios"};
  }
  const MappingReader reader(root, "the plan",
                             {"kneepoint", "name", "seed", "records", "on_agent_lost", "alternate",
                              "guard_rails", "bystander", "thresholds", "targets", "scenarios"});
  if (root.find("kneepoint") == nullptr) {
    throw PlanError{root.at,
                    "the plan has no 'kneepoint: 1', the version of its format; make that the first line"};
  }
  const Node& version = reader.require("kneepoint");
  if (version.text != "1") {
    throw PlanError{version.at, "'kneepoint' is the version of the plan's format and must be 1"};
  }
  Plan plan;
  const Node* const name = reader.find("name");
  plan.name = name ? yaml::read_name(*name, "the plan's 'name'")
                   : made_name(std::filesystem::path(file).stem().string());
  if (const Node* const seed = reader.find("seed")) {
    plan.seed = yaml::read_integer(*seed, "'seed'", 0, std::numeric_limits<std::int64_t>::max());
  }
  if (const Node* const records = reader.find("records")) {
    plan.records = yaml::read_bool(*records, "'records'");
  }
  if (const Node* const lost = reader.find("on_agent_lost"))
    plan.stop_when_agent_lost = yaml::read_choice(*lost, "on_agent_lost", {"rerun", "stop"}) == "stop";
  if (const Node* const beside = reader.find("bystander")) plan.bystander = read_bystander(*beside);
  if (const Node* const limits = reader.find("guard_rails")) {
    plan.guard_rails = read_guard_rails(*limits);
    check_bystander_limits(plan, *limits);
  }
  if (const Node* const limits = reader.find("thresholds")) plan.thresholds = read_thresholds(*limits);
  const Node& targets = reader.require("targets");
  for (const Node& item : yaml::read_list(targets, "'targets'")) {
    if (plan.targets.size() == kMostTargets) {
      throw PlanError{item.at, fmt::format("more than {} targets; split the plan", kMostTargets)};
    }
    Target target = read_target(item, plan.targets.size() + 1, std::filesystem::path(file).parent_path());
    refuse_repeated_name(plan.targets, target, item, "target");
    plan.targets.push_back(std::move(target));
  }
  DatasetLibrary library(std::filesystem::path(file).parent_path());
  read_scenarios(reader.require("scenarios"), plan, library);
  for (std::size_t i = 0; i < plan.thresholds.size(); ++i) {
    if (const auto measured = check_load(plan.thresholds[i], plan.scenarios); !measured)
      throw PlanError{reader.find("thresholds")->items[i].at, measured.error().message};
  }
  if (const Node* const turns = reader.find("alternate")) {
    plan.alternate = yaml::read_bool(*turns, "'alternate'");
    if (const auto possible = can_take_turns(plan); plan.alternate && !possible)
      throw PlanError{turns->at, fmt::format("'alternate': {}", possible.error().message)};
  }
  plan.datasets = library.datasets();
  plan.dataset_files = library.files();
  return plan;
}

/// Every `--set` must have met its variable: a misspelt one would otherwise send the load to the default
/// host.
void check_flags_used(const Variables& variables, const Substitution& substitution) {
  std::vector<std::string_view> known;
  for (const auto& [name, value] : substitution.used()) known.push_back(name);
  for (const auto& [name, value] : variables.set) {
    if (substitution.used().contains(name)) continue;
    throw PlanError{{},
                    fmt::format("--set {}: the plan has no variable '{}'{}", name, name,
                                known.empty() ? "; it has none at all" : yaml::suggestion(name, known))};
  }
}

/// The plan as text that loads without variables: the file with their values in place where that reads back
/// as the same tree, else (a value needs quotes, say) the file as it is, below a comment that lists them.
std::string source_with_values(const std::string& text, const Substitution& substitution, const Node& tree) {
  if (substitution.used().empty()) return text;
  std::string replaced = substitution.apply_to_source(text);
  const Variables none{.set = {}, .environment = nullptr};
  try {
    Node again = yaml::parse(replaced);
    Substitution(none).apply(again);
    if (yaml::same_content(again, tree)) return replaced;
  } catch (const PlanError&) {
    // The values do not fit into the text.
  }
  std::string head;
  for (const auto& [name, value] : substitution.used()) head += fmt::format("# --set {}={}\n", name, value);
  return head + text;
}

Result<void> check_readable(const std::string& path, const std::string& what, bool is_secret) {
  std::error_code ignored;
  std::ifstream in(path, std::ios::binary);
  if (!in || std::filesystem::is_directory(path, ignored)) {
    return Error{fmt::format("{}: file '{}' cannot be read; check the path and its permissions", what, path)};
  }
  if (is_secret && in.peek() == std::ifstream::traits_type::eof()) {
    return Error{fmt::format("{}: file '{}' is empty; write the token into it", what, path)};
  }
  return {};
}

}  // namespace

Result<Plan> parse_plan(const std::string& text, const std::string& file, const Variables& variables) {
  try {
    Node tree = yaml::parse(text);
    Substitution substitution(variables);
    substitution.apply(tree);
    check_flags_used(variables, substitution);
    Plan plan = read_plan(tree, file);
    plan.source_text = source_with_values(text, substitution, tree);
    return plan;
  } catch (const PlanError& e) {
    return Error{fmt::format("{}:{}:{}: {}", file, e.at.line, e.at.column, e.what)};
  }
}

Result<Plan> load_plan(const std::string& path, const Variables& variables) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return Error{fmt::format("{}: is a folder; name the plan file in it", path)};
  }
  if (path.find("://") != path.npos)
    return Error{
        fmt::format("{0}: is a URL, not a plan; to look at the host: kneepoint quick {0}; to write a plan: "
                    "kneepoint init {0}",
                    path)};
  errno = 0;
  const bool piped = path == "-";
  std::ifstream in(piped ? "/dev/stdin" : path, std::ios::binary);
  std::string text(kReadLimit, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) {
    return Error{fmt::format("{}: cannot be read: {}", path, std::strerror(errno != 0 ? errno : EIO))};
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  return parse_plan(text, piped ? "stdin" : path, variables);
}

Result<void> check_secrets(const Plan& plan) {
  for (const Target& target : plan.targets) {
    const std::string what = fmt::format("target '{}'", target.name);
    if (target.auth.source == SecretRef::Source::kEnvironment) {
      const char* const value = std::getenv(target.auth.name.c_str());
      if (value == nullptr || *value == '\0') {
        return Error{fmt::format("{}: environment variable {} is {}; export the token in it", what,
                                 target.auth.name, value == nullptr ? "not set" : "empty")};
      }
    }
    if (target.auth.source == SecretRef::Source::kFile) {
      if (auto readable = check_readable(target.auth.name, what + " auth", true); !readable) return readable;
    }
    for (const std::string& path : {target.tls.ca_file, target.tls.client_cert, target.tls.client_key}) {
      if (path.empty()) continue;
      if (auto readable = check_readable(path, what + " tls", false); !readable) return readable;
    }
  }
  return {};
}

}  // namespace kneepoint::coordinator
