#include "coordinator/verdict/attribution.h"

#include <algorithm>
#include <cmath>

#include "coordinator/measure/reconcile.h"
#include "coordinator/verdict/causes/scene.h"
#include "coordinator/words/causes.h"

namespace kneepoint::coordinator {
namespace {

/// The first whose signs are there is what gave out first.
constexpr auto kCauses = {client_cause,      failure_cause,       role_cause,         kv_cache_cause,
                          compute_cause,     queue_slots_cause,   token_budget_cause, loss_cause,
                          front_end_cause,   before_engine_cause, network_cause,      prefill_cause,
                          busiest_unit_cause};

std::string no_limit(const Scene& scene) {
  const ObservedStep& judged = scene.steps.judged;
  const StepTelemetry* t = Scene::engine(judged);
  const GpuTelemetry* gpu = Scene::gpu(judged);
  return words::no_limit(*judged.step, {Scene::running(judged), Scene::waiting(judged)},
                         t != nullptr ? t->kv_usage_mean : std::nullopt,
                         gpu != nullptr ? words::gpu_units(*gpu) : "");
}

void say_nothing_found(const Scene& scene, Attribution& result) {
  const ObservedStep& judged = scene.steps.judged;
  if (judged.step == nullptr) return;
  const auto& before = scene.steps.lowest.step->tpot_seconds.p50;
  const auto& now = judged.step->tpot_seconds.p50;
  if (scene.input.knee_kind == "soft" && before && now && judged.step != scene.steps.lowest.step)
    result.evidence.push_back(words::all_slow_each_other(*scene.steps.lowest.step, *judged.step));
  if (judged.telemetry == nullptr || !scene.knee()) return;
  for (std::string sentence : {no_limit(scene), open_causes(scene)}) {
    if (!sentence.empty()) result.evidence.push_back(std::move(sentence));
  }
}

/// A page that does not tell of our load is no witness, and that is said where it would have been asked.
void say_what_the_page_is(const Scene& scene, Attribution& result) {
  const ObservedStep& judged = scene.steps.judged;
  if (judged.telemetry == nullptr || judged.telemetry->page.evidence()) return;
  result.evidence.push_back(words::page_is_no_witness(*judged.step));
}

/// What the missing telemetry could have excluded.
void doubt_attribution(const Scene& scene, Attribution& result) {
  const std::string& found = result.bottleneck;
  if (found.empty() && !scene.knee()) return;  // nothing has given out yet
  if (found == "client" || found == "admission" || found == "errors") return;
  const StepTelemetry none;
  const ObservedStep& judged = scene.steps.judged;
  const StepTelemetry& t = Scene::engine(judged) != nullptr ? *Scene::engine(judged) : none;
  const GpuTelemetry& gpu = Scene::gpu(judged) != nullptr ? *Scene::gpu(judged) : none.gpu;
  const auto add = [&](const char* name, bool known) {
    if (!known && found != name) result.not_ruled_out.emplace_back(name);
  };
  const bool of_a_role = found == "router" || found == "kv_transfer" || found == "decode" ||
                         (found == "prefill" && !t.roles.empty());
  const bool before_slots =
      of_a_role || found == "front_end" || found == "scheduler" || found == "before_engine";
  const bool explained = before_slots || found == "queue_slots" || found == "kv_cache" ||
                         found == "network" || found == "prefill";
  // A hard knee and a known queue both tell how far the batch is.
  add("queue_slots", t.waiting_mean.has_value() || found == "kv_cache");
  add("kv_cache", t.kv_usage_mean.has_value() && scene.kv_usage_tells());
  const bool idle = gpu_not_full(judged);
  add("compute", gpu.tensor_active_mean.has_value() || explained || idle || found == "memory_bandwidth");
  add("memory_bandwidth", gpu.dram_active_mean.has_value() || explained || idle || found == "compute");
  // Of a GPU with time left it was said that it is one of these.
  add("front_end", t.front_end_cpu_cores.has_value() || !found.empty() || idle);
  add("scheduler", t.engine_cpu_cores.has_value() || !found.empty() || idle);
  // A client that sees requests wait knows no place where.
  const bool seen_by_client_only = found == "queue_slots" && !t.running_mean;
  add("prefill", !seen_by_client_only);
  add("before_engine", scene.outside_engine(judged).has_value() || (explained && !seen_by_client_only));
}

}  // namespace

std::optional<double> AttributionInput::range_middle() const {
  if (!range || range->low <= 0) return std::nullopt;
  return std::sqrt(range->low * range->high);
}

std::string Attribution::text() const {
  std::string text;
  for (const std::string& sentence : evidence) text += (text.empty() ? "" : " ") + sentence;
  if (not_ruled_out.empty()) return text;
  if (!text.empty()) text += ' ';
  return text + words::not_ruled_out(not_ruled_out);
}

Attribution find_bottleneck(const AttributionInput& input) {
  Scene scene(input);
  Attribution result;
  for (const auto& cause : kCauses) {
    auto found = cause(scene);
    if (!found) continue;
    result.bottleneck = std::move(found->name);
    result.evidence.push_back(std::move(found->sentence));
    break;
  }
  result.evidence.insert(result.evidence.begin(), scene.asides.begin(), scene.asides.end());
  say_what_the_page_is(scene, result);
  if (result.bottleneck.empty()) say_nothing_found(scene, result);
  doubt_attribution(scene, result);
  return result;
}

}  // namespace kneepoint::coordinator
