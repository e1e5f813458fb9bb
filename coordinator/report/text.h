#pragma once

#include <string>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// report.txt: for a terminal of 120 columns, the verdict first.
std::string render_text(const Report& report);

/// One line of the live table and its header, without newline: the same columns as the report's first table.
std::string step_header();
std::string render_step_line(const Step& step);

}  // namespace kneepoint::coordinator
