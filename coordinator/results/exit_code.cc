#include "coordinator/results/exit_code.h"

#include <algorithm>
#include <array>

#include "coordinator/results/stopped_by.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::string_view kInconclusive = "inconclusive", kUncheckedThreshold = "threshold_unchecked";
constexpr std::array<std::string_view, 11> kReasons = {
    "done",        "target_down",      "client_bound", "unsteady",   kUncheckedThreshold,
    kInconclusive, "threshold_missed", "agent_lost",   "guard_rail", "user_stopped",
    "interrupted"};

bool any(const Report& report, std::string_view state) {
  return std::any_of(report.thresholds.begin(), report.thresholds.end(),
                     [&](const ThresholdOutcome& each) { return each.state == state; });
}

/// Why there is no verdict.
std::string_view why_none(const Verdict& verdict) {
  for (const std::string_view code : {kReasons[1], kReasons[2], kReasons[3]}) {
    for (const Remark& remark : verdict.remarks()) {
      if (remark.code == code && remark.weight != Remark::Weight::kWarning) return code;
    }
  }
  return verdict.valid() ? kUncheckedThreshold : kInconclusive;
}

}  // namespace

ExitCode exit_code(const Report& report) {
  if (report.interrupted) return kInterrupted;
  if (!report.stopped_by.empty()) return kGuardRail;
  if (!report.fleet_failure.empty()) return kFleetFailed;
  if (any(report, "MISSED")) return kThreshold;
  return report.verdict.valid() && !any(report, "UNCHECKED") ? kDone : kNoVerdict;
}

std::string_view exit_reason(const Report& report) {
  switch (exit_code(report)) {
    case kInterrupted:
      return "interrupted";
    case kGuardRail:
      return report.stopped_by.starts_with(kStoppedByUser) ? "user_stopped" : "guard_rail";
    case kFleetFailed:
      return "agent_lost";
    case kThreshold:
      return "threshold_missed";
    case kNoVerdict:
      return why_none(report.verdict);
    default:
      return "done";
  }
}

std::span<const std::string_view> exit_reasons() {
  return kReasons;
}

}  // namespace kneepoint::coordinator
