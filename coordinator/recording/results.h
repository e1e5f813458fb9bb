#pragma once

#include <vector>

#include "common/plan.h"
#include "common/result.h"
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

/// The way from measurements to results, the only one: analyses and writes every form of the report. The same
/// measurements give the same bytes. @returns the report, or what could not be written.
Result<Report> write_results(const RunDirectory& directory, const Measured& measured);

}  // namespace kneepoint::coordinator
