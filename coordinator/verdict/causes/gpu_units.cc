
#include <algorithm>

#include "coordinator/verdict/causes/scene.h"
#include "coordinator/words/causes.h"

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

}  // namespace

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
  return Cause{"compute", words::gpu_computes_all_it_can(*judged.step, *judged.telemetry,
                                                         Scene::engine(judged) != nullptr)};
}

/// Decoding keeps a unit busy at any load: it says something only where more load has stopped to help.
std::optional<Cause> busiest_unit_cause(Scene& scene) {
  if (!scene.knee()) return std::nullopt;
  const ObservedStep& judged = scene.steps.judged;
  const ObservedStep& lowest = scene.steps.lowest;
  const double tensor = tensor_share(judged).value_or(0);
  const double dram = dram_share(judged).value_or(0);
  if (std::max(tensor, dram) < Limits::kUnitBusy) return std::nullopt;
  const bool engine = Scene::engine(judged) != nullptr;
  if (tensor > dram)
    return Cause{"compute", words::tensor_pipe_leads(*judged.step, *judged.telemetry, engine)};
  // Decoding keeps the bus busy at any load; where it limits, every request slows the others: a soft knee.
  if (scene.input.knee_kind == "hard") return std::nullopt;
  const GpuTelemetry* before = lowest.step != judged.step ? Scene::gpu(lowest) : nullptr;
  return Cause{
      "memory_bandwidth",
      words::memory_bus_leads(*judged.step, *judged.telemetry, engine,
                              before != nullptr ? before->dram_active_mean : std::nullopt, *lowest.step)};
}

}  // namespace kneepoint::coordinator
