
#include <algorithm>
#include <cmath>

#include "coordinator/verdict/causes/scene.h"
#include "coordinator/words/causes.h"

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

/// The most of the engine's time that its output can take: so many iterations give it, each of which took no
/// longer at the lowest load than a token there. What slows decoding down beyond that are the pieces of
/// prompts that share its iterations (chunked prefill).
std::optional<double> decode_share(const Scene& scene) {
  const StepTelemetry* now = Scene::engine(scene.steps.judged);
  const auto running = Scene::running(scene.steps.judged);
  const auto& alone = scene.steps.lowest.step->tpot_seconds.p50;
  if (now == nullptr || !now->server_tokens_per_second || !running || *running <= 0 || !alone)
    return std::nullopt;
  return *now->server_tokens_per_second / *running * *alone;
}

/// The most of an engine's time that prompts can take: so many a second, each of which took so long at the
/// lowest load. What takes longer there, too, is shared with others' steps, so this errs upwards.
std::optional<double> prompt_share(const Scene& scene) {
  const StepTelemetry* now = Scene::engine(scene.steps.judged);
  const StepTelemetry* alone = Scene::engine(scene.steps.lowest);
  if (now == nullptr || alone == nullptr || !now->server_requests_per_second ||
      !alone->prefill_time_mean_seconds)
    return std::nullopt;
  const double engines = std::max<double>(1, static_cast<double>(now->engine_sources));
  return *now->server_requests_per_second / engines * *alone->prefill_time_mean_seconds;
}

/// Whether reading prompts is most of the engine's work, and no want of cache.
bool prompts_are_most(const StepTelemetry& now) {
  const double prompt = now.server_prompt_tokens_per_second.value_or(0);
  const double output = now.server_tokens_per_second.value_or(0);
  return prompt > 0 && prompt >= Limits::kPromptShare * (prompt + output) &&
         now.kv_usage_max.value_or(1) < Limits::kKvNearlyFull;
}

/// A GPU that was never seen idle.
bool gpu_in_use(const ObservedStep& o) {
  const GpuTelemetry* gpu = Scene::gpu(o);
  return gpu != nullptr && gpu->util_mean && *gpu->util_mean >= Limits::kGpuInUse;
}

/// The size of iterations that can be no larger, where they seem to be: within 1 % of a power of two, as
/// schedulers' budgets are. A mean comes that near by chance in 3 of 100 rows; so one row alone says nothing.
std::optional<double> full_iteration(const ObservedStep& o) {
  const StepTelemetry* engine = Scene::engine(o);
  if (engine == nullptr || !engine->iteration_tokens_mean || !Scene::waits(o)) return std::nullopt;
  const double tokens = *engine->iteration_tokens_mean;
  if (tokens < Limits::kLeastTokenBudget) return std::nullopt;
  const double budget = std::exp2(std::round(std::log2(tokens)));
  return std::abs(tokens / budget - 1) <= Limits::kFullIteration ? engine->iteration_tokens_mean
                                                                 : std::nullopt;
}

}  // namespace

/// Requests queue beside a batch that is not full because each iteration is: prompts are read in as large
/// pieces as its budget of tokens lets them, at two loads alike.
std::optional<Cause> token_budget_cause(Scene& scene) {
  if (!scene.knee()) return std::nullopt;
  const ObservedStep& judged = scene.steps.judged;
  const ObservedStep& before = scene.steps.before;
  if (before.step == nullptr || before.step == judged.step) return std::nullopt;
  const auto now = full_iteration(judged), earlier = full_iteration(before);
  const auto running = Scene::running(judged);
  const auto fill = scene.batch_fill(judged);
  if (!now || !earlier || std::abs(*now / *earlier - 1) > 2 * Limits::kFullIteration) return std::nullopt;
  if (!running || !fill || *fill >= Limits::kAtCap || !prompts_are_most(*Scene::engine(judged)))
    return std::nullopt;
  return Cause{"prefill", words::iterations_full(*before.step, *earlier, *judged.step, *now,
                                                 {*Scene::waiting(judged), *running, scene.most_running()})};
}

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
  const auto decoding = decode_share(scene);
  const auto prompts = prompt_share(scene);
  // Where each sequence slows down the others by what it has in memory, decoding takes the time all the same.
  const bool prompts_alone = gpu_in_use(judged) && decoding && *decoding <= Limits::kLittleDecode &&
                             prompts && *prompts >= Limits::kMuchPrefill && !memory_bus_leads(judged);
  if (!decodes_as_before(*before.step, *judged.step) && !prompts_alone) return std::nullopt;
  const double prompt = *now->server_prompt_tokens_per_second;
  if (!prompts_are_most(*now)) return std::nullopt;
  const auto running = Scene::running(judged);
  const auto fill = scene.batch_fill(judged);
  const bool queue_before_room = Scene::waits(judged) && running && fill && *fill < Limits::kAtCap;
  const bool slower =
      now->prefill_time_mean_seconds && earlier->prefill_time_mean_seconds &&
      *now->prefill_time_mean_seconds >= Limits::kPrefillGrowth * *earlier->prefill_time_mean_seconds;
  if (!queue_before_room && !slower) return std::nullopt;
  words::MorePrefill told{.tokens_before = *earlier->server_prompt_tokens_per_second, .tokens = prompt};
  if (queue_before_room)
    told.room = words::BatchRoom{*Scene::waiting(judged), *running, scene.most_running()};
  if (slower) {
    told.takes_before = earlier->prefill_time_mean_seconds;
    told.takes = now->prefill_time_mean_seconds;
  }
  if (prompts_alone) {
    told.gpu = Scene::gpu(judged)->util_mean;
    told.decoding = decoding;
  }
  return Cause{"prefill", words::no_more_prompts(*before.step, *judged.step, told)};
}

}  // namespace kneepoint::coordinator
