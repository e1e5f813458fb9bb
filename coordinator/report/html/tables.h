#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/report/html/figures.h"
#include "coordinator/results/model.h"

/// The tables of one result; markup. Cells carry the unrounded value in base units (`data-v`), which is what
/// their "copy" button gives.
namespace kneepoint::coordinator::html {

/// A table in a box of its own that scrolls sideways, with the button that copies it and why figures are
/// absent. @param rows its head and bodies. @param result found by script as data-result.
std::string boxed(std::string_view kind, std::string_view caption, std::string_view rows,
                  std::size_t result = 0);

/// A cell that holds a figure.
std::string figure_cell(const Figure& figure);

/// A line a step, with the columns that are looked at first and its note.
std::string steps_table(const ScenarioResult& result, std::size_t index);
/// Every figure: a line a figure, a column a step.
std::string figures_table(const ScenarioResult& result, std::size_t index);
/// Failures by kind and step with an example of each kind, or the sentence that there were none.
std::string errors_table(const ScenarioResult& result);
/// The requests that waited longest for their first token; empty without records of requests.
std::string slowest_table(const ScenarioResult& result);
/// A line for each share of each step; empty where there are none. @param what "replica", "prompt class".
/// What each pod's own page said, or each rank's own series, one row a step and pod; empty where there is one
/// only.
std::string pods_table(const ScenarioResult& result);
std::string shares_table(const ScenarioResult& result, std::vector<Share> Step::*shares,
                         const std::string& what);
/// A line for each row that came after the ramp; empty where there is none.
std::string after_table(const ScenarioResult& result, std::size_t index);
/// A line for each recommendation; empty where there is none.
std::string recommendations_table(const ScenarioResult& result);
/// The meaning of the states and flags that occur in the result.
std::string glossary(const ScenarioResult& result);

}  // namespace kneepoint::coordinator::html
