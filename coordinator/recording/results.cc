#include "coordinator/recording/results.h"

#include "coordinator/compare/gate.h"
#include "coordinator/report/html/html.h"
#include "coordinator/report/run_timeline.h"

namespace kneepoint::coordinator {

Report analyse(const Measured& measured) {
  const auto& [plan, timeline, windows, facts, telemetry] = measured;
  Report report = build_report(plan, timeline, windows, facts, telemetry);
  report.thresholds = hold_against(plan.thresholds, report);
  return report;
}

std::vector<std::string> write_results(const RunDirectory& directory, const Measured& measured,
                                       const Report& report) {
  std::vector<std::string> failed = directory.write_report(report);
  const auto& [plan, timeline, windows, facts, telemetry] = measured;
  const RunTimeline course = build_run_timeline(timeline, plan, cells_of(plan), windows, telemetry);
  const auto written = directory.write("report.html", render_html(report, course, plan.source_text));
  if (!written) failed.push_back(written.error().message);
  return failed;
}

}  // namespace kneepoint::coordinator
