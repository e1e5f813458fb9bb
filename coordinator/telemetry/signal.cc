#include "coordinator/telemetry/signal.h"

namespace kneepoint::coordinator {

const std::array<SignalInfo, kSignalCount>& signals() {
  static constexpr std::array<SignalInfo, kSignalCount> kSignals = {{
      {Signal::kRunning, "running", false},
      {Signal::kWaiting, "waiting", false},
      {Signal::kKvUsage, "kv_usage_ratio", false},
      {Signal::kPreemptions, "preemptions_total", true},
      {Signal::kQueueTimeSum, "queue_time_seconds_sum", true},
      {Signal::kQueueTimeCount, "queue_time_seconds_count", true},
      {Signal::kInferenceTimeSum, "inference_time_seconds_sum", true},
      {Signal::kInferenceTimeCount, "inference_time_seconds_count", true},
      {Signal::kPrefillTimeSum, "prefill_time_seconds_sum", true},
      {Signal::kPrefillTimeCount, "prefill_time_seconds_count", true},
      {Signal::kServerTtftSum, "server_ttft_seconds_sum", true},
      {Signal::kServerTtftCount, "server_ttft_seconds_count", true},
      {Signal::kIterationTokensSum, "iteration_tokens_sum", true},
      {Signal::kIterationTokensCount, "iteration_tokens_count", true},
      {Signal::kProcessCpu, "process_cpu_seconds_total", true},
      {Signal::kEngineCpu, "engine_cpu_seconds_total", true},
      {Signal::kProcessStart, "process_start_time_seconds", false},
      {Signal::kPrefixHits, "prefix_hits_total", true},
      {Signal::kPrefixQueries, "prefix_queries_total", true},
      {Signal::kPrefixHitRatio, "prefix_hit_ratio", false},
      {Signal::kSpecDrafts, "spec_drafts_total", true},
      {Signal::kSpecDraftTokens, "spec_draft_tokens_total", true},
      {Signal::kSpecAccepted, "spec_accepted_tokens_total", true},
      {Signal::kSpecAcceptRatio, "spec_acceptance_ratio", false},
      {Signal::kSpecAcceptLength, "spec_acceptance_length", false},
      {Signal::kRouterWaiting, "router_waiting", false},
      {Signal::kKvTransferring, "kv_transferring", false},
      {Signal::kKvTransferSum, "kv_transfer_seconds_sum", true},
      {Signal::kKvTransferCount, "kv_transfer_seconds_count", true},
      {Signal::kKvTransferFailed, "kv_transfers_failed_total", true},
      {Signal::kBystanderTtft, "bystander_ttft_seconds", false},
      {Signal::kBystanderTtftSum, "bystander_ttft_seconds_sum", true},
      {Signal::kBystanderRequests, "bystander_requests_total", true},
      {Signal::kBystanderFailed, "bystander_failed_total", true},
      {Signal::kGenerationTokens, "generation_tokens_total", true},
      {Signal::kPromptTokens, "prompt_tokens_total", true},
      {Signal::kRequestsFinished, "requests_finished_total", true},
      {Signal::kGpuMemoryUsed, "gpu_memory_used_bytes", false},
      {Signal::kGpuProcessMemory, "gpu_process_memory_bytes", false},
      {Signal::kGpuMemoryTotal, "gpu_memory_total_bytes", false},
      {Signal::kGpuPower, "gpu_power_watts", false},
      {Signal::kGpuEnergy, "gpu_energy_joules_total", true},
      {Signal::kGpuTemperature, "gpu_temperature_celsius", false},
      {Signal::kGpuUtil, "gpu_util_ratio", false},
      {Signal::kGpuSmActive, "gpu_sm_active_ratio", false},
      {Signal::kGpuTensorActive, "gpu_tensor_active_ratio", false},
      {Signal::kGpuDramActive, "gpu_dram_active_ratio", false},
  }};
  return kSignals;
}

std::string_view to_string(Signal signal) {
  return signals()[static_cast<std::size_t>(signal)].name;
}

std::optional<Signal> signal_from_string(std::string_view name) {
  for (const SignalInfo& info : signals()) {
    if (info.name == name) return info.signal;
  }
  return std::nullopt;
}

}  // namespace kneepoint::coordinator
