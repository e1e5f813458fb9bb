#include <fmt/format.h>

#include <algorithm>

#include "coordinator/results/units.h"
#include "coordinator/verdict/causes/scene.h"

namespace kneepoint::coordinator {
namespace {

using Limits = AttributionLimits;

/// "; of a TTFT of 532 ms 400 ms pass in the front end, before the engine (20 ms at 32)"
std::string split_text(const Scene& scene) {
  const ObservedStep& judged = scene.steps.judged;
  const auto front = front_end_seconds(judged);
  const auto& ttft = judged.step->ttft_seconds.mean;
  if (!front || !ttft) return "";
  std::string text = fmt::format("; of a mean TTFT of {} {} pass in the front end, before the engine",
                                 format_time(*ttft), format_time(*front));
  const auto before = front_end_seconds(scene.steps.lowest);
  if (before && scene.steps.lowest.step != judged.step)
    text += fmt::format(" ({} at {})", format_time(*before), load_label(*scene.steps.lowest.step));
  return text;
}

std::string gpu_text(const ObservedStep& o) {
  const GpuTelemetry* gpu = Scene::gpu(o);
  if (gpu == nullptr || !gpu->util_mean) return "";
  return fmt::format(" while the GPU was in use {} of the time", percent(*gpu->util_mean));
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
  const std::string at = Scene::load_of(*judged.step);
  if (front && *front >= Limits::kBusyProcess && (idle || front_end_is_slow(scene)) &&
      engine.value_or(0) < Limits::kBusyProcess) {
    return Cause{"front_end",
                 fmt::format("The server's front end works as fast as it can: at {} its process was busy "
                             "{:.2f} of a core{}{}.",
                             at, *front, gpu_text(judged), split_text(scene))};
  }
  if (idle && engine && *engine >= Limits::kBusyProcess && front.value_or(0) < Limits::kIdleProcess) {
    return Cause{"scheduler",
                 fmt::format("The engine's own loop works as fast as it can: at {} its process was busy "
                             "{:.2f} of a core{}.",
                             at, *engine, gpu_text(judged))};
  }
  return std::nullopt;
}

std::string open_causes(const Scene& scene) {
  const ObservedStep& judged = scene.steps.judged;
  if (!scene.knee() || judged.step == nullptr) return "";
  if (gpu_not_full(judged)) {
    const StepTelemetry* t = Scene::engine(judged);
    if (t != nullptr && t->front_end_cpu_cores.value_or(1) < Limits::kIdleProcess &&
        t->engine_cpu_cores.value_or(1) < Limits::kIdleProcess) {
      return fmt::format(
          "The GPU is not full ({} in use at {}), nor are the server's processes ({:.2f} and {:.2f} of a "
          "core): what holds it back was not seen.",
          percent(*judged.telemetry->gpu.util_mean), Scene::load_of(*judged.step), *t->front_end_cpu_cores,
          *t->engine_cpu_cores);
    }
    const bool front = t != nullptr && t->front_end_cpu_cores;
    const bool engine = t != nullptr && t->engine_cpu_cores;
    std::string cpu, verdict = "front end or scheduler (it is not known which).";
    if (front)
      cpu += fmt::format("; the front end's process was busy {:.2f} of a core", *t->front_end_cpu_cores);
    if (engine) cpu += fmt::format("; the engine's process was busy {:.2f} of a core", *t->engine_cpu_cores);
    if (!front || !engine) {
      verdict += " The CPU of each of the server's processes would show it.";
    } else if (std::min(*t->front_end_cpu_cores, *t->engine_cpu_cores) >= Limits::kBusyProcess) {
      verdict = "front end and scheduler are both at their limit, and either may hold back the other.";
    }
    return fmt::format("The GPU is not full ({} in use at {}{}): {}",
                       percent(*judged.telemetry->gpu.util_mean), Scene::load_of(*judged.step), cpu, verdict);
  }
  if (scene.input.knee_kind == "hard" && judged.telemetry != nullptr) {
    return "Requests wait while decoding is as fast as before: full slots, prefill or something before the "
           "engine (it is not known which). The engine's queue time, prefill time and requests in the "
           "batch, of every server, would show it.";
  }
  return "";
}

}  // namespace kneepoint::coordinator
