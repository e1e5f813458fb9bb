#pragma once

#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/report/run_directory.h"
#include "coordinator/telemetry/telemetry_series.h"
#include "coordinator/timeline/timeline.h"
#include "coordinator/verdict/build_report.h"

namespace kneepoint::coordinator {

/// What a report is made from, measured just now or read back from a recording.
struct Measured {
  const Plan& plan;
  const Timeline& timeline;
  const std::vector<StepWindow>& windows;
  const RunFacts& facts;
  const TelemetrySeries& telemetry;  ///< What the targets said of themselves; may be empty.
};

/// The way from measurements to results, the only one. The same measurements give the same report …
Report analyse(const Measured& measured);

/// … and the same bytes in every file that shows it. Each file is written by itself. @returns what could not
/// be written, a line for each.
std::vector<std::string> write_results(const RunDirectory& directory, const Measured& measured,
                                       const Report& report);

}  // namespace kneepoint::coordinator
