
#include "coordinator/measure/validity.h"
#include "coordinator/verdict/causes/scene.h"
#include "coordinator/words/causes.h"

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
  if (generator.busiest_thread_ratio.value_or(0) > Gates::kBusyThread)
    return words::generator_busy(*generator.busiest_thread_ratio);
  if (generator.client_coalesced_ratio.value_or(0) > Gates::kCoalesced)
    return words::generator_read_late(*generator.client_coalesced_ratio);
  return step.reasons.empty() ? words::see_the_reasons() : step.reasons.front();
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
    if (only_late(*o.step)) {
      scene.asides.push_back(words::requests_left_late(*o.step));
      continue;
    }
    return Cause{"client", words::generator_was_the_limit(*o.step, why(*o.step))};
  }
  return std::nullopt;
}

}  // namespace kneepoint::coordinator
