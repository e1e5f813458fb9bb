#include "coordinator/results/engine_load.h"

namespace kneepoint::coordinator {
namespace {

std::optional<double> mean_of(const Step& step, const std::optional<double>& by_time,
                              const std::optional<double>& by_reading) {
  const auto& length = step.e2e_seconds.mean;
  if (by_time && length && step.duration_seconds >= kIntegralResidences * *length) return by_time;
  return step.has_flag("IN_STEP") ? std::nullopt : by_reading;
}

}  // namespace

std::optional<double> running_in_engine(const Step& step, const StepTelemetry& telemetry) {
  return mean_of(step, telemetry.running_by_time, telemetry.running_mean);
}

std::optional<double> waiting_in_engine(const Step& step, const StepTelemetry& telemetry) {
  return mean_of(step, telemetry.waiting_by_time, telemetry.waiting_mean);
}

}  // namespace kneepoint::coordinator
