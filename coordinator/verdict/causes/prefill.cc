#include <fmt/format.h>

#include <algorithm>

#include "coordinator/results/units.h"
#include "coordinator/verdict/causes/scene.h"

namespace kneepoint::coordinator {
namespace {

using Limits = AttributionLimits;

bool no_more_prefill(const StepTelemetry& before, const StepTelemetry& now) {
  const auto& earlier = before.server_prompt_tokens_per_second;
  const auto& later = now.server_prompt_tokens_per_second;
  return earlier && later && *earlier > 0 && *later <= *earlier * (1 + Limits::kRunningGrowth);
}

/// Where decoding slows down, too, it is not prompts alone that there is no time for.
bool decodes_as_before(const Step& before, const Step& now) {
  const auto& earlier = before.tpot_seconds.p50;
  const auto& later = now.tpot_seconds.p50;
  return earlier && later && *later <= Limits::kFlatDecode * *earlier;
}

}  // namespace

/// Prompt tokens a second have stopped growing though requests queue before a batch that is not full, or take
/// longer from their scheduling to their first token: the prompts are what there is no time for.
std::optional<Cause> prefill_cause(Scene& scene) {
  if (!scene.knee()) return std::nullopt;
  const ObservedStep& judged = scene.steps.judged;
  const ObservedStep& before = scene.steps.before;
  const StepTelemetry* now = Scene::engine(judged);
  const StepTelemetry* earlier =
      before.step != nullptr && before.step != judged.step ? Scene::engine(before) : nullptr;
  if (now == nullptr || earlier == nullptr || !no_more_prefill(*earlier, *now)) return std::nullopt;
  if (!decodes_as_before(*before.step, *judged.step)) return std::nullopt;
  const double prompt = *now->server_prompt_tokens_per_second;
  const double output = now->server_tokens_per_second.value_or(0);
  if (prompt < Limits::kPromptShare * (prompt + output) ||
      now->kv_usage_max.value_or(1) >= Limits::kKvNearlyFull)
    return std::nullopt;
  const auto running = Scene::running(judged);
  const bool queue_before_room =
      Scene::waits(judged) && running && now->running_max && *running < Limits::kAtCap * *now->running_max;
  const bool slower =
      now->prefill_time_mean_seconds && earlier->prefill_time_mean_seconds &&
      *now->prefill_time_mean_seconds >= Limits::kPrefillGrowth * *earlier->prefill_time_mean_seconds;
  if (!queue_before_room && !slower) return std::nullopt;
  std::string sentence =
      fmt::format("No more prompts are read in a second: {} prompt tokens a second at {}, {} at {}",
                  format_figure(*earlier->server_prompt_tokens_per_second), load_label(*before.step),
                  format_figure(prompt), load_label(*judged.step));
  if (queue_before_room)
    sentence += fmt::format(", while {} wait beside a batch of {} that has held {}",
                            figure(*Scene::waiting(judged)), figure(*running), figure(*now->running_max));
  if (slower)
    sentence += fmt::format("; prefill of a request takes {} instead of {}",
                            format_time(*now->prefill_time_mean_seconds),
                            format_time(*earlier->prefill_time_mean_seconds));
  return Cause{"prefill", sentence + "."};
}

}  // namespace kneepoint::coordinator
