#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/verdict/attribution.h"

namespace kneepoint::coordinator::scenes {

inline Step step_at(std::uint32_t concurrency) {
  Step step;
  step.concurrency = concurrency;
  step.achieved_concurrency = concurrency;
  step.requests.completed = 1000;
  step.duration_seconds = 60;
  step.generator.busiest_thread_ratio = 0.2;
  step.ttft_seconds.p50 = 0.05;
  step.tpot_seconds.p50 = 0.010;
  return step;
}

/// A server with everything in order: all requests run, half a cache, a GPU at work.
inline StepTelemetry healthy(double running, double waiting = 0) {
  StepTelemetry t;
  t.running_mean = running;
  t.waiting_mean = waiting;
  t.kv_usage_mean = 0.5;
  t.kv_usage_max = 0.55;
  t.preemptions_per_second = 0;
  t.gpu.util_mean = 1;
  t.gpu.sm_active_mean = 0.9;
  t.gpu.tensor_active_mean = 0.1;
  t.gpu.dram_active_mean = 0.3;
  t.engine_sources = 1;
  t.front_end_cpu_cores = 0.3;
  t.engine_cpu_cores = 0.4;
  t.page = {.state = "covered", .tokens_ratio = 1};
  return t;
}

/// Steps 1, 16, 32, 48 with the knee at 30, all in order.
struct Scene {
  std::vector<Step> steps{step_at(1), step_at(16), step_at(32), step_at(48)};
  std::optional<double> saturation = 30;
  std::string knee_kind;
  std::size_t replicas = 1;

  Scene() {
    for (Step& step : steps) step.telemetry = healthy(step.concurrency);
  }
  Step& knee() { return steps[2]; }
  Step& past() { return steps[3]; }
  StepTelemetry& at_knee() { return *knee().telemetry; }
  StepTelemetry& at_past() { return *past().telemetry; }
  void fail(Step& step, Outcome outcome, std::uint64_t count) {
    step.requests.failed += count;
    step.requests.by_outcome[static_cast<std::size_t>(outcome)] += count;
  }
  void without_telemetry() {
    for (Step& step : steps) step.telemetry.reset();
  }
  Attribution judge() const { return find_bottleneck({steps, saturation, knee_kind, replicas}); }
};

}  // namespace kneepoint::coordinator::scenes
