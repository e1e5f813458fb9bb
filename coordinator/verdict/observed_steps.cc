#include "coordinator/verdict/observed_steps.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "coordinator/measure/repeat.h"
#include "coordinator/measure/validity.h"

namespace kneepoint::coordinator {
namespace {

/// From here on more load is enough more to be compared with.
constexpr double kApart = 1.5;

/// Engines and GPUs are read once a second. What fewer readings saw may be a moment.
constexpr double kFewestReadings = 5;

const StepTelemetry* telemetry_of(const Step& step) {
  return step.telemetry && step.duration_seconds >= kFewestReadings ? &*step.telemetry : nullptr;
}

/// Twice the knee, or twice the first step that lies past it.
double horizon_of(const std::vector<Step>& steps, std::optional<double> saturation) {
  if (!saturation) return std::numeric_limits<double>::infinity();
  double knee = std::numeric_limits<double>::infinity();
  for (const Step& step : steps) {
    if (stands(step) && step.load() >= *saturation) knee = std::min(knee, step.load());
  }
  return 2 * (std::isfinite(knee) ? knee : *saturation);
}

void choose_around(double saturation, ObservedSteps& found) {
  for (const ObservedStep& o : found.all) {
    if (!o.step->valid || o.step->load() < saturation) continue;
    if (found.knee.step == nullptr) {
      found.knee = o;
    } else if (found.past.step == nullptr && o.step->load() >= kApart * found.knee.step->load()) {
      found.past = o;
    }
  }
  found.before = found.knee;
}

/// The last of clearly less load than the knee's step.
void compare_with_less(ObservedSteps& found) {
  for (const ObservedStep& o : found.all) {
    if (o.step->valid && kApart * o.step->load() <= found.knee.step->load()) found.before = o;
  }
}

void choose_highest(ObservedSteps& found) {
  for (const ObservedStep& o : found.all) {
    if (o.step->valid) found.knee = o;
  }
  if (found.knee.step != nullptr) compare_with_less(found);
  found.past = found.knee;
}

}  // namespace

ObservedSteps observe(const std::vector<Step>& steps, std::optional<double> saturation) {
  ObservedSteps found;
  const double horizon = horizon_of(steps, saturation);
  for (const Step& step : steps) {
    if (step.load() <= horizon && !host_was_gone(step) && !step.has_flag(kSuperseded))
      found.all.push_back({&step, telemetry_of(step)});
  }
  std::stable_sort(found.all.begin(), found.all.end(), [](const ObservedStep& a, const ObservedStep& b) {
    return a.step->load() < b.step->load();
  });
  const auto lowest =
      std::find_if(found.all.begin(), found.all.end(), [](const ObservedStep& o) { return o.step->valid; });
  if (lowest != found.all.end()) found.lowest = *lowest;
  if (saturation) {
    choose_around(*saturation, found);
    for (const Step& step : steps) {
      if (stands(step) && step.load() >= *saturation) found.beyond.push_back({&step, telemetry_of(step)});
    }
    std::stable_sort(
        found.beyond.begin(), found.beyond.end(),
        [](const ObservedStep& a, const ObservedStep& b) { return a.step->load() < b.step->load(); });
  } else {
    choose_highest(found);
  }
  const bool past_tells = found.past.telemetry != nullptr || found.knee.telemetry == nullptr;
  found.judged = past_tells && found.past.step != nullptr ? found.past : found.knee;
  // Nothing lies past the step at the knee, or it says nothing: that step is held against one before it.
  if (found.judged.step != nullptr && found.judged.step == found.before.step) compare_with_less(found);
  return found;
}

}  // namespace kneepoint::coordinator
