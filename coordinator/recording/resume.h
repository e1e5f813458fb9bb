#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "common/clock.h"
#include "common/plan.h"
#include "common/result.h"
#include "coordinator/controllers/past.h"
#include "coordinator/recording/recording.h"

/// `kneepoint run --resume`: what lies in a run directory, and how a run goes on from there.
namespace kneepoint::coordinator {

/// The run of `plan` that has been recorded in `directory`; absent where none has. Fails, in one line, where
/// it is one of another plan, prompts or datasets, is still recorded, or is not over and another version
/// began it.
Result<std::optional<Recording>> find_run(const std::filesystem::path& directory, const Plan& plan);

/// Whether nothing of it is left to do. One that was interrupted is not over.
bool is_over(const Recording& recording);

/// What was found out before the load began is not asked for again.
void adopt_calibration(const Recording& recording, std::vector<Cell>& cells);

/// Where a run goes on, and with what.
struct Continuation {
  SegmentStart start;  ///< Its agents are not known yet.
  RunPast past;
};
/// Takes the past out of `recording`. The run goes on at `now`, and behind everything that was measured.
Continuation continue_run(Recording& recording, RealTime now);

}  // namespace kneepoint::coordinator
