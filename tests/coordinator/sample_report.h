#pragma once

#include <algorithm>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator::scenes {

inline LatencySummary sample_latency(std::uint64_t count, double p50) {
  LatencySummary s{
      .count = count, .mean = p50 * 1.05, .stddev = p50 * 0.2, .p50 = p50, .min = p50 / 2, .max = p50 * 3};
  if (count >= 64) s.p90 = p50 * 1.4;
  if (count >= 130) s.p95 = p50 * 1.6;
  if (count >= 662) s.p99 = p50 * 2.5;
  s.p50_ci95 = Interval{p50 * 0.97, p50 * 1.03};
  return s;
}

/// Every kind of row that a renderer meets: few requests, many, an invalid one; two replicas; limits.
inline Report sample_report() {
  Report report{.run_id = "20261121T194555Z-7f3a",
                .run_name = "sweep | <b>",
                .version = "0.1.0",
                .started_at = RealTime(std::chrono::seconds(1795290355)),
                .duration_seconds = 61.5,
                .agents = 2};
  report.clock_uncertainty_seconds = 0.0002;
  ScenarioResult result{.target = "host", .scenario = "chat", .model = "qwen3-4b"};
  const auto row = [](std::uint32_t n, std::uint64_t count, double x, double ttft) {
    Step s{.concurrency = n,
           .achieved_concurrency = n * 0.999,
           .window_begin_seconds = 3,
           .duration_seconds = 8};
    s.requests = {.started = count + 1, .completed = count};
    s.requests.by_outcome[0] = count;
    s.requests_per_second = {x / 64, Interval{x / 64 * 0.98, x / 64 * 1.02}, x / 64 * 0.01};
    s.output_tokens_per_second = {x, Interval{x * 0.98, x * 1.02}, x * 0.01};
    s.token_source = TokenSource::kUsage;
    s.ttft_seconds = s.ttfo_seconds = sample_latency(count, ttft);
    s.tpot_seconds = sample_latency(count, 0.0152);
    s.icl_seconds = sample_latency(count * 63, 0.0151);
    s.e2e_seconds = sample_latency(count, ttft + 0.96);
    s.error_ratio = 0;
    s.waiting = 0.2;
    s.backing_off = 0;
    s.goodput_ratio = 0.987;
    s.goodput_requests_per_second = x / 64 * 0.987;
    s.generator = {7.25, 0.125, 0.000085, 0.00012, 0.00031, 0.012, 0.0, 0.0, 0.21};
    s.slo = {{"ttft_p95", count, 1, 0.01, Interval{0.0, 0.04}, "PASS"}};
    s.slo_joint = SloCheck{"joint", count, 1, 0.01, Interval{0.0, 0.04}, "PASS"};
    return s;
  };
  result.steps = {row(1, 9, 65, 0.0391), row(16, 140, 980.25, 0.0622), row(32, 700, 1330, 0.4123),
                  row(64, 710, 1335, 1.34)};
  result.steps[0].flags = {"SHORT_WINDOW", "LOWEST LATENCY"};
  result.steps[0].note = "lowest latency";
  result.steps[1].state = "NEAR-LINEAR";
  result.steps[1].note = "near-linear";
  result.steps[2].state = "SATURATED";
  result.steps[2].note = "saturated; queueing begins";
  result.steps[2].connect_seconds = sample_latency(140, 0.0021);
  result.steps[1].speed = HostSpeed{.ratio = 0.9, .standard_error = 0.01};
  result.steps[2].reconnects = 2;
  result.steps[2].answer_tokens_mean = 64;
  result.steps[2].prompt_tokens_per_second = 10640;
  result.steps[2].network = {
      .segments = {.sent = 1000, .retransmitted = 2, .received = 64000, .out_of_order = 64},
      .retransmitted_ratio = 0.002,
      .out_of_order_ratio = 0.001};
  result.steps[2].early_stops = 5;
  Step& top = result.steps[3];
  top.requests.failed = 29;
  top.requests.by_outcome[static_cast<std::size_t>(Outcome::kRejected)] = 28;
  top.requests.by_outcome[static_cast<std::size_t>(Outcome::kTimeout)] = 1;
  top.requests.failures = {{.outcome = "rejected",
                            .status = 429,
                            .count = 20,
                            .said = "{\"error\": \"<b>too many</b> | requests\"}",
                            .request_id = "7f3a-0-4-63-11"},
                           {.outcome = "rejected", .status = 503, .count = 8},
                           {.outcome = "timeout", .count = 1, .request_id = "7f3a-0-4-2-9"}};
  top.slowest = {{.request_id = "7f3a-0-4-2-8", .ttft_seconds = 3.25, .sent_at_seconds = 51.5}};
  result.steps[1].slowest = {{.request_id = "7f3a-0-2-1-4", .ttft_seconds = 0.7, .sent_at_seconds = 20.25}};
  top.error_ratio = 29.0 / 739;
  top.invalidate("LOW_OCCUPANCY",
                 "only 51.2 of 64 requests were in flight: 12.8 slots were backing off after failures");
  top.state = "COLLAPSING";
  top.note = "INVALID low occupancy; collapsing";
  top.generator = {};
  result.steps[2].replicas = {{.name = "10.0.0.1:8000",
                               .requests = {.started = 350, .completed = 350},
                               .requests_per_second = 10.4,
                               .output_tokens_per_second = 665.0,
                               .ttft_seconds = sample_latency(350, 0.4),
                               .tpot_seconds = sample_latency(350, 0.015),
                               .e2e_seconds = sample_latency(350, 1.36)},
                              {.name = "10.0.0.2:8000"}};
  result.load_seconds = 18.3;
  for (std::size_t i = 1; i < 3; ++i) {
    const double running = std::min(24u, result.steps[i].concurrency);
    StepTelemetry told{.running_mean = running,
                       .waiting_mean = result.steps[i].concurrency - running,
                       .kv_usage_mean = 0.25,
                       .kv_usage_max = 0.3125,
                       .preemptions_per_second = 0,
                       .queue_time_mean_seconds = 0.0125,
                       .server_tokens_per_second = 1300,
                       .engine_sources = 2};
    told.gpu.memory_peak_bytes = 4.5 * 1024 * 1024 * 1024;
    told.gpu.power_mean_watts = 62.5;
    told.gpu.joules_per_token = 0.048;
    result.steps[i].telemetry = told;
  }
  result.saturation = {
      .concurrency = 22.3,
      .ci95 = Interval{16, 32},
      .max_output_tokens_per_second = 1332.5,
      .usl = Usl{.lambda = 110.5, .sigma = 0.04, .kappa = 0.0005},
      .power_concurrency = 16,
      .knee_kind = "hard",
      .bottleneck = "queue_slots",
      .explanation = "From 22.3 requests in flight on, doubling the load adds less than 5 %."};
  result.slo.criteria = {{"ttft_p95", 0.5, 16.0, Interval{16, 32}, "BRACKETED"},
                         {"tpot_p95", 0.05, 32.0, {}, "PASS"}};
  result.slo.joint = SloCriterion{"joint", 0, std::nullopt, std::nullopt, "INDETERMINATE"};
  Step again = row(16, 140, 978, 0.0624);
  again.role = "proof";
  again.agents = 1;
  again.note = "proof with 1 agent; agrees: throughput -0.2 %, TTFT p50 +0.3 %";
  Step down = row(16, 140, 981, 0.0621);
  down.role = "descending";
  down.recovery_seconds = 3;
  down.note = "descending; as on the way up; recovered after 3.00 s";
  result.after = {again, down};
  result.proof = Finding{.state = "HOLDS", .explanation = "Measured again at 16. The verdict survives."};
  result.descent = Finding{.state = "NO HYSTERESIS", .explanation = "Back down from 64: no hysteresis."};
  result.recommendations = {{.name = "interactive",
                             .value = 16,
                             .unit = "requests in flight",
                             .basis = "meets all limits together"},
                            {.name = "output per GPU, batch",
                             .value = 1330,
                             .ci95 = Interval{1303.4, 1356.6},
                             .unit = "tok/s",
                             .basis = "1,330 tok/s at 32 over 1 GPU"}};
  result.verdict.warn("short_windows", "1 of 4 windows are short");
  report.verdict = result.verdict;
  report.results.push_back(std::move(result));
  report.totals = {1700, 1600, 29, 71, 102400, 2};
  return report;
}

}  // namespace kneepoint::coordinator::scenes
