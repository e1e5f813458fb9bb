#include "coordinator/verdict/causes/scene.h"

#include <algorithm>

#include "coordinator/results/engine_load.h"
#include "coordinator/results/sessions.h"

namespace kneepoint::coordinator {
using Limits = AttributionLimits;

Scene::Scene(const AttributionInput& given)
    : input(given), steps(observe(given.steps, given.saturation ? given.saturation : given.range_middle())) {}

std::optional<double> Scene::knee_at_most() const {
  if (input.saturation) return input.saturation;
  if (input.range) return input.range->high;
  return std::nullopt;
}

const StepTelemetry* Scene::engine(const ObservedStep& o) {
  return o.telemetry != nullptr && o.telemetry->page.evidence() ? o.telemetry : nullptr;
}

const GpuTelemetry* Scene::gpu(const ObservedStep& o) {
  return o.telemetry != nullptr ? &o.telemetry->gpu : nullptr;
}

double Scene::held(const Step& step) {
  return requests_in_flight(step);
}

std::optional<double> Scene::running(const ObservedStep& o) {
  return engine(o) != nullptr ? running_in_engine(*o.step, *o.telemetry) : std::nullopt;
}

std::optional<double> Scene::waiting(const ObservedStep& o) {
  return engine(o) != nullptr ? waiting_in_engine(*o.step, *o.telemetry) : std::nullopt;
}

double Scene::most_running() const {
  double most = 0;
  for (const auto* part : {&steps.all, &steps.beyond}) {
    for (const ObservedStep& o : *part) {
      if (engine(o) != nullptr)
        most = std::max(most, engine(o)->running_max.value_or(running(o).value_or(0)));
    }
  }
  return most;
}

std::optional<double> Scene::batch_fill(const ObservedStep& o) const {
  if (engine(o) == nullptr) return std::nullopt;
  const bool readings = engine(o)->running_mean && engine(o)->running_max && !o.step->has_flag("IN_STEP");
  const auto mean = readings ? engine(o)->running_mean : running(o);
  const double most = most_running();
  if (!mean || most <= 0) return std::nullopt;
  return *mean / most;
}

bool Scene::kv_usage_tells() const {
  const StepTelemetry* lightest = engine(steps.lowest);
  if (lightest == nullptr || !lightest->kv_usage_mean || *lightest->kv_usage_mean < Limits::kKvFull)
    return true;
  const auto few = running(steps.lowest), many = running(steps.judged);
  return !few || !many || *many < Limits::kMoreRun * *few;
}

bool Scene::waits(const ObservedStep& o) {
  const auto queue = waiting(o);
  return queue && *queue >= std::max(Limits::kFewestWaiting, Limits::kWaitingShare * held(*o.step));
}

std::optional<double> Scene::outside_engine(const ObservedStep& o) const {
  const StepTelemetry* t = engine(o);
  if (t == nullptr || t->page.state != "covered" || t->engine_sources < input.replicas) return std::nullopt;
  const auto in_batch = running(o), queued = waiting(o);
  if (!in_batch || !queued) return std::nullopt;
  return o.step->achieved_concurrency.value_or(held(*o.step)) - *in_batch - *queued;
}

}  // namespace kneepoint::coordinator
