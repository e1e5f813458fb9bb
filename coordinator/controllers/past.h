#pragma once

#include <vector>

#include "coordinator/controllers/decision.h"
#include "coordinator/results/model.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

/// What a coordinator that is gone left of a run, for another one to go on with; empty for a run that begins.
struct RunPast {
  Timeline timeline;
  std::vector<StepWindow> windows;
  std::vector<Step> rows;  ///< Of `windows`, as they were decided from.
  std::vector<Decision> decisions;
};

/// Leaves of the windows, rows and decisions those that stand: a row that was cut short does not, nor does
/// what was decided ahead of a row that never came.
void trim(RunPast& past);

}  // namespace kneepoint::coordinator
