#include "coordinator/plan/alternate.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>

namespace kneepoint::coordinator {
namespace {

Result<void> check_steps(const Scenario& scenario) {
  const Ramp& ramp = scenario.ramp;
  if (!ramp.search && !ramp.soak && !ramp.linear && ramp.proof.empty() && !ramp.descend) return {};
  return Error{fmt::format(
      "scenario '{}' has no fixed steps alone; targets take turns step by step, so write its ramp as "
      "ramp: {{steps: [1, 8, 32], hold: 30s}}",
      scenario.name)};
}

Result<void> check_alike(const Scenario& scenario, const Plan& other) {
  const auto same = std::find_if(other.scenarios.begin(), other.scenarios.end(),
                                 [&](const Scenario& each) { return each.name == scenario.name; });
  if (same == other.scenarios.end())
    return Error{
        fmt::format("--alternate: its plan has no scenario '{}'; both must ask the same", scenario.name)};
  if (same->workload != scenario.workload)
    return Error{
        fmt::format("--alternate: its plan asks something else in scenario '{}'; both must have the "
                    "same workload, and differ in their target",
                    scenario.name)};
  return {};
}

/// The second plan's text, for whoever wants to know what was run.
std::string as_comment(const std::string& text) {
  std::string out = "\n# The target that took turns with it is that of this plan:\n";
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) out += fmt::format("#   {}\n", line);
  return out;
}

}  // namespace

Result<void> can_take_turns(const Plan& plan) {
  if (plan.targets.size() != 2)
    return Error{fmt::format("two targets take turns, and the plan has {}", plan.targets.size())};
  for (const Scenario& scenario : plan.scenarios) {
    if (const auto fixed = check_steps(scenario); !fixed) return fixed.error();
    if (scenario.targets.size() == 1)
      return Error{fmt::format("scenario '{}' has one target; leave 'targets' out of it, both take turns",
                               scenario.name)};
  }
  return {};
}

Result<Plan> alternate(Plan plan, const Plan& other) {
  if (plan.targets.size() != 1 || other.targets.size() != 1)
    return Error{fmt::format("--alternate: the plans have {} and {} targets; each must have one",
                             plan.targets.size(), other.targets.size())};
  for (const Scenario& scenario : plan.scenarios) {
    if (const auto alike = check_alike(scenario, other); !alike) return alike.error();
  }
  for (const Scenario& scenario : other.scenarios) {
    const bool known = std::any_of(plan.scenarios.begin(), plan.scenarios.end(),
                                   [&](const Scenario& own) { return own.name == scenario.name; });
    if (!known)
      return Error{fmt::format("--alternate: only its plan has a scenario '{}'; both must ask the same",
                               scenario.name)};
  }
  Target second = other.targets.front();
  if (second.name == plan.targets.front().name) second.name += "-b";
  for (Scenario& scenario : plan.scenarios) scenario.targets = {plan.targets.front().name, second.name};
  plan.targets.push_back(std::move(second));
  if (const auto turns = can_take_turns(plan); !turns)
    return Error{fmt::format("--alternate: {}", turns.error().message)};
  Target unnamed = plan.targets.back();
  unnamed.name = plan.targets.front().name;
  if (unnamed == plan.targets.front())
    return Error{
        "--alternate: both plans have the same target, so there is nothing to compare; give each its own "
        "url, model or headers (--set counts for both plans)"};
  plan.alternate = true;
  plan.source_text += as_comment(other.source_text);
  return plan;
}

}  // namespace kneepoint::coordinator
