#pragma once

#include <cstddef>
#include <string>

#include "coordinator/report/run_timeline.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator::html {

/// One result: its charts and tables. Charts are empty figures that the page's script fills from chart_data.
/// @param index of the result in the report.
/// @param headed whether the section states its own verdict and key figures; not where the page's head does.
std::string section(const ScenarioResult& result, std::size_t index, bool headed,
                    const RunTimeline& timeline);

}  // namespace kneepoint::coordinator::html
