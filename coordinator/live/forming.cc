#include "coordinator/live/forming.h"

#include <algorithm>

#include "coordinator/verdict/annotate.h"
#include "coordinator/verdict/saturation.h"
#include "coordinator/verdict/slo.h"

namespace kneepoint::coordinator {

void decide_so_far(ScenarioResult& result, const std::vector<SloLimit>& limits) {
  result.saturation = find_saturation(result.steps);
  result.slo = find_slo(result.steps, limits);
  annotate(result.steps, result.saturation);
}

Forming::Forming(const Plan& plan, const std::vector<Cell>& cells, Report head,
                 std::function<void(const Report&)> told)
    : report_(std::move(head)), told_(std::move(told)) {
  for (const Cell& cell : cells) {
    const Target& target = plan.targets[cell.target];
    limits_.push_back(cell.slo);
    report_.results.push_back(
        {.target = target.name, .scenario = plan.scenarios[cell.scenario].name, .model = target.model});
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

void Forming::add(std::uint32_t cell, const Step& step) {
  const std::lock_guard lock(mutex_);
  rows_.emplace_back(cell, step);
  came_.notify_one();
}

void Forming::work(const std::stop_token& stop) {
  std::vector<ScenarioResult> measured = report_.results;  // as they came: what is decided marks rows
  for (;;) {
    std::vector<std::pair<std::uint32_t, Step>> rows;
    {
      std::unique_lock lock(mutex_);
      if (!came_.wait(lock, stop, [&] { return !rows_.empty(); })) return;
      rows.swap(rows_);
    }
    for (auto& [cell, step] : rows) {
      ScenarioResult& result = measured[cell];
      (step.role.empty() ? result.steps : result.after).push_back(std::move(step));
    }
    for (const auto& [cell, step] : rows) {
      report_.results[cell] = measured[cell];
      decide_so_far(report_.results[cell], limits_[cell]);
    }
    Report some = report_;
    std::erase_if(some.results, [](const ScenarioResult& r) { return r.steps.empty(); });
    told_(some);
  }
}

}  // namespace kneepoint::coordinator
