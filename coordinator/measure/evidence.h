#pragma once

#include <optional>

#include "common/plan.h"
#include "coordinator/measure/batch_means.h"
#include "coordinator/measure/token_count.h"
#include "coordinator/measure/validity.h"
#include "coordinator/measure/window_cut.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

/// A window, and what is known of it by the time its gates are applied.
struct CutWindow {
  const Timeline& timeline;
  const Plan& plan;
  const Cell& cell;
  const StepWindow& window;
  const WindowCut& cut;
  const ChunkRate& tokens;
  const std::optional<Batches>& batches;
  double seconds = 0;  ///< Of a step bounded by requests, until the last has ended.
};

/// What the window shows about itself, for apply_gates. Pure.
WindowEvidence evidence_of(const CutWindow& of);

}  // namespace kneepoint::coordinator
