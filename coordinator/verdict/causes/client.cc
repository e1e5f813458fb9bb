#include <fmt/format.h>

#include "coordinator/measure/validity.h"
#include "coordinator/results/units.h"
#include "coordinator/verdict/causes/scene.h"

namespace kneepoint::coordinator {
namespace {

using Limits = AttributionLimits;

/// Late sends of a generator that had time are its machine's doing, and no limit that gave out.
bool only_late(const Step& step) {
  const GeneratorSummary& generator = step.generator;
  return step.ttft_seconds.p50 &&
         generator.send_lag_p99_seconds.value_or(0) > Gates::kLagShare * *step.ttft_seconds.p50 &&
         generator.busiest_thread_ratio.value_or(1) < Limits::kIdleThread &&
         generator.client_coalesced_ratio.value_or(0) <= Gates::kCoalesced &&
         generator.unstamped_read_ratio.value_or(0) <= Gates::kUnstamped;
}

std::string why(const Step& step) {
  const GeneratorSummary& generator = step.generator;
  if (generator.busiest_thread_ratio.value_or(0) > Gates::kBusyThread) {
    return fmt::format("one of its threads was busy {} of the time",
                       percent(*generator.busiest_thread_ratio));
  }
  if (generator.client_coalesced_ratio.value_or(0) > Gates::kCoalesced) {
    return fmt::format("it read {:.1f} % of the events late and together",
                       *generator.client_coalesced_ratio * 100);
  }
  return step.reasons.empty() ? "see the step's reasons" : step.reasons.front();
}

}  // namespace

/// A generator that stumbled in one row did not make a knee that valid rows show, nor was it the limit there
/// when it kept up with more.
std::optional<Cause> client_cause(Scene& scene) {
  if (scene.knee()) return std::nullopt;
  const double kept_up_with =
      scene.steps.knee.step == nullptr ? 0 : scene.steps.knee.step->load();  // highest valid
  for (const ObservedStep& o : scene.steps.all) {
    if (!o.step->has_flag("CLIENT_BOUND") || o.step->load() < kept_up_with) continue;
    const GeneratorSummary& generator = o.step->generator;
    if (only_late(*o.step)) {
      scene.asides.push_back(
          fmt::format("Requests left late at {}: send lag p99 {} against TTFT p50 {}, while the busiest "
                      "thread of the load generator was busy {} of the time.",
                      Scene::load_of(*o.step), format_time(generator.send_lag_p99_seconds),
                      format_time(o.step->ttft_seconds.p50), percent(*generator.busiest_thread_ratio)));
      continue;
    }
    return Cause{"client", fmt::format("The load generator was its own limit at {}: {}.",
                                       Scene::load_of(*o.step), why(*o.step))};
  }
  return std::nullopt;
}

}  // namespace kneepoint::coordinator
