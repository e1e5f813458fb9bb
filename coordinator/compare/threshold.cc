#include "coordinator/compare/threshold.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "coordinator/compare/matching.h"
#include "coordinator/compare/metrics.h"
#include "coordinator/measure/repeat.h"
#include "coordinator/words/comparison.h"

namespace kneepoint::coordinator {
namespace {

/// Whether a difference whose ratio is past the limit is so itself.
bool surely_past(const Threshold& threshold, const Difference& difference) {
  return difference.bound == RatioBound::kNone ||
         difference.bound == (threshold.below ? RatioBound::kAtMost : RatioBound::kAtLeast);
}

/// Whether a difference whose ratio keeps the limit does so itself.
bool surely_within(const Threshold& threshold, const Difference& difference) {
  return difference.bound == RatioBound::kNone ||
         difference.bound == (threshold.below ? RatioBound::kAtLeast : RatioBound::kAtMost);
}

std::string at_load(const std::optional<double>& load) {
  return load ? fmt::format(" at {}", *load) : "";
}

/// Searches choose their own loads, so that one of them says nothing where it has no row.
bool searched(const ScenarioResult& result) {
  return std::any_of(result.steps.begin(), result.steps.end(), [](const Step& step) { return step.scout; });
}

/// Loads at which the base has the figure and another run no row, or only rows that do not count: no
/// difference is taken there, and neither a host that broke nor a run that ended early must pass for that.
void find_missing_rows(const Threshold& threshold, const ComparedResult& compared,
                       const Comparison& comparison, ThresholdResult& into) {
  const auto& metrics = step_metrics();
  const auto metric = std::find_if(metrics.begin(), metrics.end(),
                                   [&](const StepMetric& each) { return each.name == threshold.metric; });
  const ScenarioResult* const base = compared.results.front();
  if (metric == metrics.end() || base == nullptr) return;
  for (const double load : concurrencies({base})) {
    if (threshold.load && load != threshold.load) continue;
    const Step* const before = best_step(*base, load);
    if (!stands(*before)) continue;
    if (!metric->figure(*before).sample) {
      ++into.without_reference;
      continue;
    }
    const std::string what = fmt::format("{}, {}{}", compared.title, metric->title, at_load(load));
    for (std::size_t run = 1; run < compared.results.size(); ++run) {
      const ScenarioResult* const other = compared.results[run];
      const Step* const step = other ? best_step(*other, load) : nullptr;
      const std::string& label = comparison.runs[run].label;
      if (step == nullptr) {
        if (!searched(*base) && !(other && searched(*other)))
          into.missing.push_back(words::not_measured_in(what, label));
      } else if (!stands(*step)) {
        into.missing.push_back(words::row_does_not_count(what, label));
      }
    }
  }
}

bool looks_at(const Threshold& threshold, const ComparedRow& row) {
  return row.metric == threshold.metric && (!threshold.load || row.concurrency == threshold.load);
}

/// Those differences on the threshold's side that are more than chance. It names its figures, and the side,
/// before anyone has seen them: so each is tested one-sided, and Holm's method is over these figures alone.
/// What the whole comparison holds significant, over all its figures, is so besides.
std::set<const Difference*> more_than_chance(const Threshold& threshold, const Comparison& comparison) {
  std::vector<const Difference*> looked_at;
  std::vector<Difference> one_sided;
  for (const ComparedResult& compared : comparison.results) {
    for (const ComparedRow& row : compared.rows) {
      for (const auto& difference : row.differences) {
        if (!difference || !looks_at(threshold, row)) continue;
        looked_at.push_back(&*difference);
        one_sided.push_back(*difference);
        auto& p = one_sided.back().p;
        if (p) p = (difference->ratio < 0) == threshold.below ? *p / 2 : 1 - *p / 2;
      }
    }
  }
  std::vector<Difference*> tests;
  for (Difference& each : one_sided) tests.push_back(&each);
  apply_holm(tests);
  std::set<const Difference*> found;
  for (std::size_t i = 0; i < looked_at.size(); ++i) {
    if (one_sided[i].significant) found.insert(looked_at[i]);
  }
  return found;
}

std::string first_of(const std::vector<std::string>& lines) {
  return words::first_lines(lines, 1);
}

}  // namespace

ThresholdResult check(const Threshold& threshold, const Comparison& comparison, bool only_significant) {
  ThresholdResult result;
  const std::set<const Difference*> significant = more_than_chance(threshold, comparison);
  for (const ComparedResult& compared : comparison.results) {
    find_missing_rows(threshold, compared, comparison, result);
    // One line for all concurrencies of a figure that may not be compared.
    std::map<std::string, std::size_t> refused;
    for (const ComparedRow& row : compared.rows) {
      if (!looks_at(threshold, row)) continue;
      for (std::size_t run = 1; run < row.differences.size(); ++run) {
        const std::string against = words::against(comparison.runs[run].label, comparison.runs.front().label);
        if (row.refused[run]) ++refused[fmt::format("{}: {}", row.title, against)];
        if (row.figures.front().sample && !row.figures[run].sample)
          result.missing.push_back(words::not_measured_in(
              fmt::format("{}, {}{}", compared.title, row.title, at_load(row.concurrency)),
              comparison.runs[run].label));
        const auto& difference = row.differences[run];
        if (!difference) continue;
        ++result.checked;
        const bool past =
            threshold.below ? difference->ratio < threshold.limit : difference->ratio > threshold.limit;
        const bool surely = significant.contains(&*difference);
        const std::string text = surely && !difference->significant
                                     ? difference_text(row, run, words::more_than_chance_alone())
                                     : difference_text(row, run);
        const std::string line = fmt::format("{}, {}{}: {}: {}", compared.title, row.title,
                                             at_load(row.concurrency), against, text);
        if (!past) {
          if (!surely_within(threshold, *difference)) result.bounded.push_back(line);
          continue;
        }
        const bool counts = surely || !only_significant;
        if (counts && surely_past(threshold, *difference)) {
          result.missed.push_back(line);
        } else if (!counts && !difference->tested && difference->bound == RatioBound::kNone) {
          result.untested.push_back(line);
        } else {
          result.undecided.push_back(line);
        }
      }
    }
    for (const auto& [what, figures] : refused) {
      result.refused.push_back(
          fmt::format("{}, {}: {}", compared.title, what, words::may_not_be_compared(figures)));
    }
  }
  return result;
}

ThresholdOutcome judge(const Threshold& threshold, const Comparison& comparison, bool only_significant) {
  const ThresholdResult result = check(threshold, comparison, only_significant);
  if (!result.missed.empty()) return {threshold.text, "MISSED", first_of(result.missed)};
  if (!result.refused.empty()) return {threshold.text, "UNCHECKED", first_of(result.refused)};
  if (!result.untested.empty())
    return {threshold.text, "UNCHECKED", words::past_and_not_tested(first_of(result.untested))};
  if (!result.missing.empty()) return {threshold.text, "UNCHECKED", first_of(result.missing)};
  if (result.checked == 0) return {threshold.text, "UNCHECKED", words::no_such_figure()};
  if (!result.undecided.empty())
    return {threshold.text, "HELD", words::past_and_undecided(first_of(result.undecided))};
  if (!result.bounded.empty())
    return {threshold.text, "HELD", words::only_bound_within(first_of(result.bounded))};
  return {threshold.text, "HELD", words::differences_within(result.checked, result.without_reference)};
}

}  // namespace kneepoint::coordinator
