#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kneepoint::coordinator {

/// What the GPUs did during a window. Over all of the target's GPUs, as Signal says.
struct GpuTelemetry {
  std::optional<double> memory_peak_bytes, memory_total_bytes;  ///< Of the cards, whoever uses them.
  std::optional<double> process_memory_peak_bytes;  ///< Of the processes that serve the target, where known.
  std::optional<double> power_mean_watts;
  std::optional<double> energy_joules;  ///< From the energy counter, else mean power × the window.
  std::optional<double> util_mean;
  std::optional<double> sm_active_mean, tensor_active_mean, dram_active_mean;
  std::optional<double> temperature_max_celsius;
  std::optional<double> joules_per_token;  ///< Over what the server generated, for whoever asked.
  bool operator==(const GpuTelemetry&) const = default;
};

/// What a target's pages are worth in a window: what the engine counted, held against what the client saw.
struct PageCheck {
  /// "" where nothing could be held against anything; "covered": the page tells of our load; "partial": of a
  /// part of it; "others": of more, which is other tenants'; "stale": of an earlier time; "unlike": as
  /// many tokens, and more requests than are in flight; "frozen": it stands still while tokens flow;
  /// "rotating": of one server after another.
  std::string state;
  std::optional<double> tokens_ratio;    ///< Tokens a second, engine over client.
  std::optional<double> requests_ratio;  ///< Requests that ended, engine over client.
  /// Requests in the engine over those in flight. Below 1 also where something holds requests before the
  /// engine.
  std::optional<double> in_flight_ratio;
  std::optional<double> lag_seconds;    ///< Of a stale page: how old it is.
  std::optional<double> still_seconds;  ///< Of a frozen one: the longest time without a change.

  /// Whether what the page says of requests may be held against the client's load.
  bool evidence() const { return state.empty() || state == "covered" || state == "others"; }
  bool operator==(const PageCheck&) const = default;
};

/// What the bystander felt during a window: requests beside the load that ended in it.
struct BystanderFigures {
  std::size_t requests = 0;  ///< Answered.
  std::size_t failed = 0;
  /// Over the seconds in which one was answered, or given up after the plan's timeout; of several in one
  /// second the longest.
  std::optional<double> ttft_p50_seconds, ttft_max_seconds;
  bool operator==(const BystanderFigures&) const = default;
};

/// What one pod's own page says of a window, where a target has several pages; or one data parallel rank of a
/// server, where its page tells them apart.
struct PodFigures {
  std::string name;                   ///< Of its page, without scheme and "/metrics": "10.0.0.7:8000".
  std::optional<std::uint64_t> rank;  ///< Absent: these are the whole page's.
  std::optional<double> requests_per_second, output_tokens_per_second;
  std::optional<double> requests_share, tokens_share;  ///< Of all pods' and ranks', 0 to 1.
  std::optional<double> running_mean, waiting_mean, kv_usage_max;
  std::optional<double> queue_time_mean_seconds, ttft_mean_seconds;
  std::optional<double> tpot_mean_seconds;  ///< Streams in the batch over tokens a second.
  bool operator==(const PodFigures&) const = default;
};

/// What the servers of one role say of a window, where requests pass through several.
struct RoleFigures {
  std::string role;  ///< "prefill", "decode", "router".
  std::size_t pages = 0;
  std::optional<double> running_mean, waiting_mean;  ///< Over all of its pages.
  std::optional<double> kv_usage_max;
  std::optional<double> prompt_tokens_per_second, output_tokens_per_second;
  bool operator==(const RoleFigures&) const = default;
};

/// What a target's own metrics say of a window. Anything that was not exposed is absent.
struct StepTelemetry {
  std::optional<double> running_mean, waiting_mean;  ///< Requests over all replicas, as read once a second.
  std::optional<double> running_max;                 ///< The most in any reading, over all replicas.
  /// The same by time integrals, where the window is long enough: no matter how the readings fall.
  std::optional<double> running_by_time, waiting_by_time;
  std::optional<double> kv_usage_mean, kv_usage_max;
  std::optional<double> preemptions_per_second;
  std::optional<double>
      queue_time_mean_seconds;  ///< Of the requests that left the queue (or ended) in the window.
  /// Of the requests that ended (or had their first token) in the window. The server's TTFT begins where its
  /// front end takes a request, and contains queue and prefill.
  std::optional<double> prefill_time_mean_seconds, ttft_mean_seconds;
  /// Of a request's mean TTFT as the client has it: until the server takes the request, and from there until
  /// its engine has it. Queue and prefill are the rest.
  std::optional<double> outside_server_seconds, front_end_seconds;
  std::optional<double> iteration_tokens_mean;  ///< Tokens that an iteration computed, prompt and output.
  std::optional<double> front_end_cpu_cores;    ///< Of the busiest process that serves a page.
  std::optional<double> engine_cpu_cores;       ///< Of the busiest engine process; only where its host tells.
  std::optional<double> prefix_hit_ratio;
  /// Of speculative decoding: draft tokens that were accepted of those proposed, and what a step gave on
  /// average, the token that needs no draft included.
  std::optional<double> spec_acceptance_ratio, spec_acceptance_length;
  std::optional<double> spec_draft_tokens_per_second;
  std::optional<double> server_tokens_per_second;         ///< Generated, for whoever asked.
  std::optional<double> server_prompt_tokens_per_second;  ///< Prefilled.
  std::optional<double> server_requests_per_second;       ///< Ended, for whoever asked.
  GpuTelemetry gpu;
  std::size_t engine_sources = 0;  ///< Replicas that told how many requests they run.
  PageCheck page;
  /// Empty where every server does all of a request. Else the figures above are those of the decode servers,
  /// but for prompt tokens and the prefix cache, which are those of the prefill servers.
  std::vector<RoleFigures> roles;
  std::optional<double> kv_transfer_mean_seconds;
  std::optional<double> kv_transferring;  ///< Requests whose cache is on its way: mean, or by Little's law.
  std::optional<double> kv_transfers_failed_per_second;
  /// By name of their pages, a page with ranks as these; empty where there is one page only, without ranks.
  std::vector<PodFigures> pods;
  /// What is made of the server's own times, where they cannot be what they are said to be.
  void forget_times();
  /// What is made of differences says nothing where readings are of one server after another.
  void forget_counters();
  bool operator==(const StepTelemetry&) const = default;
};

}  // namespace kneepoint::coordinator
