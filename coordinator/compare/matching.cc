#include "coordinator/compare/matching.h"

#include <string>
#include <tuple>

#include "coordinator/measure/repeat.h"

namespace kneepoint::coordinator {
namespace {

/// The only result of the scenario; null where there are several or none.
const ScenarioResult* only_one(const Report& report, const std::string& scenario) {
  const ScenarioResult* found = nullptr;
  for (const ScenarioResult& result : report.results) {
    if (result.scenario != scenario) continue;
    if (found) return nullptr;
    found = &result;
  }
  return found;
}

}  // namespace

const ScenarioResult* find_alike(const Report& report, const ScenarioResult& base, const Report& other) {
  for (const ScenarioResult& result : other.results) {
    if (result.scenario == base.scenario && result.target == base.target) return &result;
  }
  if (only_one(report, base.scenario)) {
    if (const ScenarioResult* alike = only_one(other, base.scenario)) return alike;
  }
  if (report.results.size() == 1 && other.results.size() == 1) return &other.results.front();
  return nullptr;
}

const Step* best_step(const ScenarioResult& result, double load) {
  const auto worth = [](const Step& step) {
    return std::tuple(stands(step), step.valid, step.requests.completed);
  };
  const Step* best = nullptr;
  for (const Step& step : result.steps) {
    if (step.load() == load && (!best || worth(step) > worth(*best))) best = &step;
  }
  return best;
}

const Remark* what_spoils(const Report& report, const ScenarioResult& result) {
  if (!result.verdict.valid()) return &result.verdict.remarks().front();
  // Of what befell the run as a whole; the rest are remarks on its results.
  for (const Remark& remark : report.verdict.remarks()) {
    const bool whole =
        remark.code == "interrupted" || remark.code == "guard_rail" || remark.code == "agent_lost";
    if (whole && remark.weight != Remark::Weight::kWarning) return &remark;
  }
  return nullptr;
}

std::set<double> concurrencies(const std::vector<const ScenarioResult*>& results) {
  std::set<double> numbers;
  for (const ScenarioResult* result : results) {
    if (!result) continue;
    for (const Step& step : result->steps) numbers.insert(step.load());
  }
  return numbers;
}

}  // namespace kneepoint::coordinator
