#include "coordinator/verdict/causes/scene.h"

#include <fmt/format.h>

#include <algorithm>

#include "coordinator/results/units.h"

namespace kneepoint::coordinator {
namespace {

using Limits = AttributionLimits;

/// A time integral is made of requests that ended: it needs a window of several times their length.
bool long_enough(const Step& step) {
  const auto& length = step.e2e_seconds.mean;
  return length && step.duration_seconds >= Limits::kIntegralResidences * *length;
}

}  // namespace

std::string percent(double ratio) {
  return fmt::format("{:.0f} %", ratio * 100);
}

std::string figure(double value) {
  return value < 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
}

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
  return step.offered_rate ? step.achieved_concurrency.value_or(0) : step.concurrency;
}

std::optional<double> Scene::running(const ObservedStep& o) {
  const StepTelemetry* t = engine(o);
  if (t == nullptr) return std::nullopt;
  if (t->running_by_time && long_enough(*o.step)) return t->running_by_time;
  if (o.step->has_flag("IN_STEP")) return std::nullopt;
  return t->running_mean;
}

std::optional<double> Scene::waiting(const ObservedStep& o) {
  const StepTelemetry* t = engine(o);
  if (t == nullptr) return std::nullopt;
  if (t->waiting_by_time && long_enough(*o.step)) return t->waiting_by_time;
  if (o.step->has_flag("IN_STEP")) return std::nullopt;
  return t->waiting_mean;
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

std::string Scene::load_of(const Step& step) {
  return format_load(step.load_kind(), step.load());
}

}  // namespace kneepoint::coordinator
