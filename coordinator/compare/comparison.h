#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/compare/metrics.h"
#include "coordinator/compare/significance.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

struct ComparedRun {
  std::string label;   ///< What it is called here: label_runs() gives it.
  std::string source;  ///< As the user named it.
  std::string target;  ///< The only one of the run that is compared; empty: all are.
  Report report;
};

/// Calls each run by the first of these that is short and another one for each: the target, its folder, both,
/// the plan's name; else "A", "B", ….
void label_runs(std::vector<ComparedRun>& runs);

/// One figure over all runs.
struct ComparedRow {
  std::string metric;  ///< As `--fail-on` names it.
  std::string title;   ///< "TTFT p95"; "TTFT mean, short" of a prompt class.
  bool higher_is_better = false;
  bool headline = false;                ///< Among the few that sum a result up.
  std::optional<double> concurrency;    ///< Step::load(). Absent for figures of a whole result.
  std::vector<ComparedFigure> figures;  ///< By run.
  /// By run, against the first one; absent for that one and where there is nothing to compare.
  std::vector<std::optional<Difference>> differences;
  /// The difference is that of all four windows of two targets that took turns; the figures are of one each.
  bool in_turns = false;
  /// By run: it and the base have the figure, and the two may not be compared.
  std::vector<bool> refused;
};

/// One scenario × target over the runs that have it.
struct ComparedResult {
  std::string title;                           ///< "chat on host"; "chat" where the targets differ.
  std::vector<const ScenarioResult*> results;  ///< By run; null where a run has none.
  std::vector<ComparedRow> rows;               ///< Of the result, then metric by metric over concurrency.
  std::vector<std::string> remarks;            ///< What differs besides, and what was not compared, and why.
};

/// Two or more runs side by side, the first one being the base. Points into `runs`: not to be copied.
struct Comparison {
  Comparison() = default;
  Comparison(Comparison&&) = default;
  Comparison& operator=(Comparison&&) = default;

  std::vector<ComparedRun> runs;
  std::vector<ComparedResult> results;
  std::vector<std::string> remarks;
  /// Both are targets of one run that took turns: rows' differences are those of neighbouring windows.
  bool paired = false;
  std::size_t tests = 0;                     ///< Figures that Holm's procedure was over.
  std::vector<ThresholdOutcome> thresholds;  ///< In the order in which they were asked for; not compare()'s.
};

/// Compares every result of the first run with its like in the others: the same scenario and target; else the
/// only one of that scenario; else the only one of the run. Rows that are invalid in a run are not compared,
/// nor are the saturation points of a run that is not trustworthy, nor anything of a load that moved with one
/// that stood still or moved at another pace.
/// @param runs two or more.
Comparison compare(std::vector<ComparedRun> runs);

/// How it was decided, for readers, in one paragraph.
std::string method_text(const Comparison& comparison);

/// "+4.3", of 0.043.
std::string signed_percent(double ratio);

/// "+4.3 %", "+1.2 pt", "at least +4.3 %"; "only bounds known" where that is so of both.
std::string ratio_text(const Difference& difference);

/// "+4.3 % (-1.0 to +9.8), worse"; "–" where there is nothing.
std::string difference_text(const ComparedRow& row, std::size_t run);
/// The same with another judgement than judgement()'s.
std::string difference_text(const ComparedRow& row, std::size_t run, std::string_view judged);

/// "better", "worse", "not significant", "not tested", or "" where there is no difference.
std::string judgement(const ComparedRow& row, std::size_t run);

}  // namespace kneepoint::coordinator
