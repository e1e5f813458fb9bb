
#include <algorithm>

#include "coordinator/verdict/causes/scene.h"
#include "coordinator/words/causes.h"

namespace kneepoint::coordinator {
namespace {

using Limits = AttributionLimits;

/// What of a mean TTFT passes in the front end, and what did at the lowest load.
words::FrontEndShare share_of_front_end(const Scene& scene) {
  const ObservedStep& judged = scene.steps.judged;
  const ObservedStep& lowest = scene.steps.lowest;
  return {.ttft = judged.step->ttft_seconds.mean,
          .front = front_end_seconds(judged),
          .front_before = front_end_seconds(lowest),
          .lowest = lowest.step == judged.step ? nullptr : lowest.step};
}

std::optional<double> gpu_use(const ObservedStep& o) {
  const GpuTelemetry* gpu = Scene::gpu(o);
  return gpu == nullptr ? std::nullopt : gpu->util_mean;
}

/// The front end's share of a request's TTFT is large, and has grown.
bool front_end_is_slow(const Scene& scene) {
  const auto now = front_end_seconds(scene.steps.judged);
  const auto& ttft = scene.steps.judged.step->ttft_seconds.mean;
  const auto before = front_end_seconds(scene.steps.lowest);
  return now && ttft && *now >= Limits::kFrontEndShare * *ttft && (!before || *now >= 2 * *before);
}

}  // namespace

std::optional<double> front_end_seconds(const ObservedStep& o) {
  const StepTelemetry* t = Scene::engine(o);
  return t == nullptr ? std::nullopt : t->front_end_seconds;
}

/// The server's own processes, with the GPU not full: whose thread is at a whole core is the limit.
std::optional<Cause> front_end_cause(Scene& scene) {
  if (!scene.knee()) return std::nullopt;
  const ObservedStep& judged = scene.steps.judged;
  const StepTelemetry* t = Scene::engine(judged);
  if (t == nullptr) return std::nullopt;
  const bool idle = gpu_not_full(judged);
  const auto& front = t->front_end_cpu_cores;
  const auto& engine = t->engine_cpu_cores;
  if (front && *front >= Limits::kBusyProcess && (idle || front_end_is_slow(scene)) &&
      engine.value_or(0) < Limits::kBusyProcess) {
    return Cause{"front_end",
                 words::front_end_full(*judged.step, *front, gpu_use(judged), share_of_front_end(scene))};
  }
  if (idle && engine && *engine >= Limits::kBusyProcess && front.value_or(0) < Limits::kIdleProcess) {
    return Cause{"scheduler", words::engine_loop_full(*judged.step, *engine, gpu_use(judged))};
  }
  return std::nullopt;
}

std::string open_causes(const Scene& scene) {
  const ObservedStep& judged = scene.steps.judged;
  if (!scene.knee() || judged.step == nullptr) return "";
  if (gpu_not_full(judged)) {
    const StepTelemetry* t = Scene::engine(judged);
    const double gpu = *judged.telemetry->gpu.util_mean;
    const auto front = t != nullptr ? t->front_end_cpu_cores : std::nullopt;
    const auto engine = t != nullptr ? t->engine_cpu_cores : std::nullopt;
    if (front.value_or(1) < Limits::kIdleProcess && engine.value_or(1) < Limits::kIdleProcess)
      return words::nothing_full(*judged.step, gpu, *front, *engine);
    const bool both_full = std::min(front.value_or(0), engine.value_or(0)) >= Limits::kBusyProcess;
    return words::gpu_not_full(*judged.step, gpu, front, engine, both_full);
  }
  if (scene.input.knee_kind == "hard" && judged.telemetry != nullptr) return words::waits_somewhere();
  return "";
}

}  // namespace kneepoint::coordinator
