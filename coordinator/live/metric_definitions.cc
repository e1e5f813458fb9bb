#include "coordinator/live/metric_definitions.h"

#include <array>

namespace kneepoint::coordinator {
namespace {

constexpr auto kDefinitions = std::to_array<MetricDefinition>({
    {"kneepoint_agents", "Agents of the fleet by state: awaited, ready, running, lost."},
    kBuildInfo,
    {"kneepoint_bystander_requests_total",
     "Requests beside the load that ended, by outcome: success, failed."},
    {"kneepoint_bystander_time_to_first_token_seconds",
     "What a request beside the load waited for its token, the last one; of those of one second the "
     "longest."},
    {"kneepoint_good_requests_total",
     "Successful requests that met every limit of their scenario's SLO; absent without an SLO."},
    {"kneepoint_inflight_requests", "Requests in flight over the whole fleet now."},
    {"kneepoint_inter_chunk_latency_seconds", "Time from one content chunk to the next."},
    {"kneepoint_output_tokens_total",
     "Output tokens received: usage as the server reports it, estimated from chunks until it does."},
    {"kneepoint_prompt_tokens_total", "Prompt tokens of requests that ended with usage."},
    {"kneepoint_receive_lag_seconds",
     "Generator: from the kernel's receive stamp of a read to its processing."},
    {"kneepoint_request_duration_seconds", "From the first write of a request to its last content chunk."},
    {"kneepoint_requests_total", "Requests that ended, by outcome."},
    {"kneepoint_result_trust",
     "How far the finished result may be relied on: 1 trustworthy, 0.5 with reservations, 0 not."},
    {"kneepoint_run_info", "Always 1; one series for each scenario and target of the run."},
    {"kneepoint_saturation_concurrency",
     "Concurrency at which the target saturates, by criterion: knee (a point; absent where only a range is "
     "known), knee_low and knee_high (its 95 % interval, or the range), slo, queue; absent where not found."},
    {"kneepoint_saturation_request_rate",
     "Of an open loop: requests per second at which the target saturates, by criterion as above."},
    {"kneepoint_schedule_lag_seconds", "Generator: from the intended to the actual start of a request."},
    {"kneepoint_slo_limit_seconds",
     "A limit of the plan's SLO, by figure (ttft, tpot, …), percentile and, where it is of one, class."},
    {"kneepoint_start_skew_seconds", "Largest difference between the agents' starts of the run."},
    {"kneepoint_step_achieved_concurrency", "Step: mean number of requests in flight."},
    {"kneepoint_step_duration_seconds", "Step: length of the measured window."},
    {"kneepoint_step_error_ratio", "Step: failed requests over those that ended."},
    {"kneepoint_step_goodput_ratio", "Step: requests that met every limit over those that ended."},
    {"kneepoint_step_output_tokens_per_second", "Step: output tokens received per second of the window."},
    {"kneepoint_step_request_duration_seconds", "Step: percentiles of the request duration."},
    {"kneepoint_step_requests_per_second", "Step: successful requests per second of the window."},
    {"kneepoint_step_target_concurrency",
     "Step: concurrency that was asked for; of an open loop, the most that it allows."},
    {"kneepoint_step_target_request_rate", "Step of an open loop: requests per second asked for."},
    {"kneepoint_step_time_per_output_token_seconds", "Step: percentiles of the time per output token."},
    {"kneepoint_step_time_to_first_token_seconds", "Step: percentiles of the time to first token."},
    {"kneepoint_step_valid", "Step: 1 where its figures can be trusted, else 0."},
    {"kneepoint_target_concurrency",
     "Concurrency commanded now, over the whole fleet; of an open loop, the most that it allows."},
    {"kneepoint_time_per_output_token_seconds", "Mean time per output token after the first, per request."},
    {"kneepoint_time_to_first_token_seconds",
     "From the first write of a request to its first chunk with content, reasoning or a tool call."},
});

}  // namespace

std::span<const MetricDefinition> metric_definitions() {
  return kDefinitions;
}

std::vector<std::string> exported_metric_names() {
  std::vector<std::string> names;
  for (const MetricDefinition& definition : kDefinitions) names.emplace_back(definition.name);
  return names;
}

namespace buckets {

const std::vector<double>& time_to_first_token() {
  static const std::vector<double> bounds = {0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2,
                                             0.3,   0.4,  0.5,  0.75, 1,    1.5,   2,   3,    4,
                                             5,     7.5,  10,   15,   20,   30,    60,  120};
  return bounds;
}

const std::vector<double>& time_per_output_token() {
  static const std::vector<double> bounds = {0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01,  0.0125, 0.015,
                                             0.02,  0.025, 0.03,  0.04,  0.05,  0.06,   0.075, 0.1,    0.125,
                                             0.15,  0.2,   0.25,  0.3,   0.5,   1,      2};
  return bounds;
}

const std::vector<double>& inter_chunk_latency() {
  static const std::vector<double> bounds = {
      0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.03,
      0.04,   0.05,    0.075,  0.1,   0.15,  0.2,   0.3,   0.5,    1,    2,     5,    10};
  return bounds;
}

const std::vector<double>& request_duration() {
  static const std::vector<double> bounds = {0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1,  1.5, 2,   3,   4,   5,  7.5,
                                             10,   15,  20,  30,  45,  60,   90, 120, 180, 300, 450, 600};
  return bounds;
}

const std::vector<double>& generator_lag() {
  static const std::vector<double> bounds = {1e-6, 2e-6,   5e-6, 1e-5, 1.5e-5, 2e-5,   3e-5, 5e-5, 7.5e-5,
                                             1e-4, 1.5e-4, 2e-4, 3e-4, 5e-4,   7.5e-4, 1e-3, 2e-3, 3e-3,
                                             5e-3, 1e-2,   2e-2, 5e-2, 0.1,    0.5,    1};
  return bounds;
}

}  // namespace buckets
}  // namespace kneepoint::coordinator
