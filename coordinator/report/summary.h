#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/results/model.h"

/// The answer in a few lines: for the end of a run on a terminal, where they fit `width` columns, and for the
/// top of its page.
namespace kneepoint::coordinator {

struct AnswerLine {
  std::string lead;  ///< "Full at:"; empty where it goes on with the line before.
  std::string text;
  std::size_t most_lines = 2;  ///< Of a terminal; what is longer stands in the report.
};

/// "One user", "Your SLO", "Full at" of the only result, and "Errors" of all, with the longest silence and
/// what a host said: without the verdict, its reader adds what the figures are worth.
std::vector<AnswerLine> answer_lines(const Report& report);

/// The same for a terminal; several results have one line each.
std::string render_answer(const Report& report, std::size_t width);
/// One line of it: its text in a column of its own, cut short.
std::string answer_line(const AnswerLine& line, std::size_t width);

/// "full between 16 and 32, SLO holds up to 16"
std::string answer_words(const ScenarioResult& result);

}  // namespace kneepoint::coordinator
