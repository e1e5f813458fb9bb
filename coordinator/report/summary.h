#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "coordinator/results/model.h"

/// The answer in a few lines, for the end of a run on a terminal. Lines fit `width` columns.
namespace kneepoint::coordinator {

/// "One user", "Your SLO", "Full at" of the result, or of several one line each, and "Errors", without the
/// verdict: its reader adds what the figures are worth.
std::string render_answer(const Report& report, std::size_t width);

/// One line of it: `text` in a column of its own, cut short after two lines of the terminal.
std::string answer_line(std::string_view lead, const std::string& text, std::size_t width);

/// "full between 16 and 32, SLO holds up to 16"
std::string answer_words(const ScenarioResult& result);

}  // namespace kneepoint::coordinator
