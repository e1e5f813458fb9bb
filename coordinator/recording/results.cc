#include "coordinator/recording/results.h"

#include "coordinator/report/html/html.h"
#include "coordinator/report/run_timeline.h"

namespace kneepoint::coordinator {

Result<Report> write_results(const RunDirectory& directory, const Measured& measured) {
  const auto& [plan, timeline, windows, facts, telemetry] = measured;
  Report report = build_report(plan, timeline, windows, facts, telemetry);
  if (const auto written = directory.write_report(report); !written) return written.error();
  const RunTimeline course = build_run_timeline(timeline, plan, cells_of(plan), windows, telemetry);
  const auto written = directory.write("report.html", render_html(report, course, plan.source_text));
  if (!written) return written.error();
  return report;
}

}  // namespace kneepoint::coordinator
