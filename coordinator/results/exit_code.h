#pragma once

#include <span>
#include <string_view>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// What the process says to a script. Documented in the README; never renumbered.
enum ExitCode : int {
  kDone = 0,
  kInternalError = 1,
  kBadInput = 2,     ///< Usage, plan, run directory, secret: nothing was loaded.
  kNoVerdict = 3,    ///< Finished, but no trustworthy verdict.
  kThreshold = 4,    ///< A threshold was missed.
  kFleetFailed = 5,  ///< The fleet was not assembled, or the loss of agents ended the run.
  kGuardRail =
      6,  ///< A guard rail stopped the run, or a user of the live page; what was measured is in the report.
  // 7 is an agent's: it found no coordinator.
  kInterrupted = 130,
};

/// Whether nobody goes on with a run that ended so: a fleet may come together another time, and what was
/// interrupted may be resumed.
constexpr bool is_final(ExitCode code) {
  return code != kFleetFailed && code != kInterrupted;
}

/// What a run that led to `report` exits with, live or replayed.
ExitCode exit_code(const Report& report);

/// Why, as one of exit_reasons(); it tells apart what exit codes do not.
std::string_view exit_reason(const Report& report);
/// Every word for it, in the order of their codes.
std::span<const std::string_view> exit_reasons();

}  // namespace kneepoint::coordinator
