
#include "coordinator/measure/network.h"
#include "coordinator/verdict/attribution.h"
#include "coordinator/verdict/causes/scene.h"
#include "coordinator/words/causes.h"

namespace kneepoint::coordinator {
namespace {

using Limits = AttributionLimits;

bool has_two_loads(const Scene& scene) {
  const ObservedStep& judged = scene.steps.judged;
  const ObservedStep& lowest = scene.steps.lowest;
  return judged.step != nullptr && lowest.step != nullptr && judged.step != lowest.step;
}

}  // namespace

/// A path that loses packets at any load is slow from the first request on; one that is full loses them with
/// the load.
std::optional<Cause> loss_cause(Scene& scene) {
  if (!has_two_loads(scene)) return std::nullopt;
  const Step& judged = *scene.steps.judged.step;
  const Step& lowest = *scene.steps.lowest.step;
  const auto before = lowest.network.loss_ratio();
  if (!before || !surely_lossy(judged.network) ||
      *judged.network.loss_ratio() < Limits::kLossGrowth * *before)
    return std::nullopt;
  return Cause{"network", words::network_loses(judged, lowest)};
}

/// A slow network is named only by what is measured of it.
std::optional<Cause> network_cause(Scene& scene) {
  if (!has_two_loads(scene)) return std::nullopt;
  const Step& judged = *scene.steps.judged.step;
  const Step& lowest = *scene.steps.lowest.step;
  const auto& before = lowest.connect_seconds.p95;
  const auto& now = judged.connect_seconds.p95;
  if (!before || !now || *now < Limits::kConnectSeconds || *now < Limits::kConnectGrowth * *before)
    return std::nullopt;
  return Cause{"network", words::connecting_slows(lowest, *before, judged, *now)};
}

}  // namespace kneepoint::coordinator
