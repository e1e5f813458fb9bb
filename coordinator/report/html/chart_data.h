#pragma once

#include <string>

#include "coordinator/report/model.h"
#include "coordinator/report/run_timeline.h"

namespace kneepoint::coordinator::html {

/// What the page's script draws from, as JSON: `results` with the names of report.json, and `timeline` by
/// columns, rounded to five digits. Absent figures are null.
std::string chart_data(const Report& report, const RunTimeline& timeline);

}  // namespace kneepoint::coordinator::html
