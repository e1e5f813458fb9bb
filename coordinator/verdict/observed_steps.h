#pragma once

#include <optional>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// A step and what its target said of itself meanwhile; null where there is none. Points into the steps.
struct ObservedStep {
  const Step* step = nullptr;
  const StepTelemetry* telemetry = nullptr;  ///< Null where there is none, or of too short a window.
};

/// The steps that attribution looks at: where a limit shows, and what it is compared with.
struct ObservedSteps {
  /// Rising in load, invalid ones included; none past twice the knee: what breaks there did not make it.
  std::vector<ObservedStep> all;
  ObservedStep lowest;  ///< Of the valid ones, as all that follow.
  /// The first at or above the knee; without a knee the highest.
  ObservedStep knee;
  /// The first with at least half as much load again as `knee`, where the limit shows plainest; without a
  /// knee the highest.
  ObservedStep past;
  /// What `judged` is compared with: `knee`, where it lies past that; else the last of at most two thirds of
  /// its load.
  ObservedStep before;
  /// Every valid one at or above the knee, however far; without a knee none.
  std::vector<ObservedStep> beyond;
  /// `past` where that has telemetry, or none has; else `knee`.
  ObservedStep judged;
};

/// @param steps must outlive the result. @param saturation Step::load() at the knee; absent where there is
/// none.
ObservedSteps observe(const std::vector<Step>& steps, std::optional<double> saturation);

}  // namespace kneepoint::coordinator
