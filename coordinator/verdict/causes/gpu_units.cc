#include <fmt/format.h>

#include <algorithm>

#include "coordinator/results/units.h"
#include "coordinator/verdict/causes/scene.h"

namespace kneepoint::coordinator {
namespace {

using Limits = AttributionLimits;

/// How near each unit is to its practical ceiling; absent where it is not exposed.
std::optional<double> tensor_share(const ObservedStep& o) {
  const GpuTelemetry* gpu = Scene::gpu(o);
  if (gpu == nullptr || !gpu->tensor_active_mean) return std::nullopt;
  return *gpu->tensor_active_mean / Limits::kTensorCeiling;
}
std::optional<double> dram_share(const ObservedStep& o) {
  const GpuTelemetry* gpu = Scene::gpu(o);
  if (gpu == nullptr || !gpu->dram_active_mean) return std::nullopt;
  return *gpu->dram_active_mean / Limits::kDramCeiling;
}

/// Whether it was prefill or decode that kept the GPU busy.
std::string work_text(const ObservedStep& o) {
  const StepTelemetry* engine = Scene::engine(o);
  if (engine == nullptr || !engine->server_prompt_tokens_per_second || !engine->server_tokens_per_second)
    return "";
  return fmt::format(", with {} prompt and {} output tokens a second",
                     figure(*engine->server_prompt_tokens_per_second),
                     figure(*engine->server_tokens_per_second));
}

}  // namespace

std::string units_text(const ObservedStep& o) {
  const GpuTelemetry* gpu = Scene::gpu(o);
  if (gpu == nullptr) return "";
  std::string text;
  const auto add = [&](const char* name, const std::optional<double>& ratio) {
    if (ratio) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, percent(*ratio));
  };
  add("tensor pipe", gpu->tensor_active_mean);
  add("memory bus", gpu->dram_active_mean);
  add("SMs", gpu->sm_active_mean);
  return text;
}

bool gpu_not_full(const ObservedStep& o) {
  const GpuTelemetry* gpu = Scene::gpu(o);
  return gpu != nullptr && gpu->util_mean && *gpu->util_mean < Limits::kGpuIdle &&
         std::max(tensor_share(o).value_or(0), dram_share(o).value_or(0)) < Limits::kUnitSaturated;
}

bool memory_bus_leads(const ObservedStep& o) {
  const double dram = dram_share(o).value_or(0);
  return dram >= Limits::kUnitBusy && dram > tensor_share(o).value_or(0);
}

/// Prefill at the card's limit holds requests back like a full batch does, but more slots would not help.
std::optional<Cause> compute_cause(Scene& scene) {
  const ObservedStep& judged = scene.steps.judged;
  if (!scene.knee() && !Scene::waits(judged)) return std::nullopt;
  const auto tensor = tensor_share(judged);
  if (!tensor || *tensor < Limits::kUnitSaturated || *tensor <= dram_share(judged).value_or(0))
    return std::nullopt;
  return Cause{"compute", fmt::format("The GPU computes as fast as it can: at {} activity was {}{}.",
                                      Scene::load_of(*judged.step), units_text(judged), work_text(judged))};
}

/// Decoding keeps a unit busy at any load: it says something only where more load has stopped to help.
std::optional<Cause> busiest_unit_cause(Scene& scene) {
  if (!scene.knee()) return std::nullopt;
  const ObservedStep& judged = scene.steps.judged;
  const ObservedStep& lowest = scene.steps.lowest;
  const double tensor = tensor_share(judged).value_or(0);
  const double dram = dram_share(judged).value_or(0);
  if (std::max(tensor, dram) < Limits::kUnitBusy) return std::nullopt;
  const std::string at = fmt::format("at {} activity was {}{}", Scene::load_of(*judged.step),
                                     units_text(judged), work_text(judged));
  if (tensor > dram) {
    return Cause{"compute", fmt::format("The tensor pipe is what is nearest to its limit: {}.", at)};
  }
  // Decoding keeps the bus busy at any load; where it limits, every request slows the others: a soft knee.
  if (scene.input.knee_kind == "hard") return std::nullopt;
  std::string sentence = fmt::format(
      "The memory bus is what is nearest to its limit, as when decoding reads weights and KV cache: {}", at);
  if (const GpuTelemetry* gpu = Scene::gpu(lowest);
      lowest.step != judged.step && gpu != nullptr && gpu->dram_active_mean) {
    sentence +=
        fmt::format(" (memory bus {} at {})", percent(*gpu->dram_active_mean), load_label(*lowest.step));
  }
  return Cause{"memory_bandwidth", sentence + "."};
}

}  // namespace kneepoint::coordinator
