
#include <algorithm>

#include "coordinator/verdict/causes/scene.h"
#include "coordinator/words/causes.h"

namespace kneepoint::coordinator {
namespace {

using Limits = AttributionLimits;

words::HeldBefore held_at(const ObservedStep& o) {
  return {.in_flight = Scene::held(*o.step),
          .running = *Scene::running(o),
          .waiting = *Scene::waiting(o),
          .tokens_here = o.step->output_tokens_per_second.value,
          .tokens_there = o.telemetry->server_tokens_per_second};
}

/// Requests that wait for entry wait for their first token, and those that are in are as fast as before.
bool waits_at_the_entry(const Scene& scene, double missing) {
  const ObservedStep& judged = scene.steps.judged;
  const ObservedStep& before = scene.steps.before;
  const auto& now = judged.step->tpot_seconds.p50;
  const auto& earlier =
      before.step != nullptr ? before.step->tpot_seconds.p50 : judged.step->tpot_seconds.p50;
  const double without_token = judged.step->waiting.value_or(0) - *Scene::waiting(judged);
  return now && earlier && *now <= Limits::kFlatDecode * *earlier &&
         without_token >= Limits::kAtEntry * missing;
}

}  // namespace

/// The page tells of our load, and yet the engine holds clearly fewer requests than are in flight.
std::optional<Cause> before_engine_cause(Scene& scene) {
  const ObservedStep& judged = scene.steps.judged;
  if (judged.step == nullptr || scene.steps.lowest.step->load() == judged.step->load()) return std::nullopt;
  const auto missing = scene.outside_engine(judged);
  const double held = Scene::held(*judged.step);
  if (!missing || *missing < std::max(Limits::kFewestOutside, Limits::kOutside * held)) return std::nullopt;
  const StepTelemetry& t = *Scene::engine(judged);
  const auto front = front_end_seconds(judged);
  const auto& ttft = judged.step->ttft_seconds.mean;
  const double rate = judged.step->requests_per_second.value.value_or(0);
  if (front && ttft && t.outside_server_seconds && rate > 0) {
    // Little's law once more: what a request spends somewhere, times requests a second, is how many are
    // there.
    const double outside = *t.outside_server_seconds;
    if (outside * rate >= Limits::kExplains * *missing)
      return Cause{"before_engine", words::held_before_server(*judged.step, held_at(judged), *ttft, outside)};
    if (*front * rate >= Limits::kExplains * *missing)
      return Cause{"front_end", words::held_in_front_end(*judged.step, held_at(judged), *ttft, *front)};
    return std::nullopt;
  }
  if (!waits_at_the_entry(scene, *missing)) return std::nullopt;
  return Cause{"before_engine", words::held_before_engine(*judged.step, held_at(judged))};
}

}  // namespace kneepoint::coordinator
