#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/report/summary.h"
#include "coordinator/results/model.h"

/// What a run ends with on a terminal: the answer, what it is worth, what to do next, and where the rest
/// lies.
namespace kneepoint::coordinator {

enum class Detail {
  kLine,    ///< One line, for a log.
  kAnswer,  ///< At most 15 lines, whatever the run was, below a line or two for each threshold; each fits the
            ///< width, but for a path that is longer.
  kAll,     ///< The whole text, with its tables and definitions.
  kJson,    ///< report.json, for a program.
};

/// Of the line that says what the answer is worth; a page has a panel for that.
inline constexpr std::string_view kVerdictLead = "VERDICT:";
/// What follows the answer: what to plan by, what it is worth, and the next step where something is to be
/// done.
std::vector<AnswerLine> closing_lines(const Report& report);

/// @param directory where the report lies. @param width in columns.
std::string render_ending(const Report& report, const std::string& directory, Detail detail,
                          std::size_t width);

}  // namespace kneepoint::coordinator
