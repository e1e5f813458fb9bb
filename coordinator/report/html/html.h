#pragma once

#include <string>
#include <string_view>

#include "coordinator/report/run_timeline.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// The report as one HTML file that opens offline: style, script, chart library and data are inside, and its
/// content security policy forbids every load. Text and tables are complete without script; charts are drawn
/// by it. The same input gives the same bytes. Every name of a plan or a server is escaped.
/// @param plan_text the plan as it was read; empty for none.
std::string render_html(const Report& report, const RunTimeline& timeline, std::string_view plan_text);

}  // namespace kneepoint::coordinator
