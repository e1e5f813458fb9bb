#pragma once

#include <optional>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// A time integral is made of requests that ended: it counts in windows of so many times their length.
inline constexpr double kIntegralResidences = 4;

/// Mean number of requests in the engine's batch over a step: by the time integral (Little's law) where the
/// window is long enough for it, else by what was read once a second, and not where streams run in step.
/// Whoever names such a figure takes it from here, so that no two sentences differ.
std::optional<double> running_in_engine(const Step& step, const StepTelemetry& telemetry);
/// The same of the engine's queue.
std::optional<double> waiting_in_engine(const Step& step, const StepTelemetry& telemetry);

}  // namespace kneepoint::coordinator
