#include "coordinator/compare/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "coordinator/compare/matching.h"
#include "coordinator/compare/paired.h"
#include "coordinator/compare/shared_cache.h"
#include "coordinator/measure/repeat.h"
#include "coordinator/verdict/survey.h"
#include "coordinator/words/comparison.h"

namespace kneepoint::coordinator {
namespace {

/// By run; null where a run lacks it.
using Steps = std::vector<const Step*>;

template <class Items>
std::size_t count_present(const Items& items) {
  return static_cast<std::size_t>(
      std::count_if(items.begin(), items.end(), [](const auto* item) { return item != nullptr; }));
}

using ByRun = std::vector<bool>;

/// Rows' loads are whole numbers, so that paces of the same plan differ a little where one was cut short.
bool same_pace(const std::optional<double>& a, const std::optional<double>& b) {
  constexpr double kAlike = 0.05;
  if (!a || !b) return !a && !b;
  return std::abs(*a - *b) <= kAlike * std::max(std::abs(*a), std::abs(*b));
}

/// Takes the differences against the first run. @param apart by run: its figure is shown, not compared.
void take_differences(ComparedRow& row, const ByRun& apart) {
  row.differences.resize(row.figures.size());
  row.refused.resize(row.figures.size());
  const auto& base = row.figures.front().sample;
  if (!base) return;
  for (std::size_t run = 1; run < row.figures.size(); ++run) {
    const auto& other = row.figures[run].sample;
    if (!other) continue;
    row.refused[run] = apart.front() || apart[run];
    if (!row.refused[run]) row.differences[run] = difference(*base, *other);
  }
}

bool is_empty(const ComparedRow& row) {
  return std::none_of(row.figures.begin(), row.figures.end(),
                      [](const ComparedFigure& f) { return f.sample; });
}

/// Puts the rows of one result together.
class Builder {
 public:
  Builder(const Comparison& comparison, ComparedResult& into)
      : runs_(comparison.runs), paired_(comparison.paired), into_(into) {}

  void build() {
    compare_settings();
    if (std::string cache = shared_cache_remark(runs_, into_.results); !cache.empty())
      remark(std::move(cache));
    compare_paces();
    add_result_rows();
    add_slo_rows();
    const auto steps = common_steps();
    if (steps.empty()) into_.remarks.push_back(words::nothing_in_common());
    for (const StepMetric& metric : step_metrics()) {
      for (const auto& [n, by_run] : steps) {
        if (!metric.only_with_reasoning || reasons(by_run)) add_step_row(metric, n, by_run);
      }
      if (paired_) pair(metric);
    }
    add_class_rows(steps);
  }

 private:
  const std::string& label(std::size_t run) const { return runs_[run].label; }
  void remark(std::string text) { into_.remarks.push_back(std::move(text)); }

  /// "A: x; B: y" of what `text_of` says of each result.
  template <class TextOf>
  std::string by_run(TextOf text_of) const {
    std::vector<std::string> parts;
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      if (into_.results[run]) parts.push_back(words::run_and_text(label(run), text_of(*into_.results[run])));
    }
    return words::run_by_run(parts);
  }

  void compare_settings() {
    std::set<std::string> workloads, models, targets;
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      const ScenarioResult* result = into_.results[run];
      if (!result) {
        remark(words::no_such_result(label(run)));
        continue;
      }
      workloads.insert(result->workload.id);
      models.insert(result->model);
      targets.insert(words::scenario_on_target(*result));
    }
    if (targets.size() > 1) remark(words::compared_are(by_run(words::scenario_on_target)));
    if (models.size() > 1)
      remark(words::models_differ(by_run([](const ScenarioResult& r) { return r.model; })));
    if (workloads.contains("")) {
      remark(words::workloads_unknown());
    } else if (workloads.size() > 1) {
      remark(words::workloads_differ(by_run([](const ScenarioResult& r) { return r.workload.summary; })));
    }
  }

  /// What a load gave that moved lags behind it: it is like nothing but what one gave that moved alike.
  void compare_paces() {
    const auto base = pace_of(into_.results.front()->steps);
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      const ScenarioResult* result = into_.results[run];
      const auto pace = result ? pace_of(result->steps) : base;
      moved_otherwise_.push_back(!same_pace(base, pace));
      if (!moved_otherwise_.back()) continue;
      remark(base && pace ? words::moved_at_another_pace(label(run), *pace, label(0), *base)
                          : words::moved_and_stood_still(label(pace ? run : 0), label(pace ? 0 : run)));
    }
  }

  void add(ComparedRow row, ByRun apart) {
    if (is_empty(row)) return;
    for (std::size_t run = 0; run < apart.size(); ++run) apart[run] = apart[run] || moved_otherwise_[run];
    take_differences(row, apart);
    into_.rows.push_back(std::move(row));
  }

  /// What a result that is not trustworthy says as a whole is shown, not compared.
  ByRun untrusted() const {
    ByRun apart;
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      const ScenarioResult* const result = into_.results[run];
      apart.push_back(result && what_spoils(runs_[run].report, *result) != nullptr);
    }
    return apart;
  }

  bool counts_alike(const Steps& steps) const {
    std::set<TokenSource> sources;
    for (const Step* step : steps) {
      if (step && step->token_source) sources.insert(*step->token_source);
    }
    return sources.size() < 2;
  }

  /// The memory of a server and that of cards are two things.
  bool memory_alike() {
    std::set<bool> of_servers;
    for (const ScenarioResult* result : into_.results) {
      if (result && result->peak_gpu_memory_bytes()) of_servers.insert(result->gpu_memory_is_the_servers());
    }
    if (of_servers.size() < 2) return true;
    remark(words::memory_not_alike());
    return false;
  }

  void add_result_rows() {
    for (const ResultMetric& metric : result_metrics()) {
      ComparedRow row{.metric = metric.name,
                      .title = metric.title,
                      .higher_is_better = metric.higher_is_better,
                      .headline = true};
      Steps every;
      for (const ScenarioResult* result : into_.results) {
        row.figures.push_back(result ? metric.figure(*result) : ComparedFigure{.text = "–"});
        if (result && metric.counts_tokens) {
          for (const Step& step : result->steps) every.push_back(&step);
        }
      }
      ByRun apart = untrusted();
      const bool alike = counts_alike(every) && (metric.name != "gpu_memory" || memory_alike());
      if (!alike) apart.assign(apart.size(), true);
      add(std::move(row), apart);
    }
  }

  void add_slo_rows() {
    if (!into_.results.front()) return;
    const SloResult& base = into_.results.front()->slo;
    for (const SloCriterion& criterion : base.criteria) {
      add_slo_row(criterion, fmt::format("N_slo {}", criterion.name), [&](const SloResult& slo) {
        const auto found = std::find_if(slo.criteria.begin(), slo.criteria.end(),
                                        [&](const SloCriterion& c) { return c.name == criterion.name; });
        return found == slo.criteria.end() ? nullptr : &*found;
      });
    }
    if (base.joint) {
      add_slo_row(*base.joint, "N_slo, all limits",
                  [](const SloResult& slo) { return slo.joint ? &*slo.joint : nullptr; });
    }
  }

  template <class Find>
  void add_slo_row(const SloCriterion& base, const std::string& title, Find find) {
    ComparedRow row{
        .metric = "n_slo", .title = title, .higher_is_better = true, .headline = base.name == "joint"};
    ByRun apart = untrusted();
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      const ScenarioResult* result = into_.results[run];
      const SloCriterion* criterion = result ? find(result->slo) : nullptr;
      row.figures.push_back(criterion ? slo_figure(*criterion, *result) : ComparedFigure{.text = "–"});
      if (criterion && criterion->limit != base.limit) {
        apart[run] = true;
        remark(words::limits_differ(title, base.limit, label(0), criterion->limit, label(run)));
      }
    }
    add(std::move(row), apart);
  }

  /// The steps by concurrency that at least two runs measured validly. What is left out is said.
  std::map<double, Steps> common_steps() {
    std::map<double, Steps> common;
    std::map<std::string, std::vector<double>> only;
    for (const double n : concurrencies(into_.results)) {
      Steps steps;
      for (std::size_t run = 0; run < runs_.size(); ++run) {
        const ScenarioResult* result = into_.results[run];
        const Step* step = result ? best_step(*result, n) : nullptr;
        if (step && !step->valid) {
          remark(words::row_invalid_in(n, label(run), step->reasons));
          step = nullptr;
        } else if (step && !stands(*step)) {
          remark(words::row_refuted_in(n, label(run)));
          step = nullptr;
        }
        steps.push_back(step);
      }
      if (count_present(steps) > 1) {
        common[n] = std::move(steps);
        continue;
      }
      for (std::size_t run = 0; run < runs_.size(); ++run) {
        if (steps[run]) only[label(run)].push_back(n);
      }
    }
    for (const auto& [run, numbers] : only) remark(words::measured_in_one_only(run, numbers));
    return common;
  }

  /// Whether any answer began later than the first token came.
  static bool reasons(const Steps& steps) {
    return std::any_of(steps.begin(), steps.end(), [](const Step* step) {
      return step && step->ttfo_seconds.mean && step->ttfo_seconds.mean != step->ttft_seconds.mean;
    });
  }

  void add_step_row(const StepMetric& metric, double n, const Steps& steps) {
    ComparedRow row{.metric = metric.name,
                    .title = metric.title,
                    .higher_is_better = metric.higher_is_better,
                    .concurrency = n};
    for (const Step* step : steps)
      row.figures.push_back(step ? metric.figure(*step) : ComparedFigure{.text = "–"});
    const bool alike = !metric.counts_tokens || counts_alike(steps);
    if (!alike && metric.name == "throughput") {
      remark(words::tokens_counted_otherwise(n));
    }
    add(std::move(row), ByRun(steps.size(), !alike));
  }

  /// The four windows of a load; nothing where one does not stand or is missing, has not the figure or none
  /// over 0, or where they did not take turns.
  std::optional<Turns> turns_at(const StepMetric& metric, double n) const {
    struct Window {
      double begin;
      std::size_t run;
      Sample sample;
    };
    std::vector<Window> windows;
    for (std::size_t run = 0; run < 2; ++run) {
      for (const Step& step : into_.results[run]->steps) {
        if (step.load() != n || !stands(step)) continue;
        const auto sample = metric.figure(step).sample;
        if (!sample || sample->share || sample->value <= 0) return std::nullopt;
        windows.push_back({step.window_begin_seconds, run, *sample});
      }
    }
    std::sort(windows.begin(), windows.end(),
              [](const Window& a, const Window& b) { return a.begin < b.begin; });
    if (windows.size() != 4 || windows[0].run != windows[3].run || windows[1].run != windows[2].run ||
        windows[0].run == windows[1].run)
      return std::nullopt;
    return Turns{.windows = {windows[0].sample, windows[1].sample, windows[2].sample, windows[3].sample},
                 .base_outside = windows[0].run == 0};
  }

  /// The rows of a metric that have all four windows get the difference of these.
  void pair(const StepMetric& metric) {
    std::vector<ComparedRow*> rows;
    std::vector<Turns> loads;
    for (ComparedRow& row : into_.rows) {
      if (row.metric != metric.name || row.title != metric.title || !row.differences.back()) continue;
      const auto turns = turns_at(metric, *row.concurrency);
      if (!turns) continue;
      rows.push_back(&row);
      loads.push_back(*turns);
    }
    const auto differences = paired_differences(loads);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i]->differences.back() = differences[i];
      rows[i]->in_turns = true;
    }
  }

  /// The mean TTFT of each prompt class.
  void add_class_rows(const std::map<double, Steps>& by_concurrency) {
    for (const auto& [n, steps] : by_concurrency) {
      std::vector<std::string> names;
      for (const Step* step : steps) {
        for (const Share& share : step ? step->classes : std::vector<Share>()) {
          if (std::find(names.begin(), names.end(), share.name) == names.end()) names.push_back(share.name);
        }
      }
      for (const std::string& name : names) {
        ComparedRow row{.metric = "ttft_mean", .title = "TTFT mean, " + name, .concurrency = n};
        for (const Step* step : steps) row.figures.push_back(class_figure(step, name));
        add(std::move(row), ByRun(steps.size(), false));
      }
    }
  }

  static ComparedFigure class_figure(const Step* step, const std::string& name) {
    if (!step) return {.text = "–"};
    for (const Share& share : step->classes) {
      if (share.name == name) return mean_figure(*step, share.ttft_seconds);
    }
    return {.text = "–"};
  }

  const std::vector<ComparedRun>& runs_;
  const bool paired_;
  ComparedResult& into_;
  ByRun moved_otherwise_;  // than the base
};

}  // namespace

Comparison compare(std::vector<ComparedRun> runs) {
  Comparison comparison;
  comparison.runs = std::move(runs);
  const Report &one = comparison.runs.front().report, &two = comparison.runs.back().report;
  comparison.paired = comparison.runs.size() == 2 && one.alternated && one.run_id == two.run_id &&
                      !one.results.empty() && !two.results.empty() &&
                      one.results.front().target != two.results.front().target;
  for (const ComparedRun& run : comparison.runs) {
    for (const ScenarioResult& result : run.report.results) {
      const Remark* const why = what_spoils(run.report, result);
      if (why == nullptr) continue;
      comparison.remarks.push_back(words::whole_is_spoiled(
          run.label, run.report.results.size() < 2 ? nullptr : &result, result.verdict.trust(), why->text));
    }
  }
  std::set<const ScenarioResult*> taken;
  for (const ScenarioResult& base : comparison.runs.front().report.results) {
    ComparedResult result{.title = words::scenario_on_target(base), .results = {&base}};
    for (std::size_t run = 1; run < comparison.runs.size(); ++run) {
      const Report& other = comparison.runs[run].report;
      result.results.push_back(find_alike(comparison.runs.front().report, base, other));
      taken.insert(result.results.back());
      if (result.results.back() && result.results.back()->target != base.target) result.title = base.scenario;
    }
    Builder(comparison, result).build();
    comparison.results.push_back(std::move(result));
  }
  for (std::size_t run = 1; run < comparison.runs.size(); ++run) {
    for (const ScenarioResult& result : comparison.runs[run].report.results) {
      if (taken.contains(&result)) continue;
      comparison.remarks.push_back(words::only_in(comparison.runs[run].label, result));
    }
  }
  std::vector<Difference*> differences;
  for (ComparedResult& result : comparison.results) {
    for (ComparedRow& row : result.rows) {
      for (auto& each : row.differences) {
        if (each) differences.push_back(&*each);
      }
    }
  }
  apply_holm(differences);
  comparison.tests = static_cast<std::size_t>(std::count_if(
      differences.begin(), differences.end(), [](const Difference* d) { return d->p.has_value(); }));
  return comparison;
}

}  // namespace kneepoint::coordinator
