#include "coordinator/plan/plan_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "common/json_quoted.h"
#include "coordinator/plan/plan_printer.h"

namespace kneepoint::coordinator {
namespace {

std::string array(const std::vector<std::string>& values) {
  return fmt::format("[{}]", fmt::join(values, ", "));
}

std::string targets_of(const Plan& plan) {
  std::vector<std::string> all;
  for (const Target& target : plan.targets) {
    all.push_back(fmt::format(R"({{"name": {}, "urls": {}, "model": {}}})", json_quoted(target.name),
                              json_quoted(target.urls), json_quoted(target.model)));
  }
  return array(all);
}

/// Where the host decides how long a ramp takes, its seconds are 0.
std::string runs_of(const Plan& plan) {
  std::vector<std::string> all;
  for (const Cell& cell : cells_of(plan)) {
    const Scenario& scenario = plan.scenarios[cell.scenario];
    const Forecast likely = forecast(ramp_as_run(plan, scenario));
    all.push_back(fmt::format(R"({{"scenario": {}, "target": {}, "steps": [{}, {}], "seconds": [{}, {}]}})",
                              json_quoted(scenario.name), json_quoted(plan.targets[cell.target].name),
                              likely.fewest_steps, likely.most_steps, to_seconds(likely.least),
                              to_seconds(likely.most)));
  }
  return array(all);
}

}  // namespace

std::string plan_json(const Result<Plan>& plan) {
  std::string members = fmt::format(R"("schema": "kneepoint.validation/1", "valid": {}, "error": {})",
                                    bool(plan), plan ? "null" : json_quoted(plan.error().message));
  if (plan) {
    std::vector<std::string> thresholds;
    for (const Threshold& each : plan->thresholds) thresholds.push_back(each.text);
    members += fmt::format(R"(, "name": {}, "targets": {}, "runs": {}, "thresholds": {}, "warnings": {})",
                           json_quoted(plan->name), targets_of(*plan), runs_of(*plan),
                           json_quoted(thresholds), json_quoted(plan_warnings(*plan)));
  }
  return fmt::format("{{{}}}\n", members);
}

}  // namespace kneepoint::coordinator
