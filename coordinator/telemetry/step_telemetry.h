#pragma once

#include <cstddef>
#include <optional>

namespace kneepoint::coordinator {

/// What the GPUs did during a window. Over all of the target's GPUs, as Signal says.
struct GpuTelemetry {
  std::optional<double> memory_peak_bytes, memory_total_bytes;
  std::optional<double> power_mean_watts;
  std::optional<double> energy_joules;  ///< From the energy counter, else mean power × the window.
  std::optional<double> util_mean;
  std::optional<double> sm_active_mean, tensor_active_mean, dram_active_mean;
  std::optional<double> temperature_max_celsius;
  std::optional<double> joules_per_token;  ///< Over what the server generated, for whoever asked.
  bool operator==(const GpuTelemetry&) const = default;
};

/// What a target's own metrics say of a window. Anything that was not exposed is absent.
struct StepTelemetry {
  std::optional<double> running_mean, waiting_mean;  ///< Requests over all replicas.
  std::optional<double> kv_usage_mean, kv_usage_max;
  std::optional<double> preemptions_per_second;
  std::optional<double>
      queue_time_mean_seconds;  ///< Of the requests that left the queue (or ended) in the window.
  std::optional<double> prefix_hit_ratio;
  std::optional<double> server_tokens_per_second;         ///< Generated, for whoever asked.
  std::optional<double> server_prompt_tokens_per_second;  ///< Prefilled.
  GpuTelemetry gpu;
  std::size_t engine_sources = 0;  ///< Replicas that told how many requests they run.
  bool operator==(const StepTelemetry&) const = default;
};

}  // namespace kneepoint::coordinator
