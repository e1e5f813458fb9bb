#include "coordinator/results/exit_code.h"

namespace kneepoint::coordinator {

ExitCode exit_code(const Report& report) {
  if (report.interrupted) return kInterrupted;
  if (!report.stopped_by.empty()) return kGuardRail;
  if (report.agents_lost > 0) return kFleetFailed;
  return report.verdict.valid() ? kDone : kNoVerdict;
}

}  // namespace kneepoint::coordinator
