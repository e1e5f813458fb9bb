#pragma once

#include <cstddef>
#include <string>

#include "coordinator/report/run_timeline.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator::html {

/// One result: its charts and tables. Charts are empty figures that the page's script fills from chart_data.
/// @param index of the result in the report.
/// @param folded whether it is one of several: it is closed until a reader opens it, and states its own
/// verdict and key figures, which else the page's head does.
std::string section(const ScenarioResult& result, std::size_t index, bool folded,
                    const RunTimeline& timeline);

}  // namespace kneepoint::coordinator::html
