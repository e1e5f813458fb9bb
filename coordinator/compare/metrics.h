#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/compare/significance.h"
#include "coordinator/results/model.h"

/// The figures that two runs are compared by, and a run held against limits. Names are those of
/// threshold_metrics().
namespace kneepoint::coordinator {

/// The end of a range that has none.
inline constexpr double kUnbounded = std::numeric_limits<double>::infinity();

/// One figure of one run, as a table shows it.
struct ComparedFigure {
  std::string text;              ///< "2,289 ± 25", "n/a (n=12)"
  std::optional<Sample> sample;  ///< Absent where there is nothing to compare.
};

struct StepMetric {
  std::string name;   ///< "ttft_p95"
  std::string title;  ///< "TTFT p95"
  bool higher_is_better = false;
  bool counts_tokens = false;        ///< Means the same only where tokens were counted the same way.
  bool only_with_reasoning = false;  ///< Else it says what another one does.
  std::function<ComparedFigure(const Step&)> figure;
};

/// Of a step, in the order of the tables.
const std::vector<StepMetric>& step_metrics();

/// The mean of a latency, tested only where each request stands alone: one at a time, counted by requests.
ComparedFigure mean_figure(const Step& step, const LatencySummary& latency);

struct ResultMetric {
  std::string name;  ///< "n_sat", "n_slo", "max_throughput"
  std::string title;
  bool higher_is_better = true;
  bool counts_tokens = false;
  bool needs_trust = true;  ///< Means nothing where the result is not trustworthy.
  std::function<ComparedFigure(const ScenarioResult&)> figure;
};

/// N_sat and the highest throughput of a valid step.
const std::vector<ResultMetric>& result_metrics();

/// N_slo of one limit, or of all together; 0 where the lowest step of `result` breaks it already.
ComparedFigure slo_figure(const SloCriterion& criterion, const ScenarioResult& result);

}  // namespace kneepoint::coordinator
