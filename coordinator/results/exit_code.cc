#include "coordinator/results/exit_code.h"

namespace kneepoint::coordinator {

ExitCode exit_code(const Report& report) {
  if (report.interrupted) return kInterrupted;
  if (!report.stopped_by.empty()) return kGuardRail;
  if (report.agents_lost > 0) return kFleetFailed;
  return report.verdict.valid() ? kDone : kNoVerdict;
}

std::string_view exit_words(ExitCode code) {
  switch (code) {
    case kDone:
      return "done";
    case kInternalError:
      break;
    case kBadInput:
      return "bad usage or plan, or a target is not ready; nothing was loaded";
    case kNoVerdict:
      return "no trustworthy verdict";
    case kThreshold:
      return "a threshold was missed";
    case kFleetFailed:
      return "the fleet was not assembled, or an agent was lost";
    case kGuardRail:
      return "stopped by a guard rail";
    case kInterrupted:
      return "interrupted";
  }
  return "internal error";
}

}  // namespace kneepoint::coordinator
