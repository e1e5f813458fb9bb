#include <algorithm>
#include <vector>

#include "coordinator/verdict/causes/scene.h"
#include "coordinator/words/causes.h"

namespace kneepoint::coordinator {
namespace {

using Limits = AttributionLimits;

/// Of the requests that have no token yet: so many must stand in the stage that is named, or the pages that
/// are read do not show where the others are.
constexpr double kMostWaitThere = 0.5;

using words::Stage;

const RoleFigures* role(const StepTelemetry& told, std::string_view name) {
  const auto found = std::find_if(told.roles.begin(), told.roles.end(),
                                  [&](const RoleFigures& each) { return each.role == name; });
  return found == told.roles.end() ? nullptr : &*found;
}

std::vector<Stage> stages_of(const StepTelemetry& told) {
  const auto waiting = [&](std::string_view name) {
    const RoleFigures* figures = role(told, name);
    return figures != nullptr ? figures->waiting_mean : std::nullopt;
  };
  return {{"router", waiting("router")},
          {"prefill", waiting("prefill")},
          {"kv_transfer", told.kv_transferring},
          {"decode", waiting("decode")}};
}

}  // namespace

/// Of a request's stages the one that holds most, by its own pages; and by the client: as many requests of it
/// wait for their first token, and at the lowest load they did not.
std::optional<Cause> role_cause(Scene& scene) {
  const ObservedStep& judged = scene.steps.judged;
  const ObservedStep& lowest = scene.steps.lowest;
  if (judged.step == nullptr || judged.telemetry == nullptr || judged.telemetry->roles.empty() ||
      lowest.step->load() == judged.step->load())
    return std::nullopt;
  const std::vector<Stage> stages = stages_of(*judged.telemetry);
  const auto most = std::max_element(stages.begin(), stages.end(), [](const Stage& a, const Stage& b) {
    return a.held.value_or(0) < b.held.value_or(0);
  });
  const double load = Scene::held(*judged.step);
  const double held = most->held.value_or(0);
  const auto& without_token = judged.step->waiting;
  if (held < std::max(Limits::kFewestOutside, Limits::kOutside * load) || !without_token ||
      *without_token < Limits::kAtEntry * held || held < kMostWaitThere * *without_token)
    return std::nullopt;
  const double share_at_lowest = lowest.step->waiting.value_or(0) / std::max(1.0, Scene::held(*lowest.step));
  if (*without_token / load < Limits::kWaitsMore * share_at_lowest) return std::nullopt;
  return Cause{most->name, words::requests_stand(*judged.step, stages, most->name, *without_token)};
}

}  // namespace kneepoint::coordinator
