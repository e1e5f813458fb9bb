#pragma once

#include <cstddef>
#include <string>

#include "coordinator/results/model.h"

/// The answer in a few lines, for the end of a run on a terminal. Lines fit `width` columns.
namespace kneepoint::coordinator {

/// "One user", "Your SLO", "Full at", "Errors" of each result, without the verdict: its reader adds what the
/// figures are worth.
std::string render_answer(const Report& report, std::size_t width);

/// "4.1 % (28 × 429 or 503, 3 × broken off)" of all requests that ended in the rows; "none".
std::string errors_line(const ScenarioResult& result);

}  // namespace kneepoint::coordinator
