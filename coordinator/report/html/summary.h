#pragma once

#include <string>
#include <vector>

#include "coordinator/report/html/figures.h"
#include "coordinator/results/model.h"

/// What a reader takes away: one sentence, five figures, and whether to believe them.
namespace kneepoint::coordinator::html {

/// "host · chat"
std::string title_of(const ScenarioResult& result);
/// The saturation point in a sentence with its interval and what limits; markup.
std::string verdict_sentence(const ScenarioResult& result);
/// The evidence behind the sentence; markup, empty where there is none.
std::string evidence(const ScenarioResult& result);
/// What a run ends with on a terminal, line by line, but for the verdict: trust_panel() has that; markup.
std::string answer_list(const Report& report);
/// Each threshold with what the run came to; markup, empty where there are none.
std::string thresholds_panel(const std::vector<ThresholdOutcome>& thresholds);
/// How far a verdict may be relied on, and why no further; markup. @param most remarks that are shown: the
/// rest is folded.
std::string trust_panel(const Verdict& verdict, std::size_t most = std::string::npos);

/// A key figure with what it means beside it.
struct KeyFigure {
  std::string label;
  Figure figure;
  std::string unit;
  std::string detail;
};

KeyFigure saturation_figure(const ScenarioResult& result);
KeyFigure slo_figure(const ScenarioResult& result);
KeyFigure peak_figure(const ScenarioResult& result);
KeyFigure ttft_figure(const ScenarioResult& result);
KeyFigure errors_figure(const ScenarioResult& result);
KeyFigure cost_figure(const ScenarioResult& result);
KeyFigure load_figure(const ScenarioResult& result);
KeyFigure memory_figure(const ScenarioResult& result);
/// All that are known, and of failures each kind with an example; markup.
std::string key_figures(const ScenarioResult& result);

/// The SLO limits with the concurrency up to which each holds; markup, empty where the scenario has none.
std::string slo_table(const ScenarioResult& result);

}  // namespace kneepoint::coordinator::html
