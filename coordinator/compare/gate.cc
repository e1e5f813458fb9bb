#include "coordinator/compare/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "coordinator/compare/matching.h"
#include "coordinator/compare/metrics.h"
#include "coordinator/measure/repeat.h"
#include "coordinator/results/units.h"
#include "coordinator/words/comparison.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::size_t kMostTold = 2;

/// One threshold over a report.
class Gate {
 public:
  Gate(const Threshold& threshold, const Report& report) : threshold_(threshold), report_(report) {}

  ThresholdOutcome outcome() {
    for (const ScenarioResult& result : report_.results) {
      prefix_ = report_.results.size() > 1 ? words::scenario_on_target(result) + ", " : "";
      hold_rows(result);
      hold_result(result);
    }
    if (!missed_.empty()) return {threshold_.text, "MISSED", told(missed_)};
    if (!unchecked_.empty()) return {threshold_.text, "UNCHECKED", told(unchecked_)};
    if (worst_.empty()) return {threshold_.text, "UNCHECKED", absent_};
    return {threshold_.text, "HELD", worst_};
  }

 private:
  static std::string told(const std::vector<std::string>& lines) {
    return words::first_lines(lines, kMostTold);
  }

  void uncheck(const std::string& where, const std::string& why) {
    unchecked_.push_back(prefix_ + where + (where.empty() ? "" : ": ") + why);
  }

  /// Where a range is all that is known of a figure, all of it has to lie on one side. Its upper end is known
  /// to be past what the figure stands for.
  void hold(const std::string& where, const ComparedFigure& figure,
            const std::optional<Interval>& range = std::nullopt) {
    const std::string text = prefix_ + figure.text + (where.empty() ? "" : " " + where);
    const double value = figure.sample->value, limit = threshold_.limit;
    const Interval known = range.value_or(Interval{value, value});
    const bool past = threshold_.below ? (range ? known.high <= limit : value < limit) : known.low > limit;
    const bool kept = threshold_.below ? known.low >= limit : known.high <= limit;
    if (past) {
      missed_.push_back(text);
    } else if (!kept) {
      uncheck(where, words::too_wide_to_tell(figure.text));
    } else if (const double room = std::abs((threshold_.below ? known.low : known.high) - limit);
               worst_.empty() || room < room_) {
      worst_ = text;
      room_ = room;
    }
  }

  void hold_rows(const ScenarioResult& result) {
    const auto& metrics = step_metrics();
    const auto metric = std::find_if(metrics.begin(), metrics.end(),
                                     [&](const StepMetric& each) { return each.name == threshold_.metric; });
    if (metric == metrics.end()) return;
    std::set<double> loads = concurrencies({&result});
    if (threshold_.load) loads = {*threshold_.load};
    for (const double load : loads) {
      const Step* const step = best_step(result, load);
      const std::string where = "at " + (step ? load_label(*step) : format_figure(load));
      if (step == nullptr) {
        absent_ = words::no_row_measured(where);
        continue;
      }
      // Failures are facts whatever else is wrong with a row.
      if (!step->valid && metric->name != "error_ratio") {
        uncheck(where, words::row_is_invalid(step->reasons));
        continue;
      }
      if (step->valid && !stands(*step)) {
        uncheck(where, words::row_is_refuted());
        continue;
      }
      const ComparedFigure figure = metric->figure(*step);
      if (!figure.sample) {
        uncheck(where, figure.text == "–" ? words::not_measured() : words::too_few_requests(figure.text));
      } else if (hold(where, figure); !step->valid && missed_.empty()) {
        uncheck(where, words::row_is_invalid({}));
      }
    }
  }

  void hold_result(const ScenarioResult& result) {
    if (threshold_.metric == "n_slo") return hold_slo(result);
    for (const ResultMetric& metric : result_metrics()) {
      if (metric.name != threshold_.metric) continue;
      if (metric.needs_trust && !trusted(result)) return;
      const ComparedFigure figure = metric.figure(result);
      if (figure.sample) {
        hold("", figure, figure.sample->range);
      } else {
        uncheck("", words::was_not_found(metric.title));
      }
    }
  }

  void hold_slo(const ScenarioResult& result) {
    if (result.slo.criteria.empty()) {
      absent_ = words::no_slo();
      return;
    }
    if (!trusted(result)) return;
    const SloCriterion& all = result.slo.joint ? *result.slo.joint : result.slo.criteria.front();
    ComparedFigure figure = slo_figure(all, result);
    if (!figure.sample) figure.sample = Sample{};
    Interval known = figure.sample->range.value_or(Interval{0, kUnbounded});
    if (all.state == "INDETERMINATE")
      known = {all.concurrency.value_or(0), all.ci95 ? all.ci95->high : kUnbounded};
    hold("", figure, known);
  }

  bool trusted(const ScenarioResult& result) {
    const Remark* const why = what_spoils(report_, result);
    if (why != nullptr) uncheck("", fmt::format("{}: {}", to_string(result.verdict.trust()), why->text));
    return why == nullptr;
  }

  const Threshold& threshold_;
  const Report& report_;
  std::string prefix_, worst_;
  std::string absent_ = words::nothing_was_measured();  // of results that others stand in for
  double room_ = 0;
  std::vector<std::string> missed_, unchecked_;
};

}  // namespace

std::vector<ThresholdOutcome> hold_against(const std::vector<Threshold>& thresholds, const Report& report) {
  std::vector<ThresholdOutcome> outcomes;
  for (const Threshold& threshold : thresholds) outcomes.push_back(Gate(threshold, report).outcome());
  return outcomes;
}

}  // namespace kneepoint::coordinator
