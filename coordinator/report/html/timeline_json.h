#pragma once

#include <string>

#include "coordinator/report/run_timeline.h"

namespace kneepoint::coordinator::html {

/// The timeline for the page's script, as JSON by columns, rounded to five digits. Absent figures are null.
std::string timeline_json(const RunTimeline& timeline);

}  // namespace kneepoint::coordinator::html
