
#include <algorithm>

#include "coordinator/verdict/causes/scene.h"
#include "coordinator/words/causes.h"

namespace kneepoint::coordinator {

using Limits = AttributionLimits;

std::optional<Cause> kv_cache_cause(Scene& scene) {
  const ObservedStep& judged = scene.steps.judged;
  const StepTelemetry* engine = Scene::engine(judged);
  if (engine == nullptr) return std::nullopt;
  const StepTelemetry& t = *engine;
  const double preempted = t.preemptions_per_second.value_or(0);
  const bool tells = scene.kv_usage_tells();
  if (tells && t.kv_usage_max && *t.kv_usage_max >= Limits::kKvNearlyFull &&
      preempted >= Limits::kPreemptionsPerSecond) {
    return Cause{"kv_cache", words::kv_cache_runs_out(*judged.step, *t.kv_usage_max, preempted)};
  }
  if (!Scene::waits(judged)) return std::nullopt;
  if (!tells) {
    scene.asides.push_back(words::kv_cache_always_full(*scene.steps.lowest.step,
                                                       *Scene::engine(scene.steps.lowest)->kv_usage_mean));
    return std::nullopt;
  }
  const double queue = *Scene::waiting(judged);
  if (t.kv_usage_mean && *t.kv_usage_mean >= Limits::kKvFull) {
    return Cause{"kv_cache", words::kv_cache_full(*judged.step, *t.kv_usage_mean, queue)};
  }
  const auto running = Scene::running(judged);
  if (!t.kv_usage_max || !running) return std::nullopt;
  const double on_each_replica = *running / static_cast<double>(scene.input.replicas);
  const double each = *t.kv_usage_max / std::max(on_each_replica, 1.0);
  if (each < Limits::kKvLargeRequest || *t.kv_usage_max + each <= 1) return std::nullopt;
  return Cause{"kv_cache", words::kv_cache_no_room(*judged.step, *running, each, queue)};
}

}  // namespace kneepoint::coordinator
