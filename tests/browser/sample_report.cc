#include "tests/browser/sample_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

namespace kneepoint::coordinator::sample {
namespace {

// A host with 23 batch slots: an iteration takes a + c·batch seconds and gives each slot a token.
constexpr double kSlots = 23, kA = 0.011, kC = 0.00018, kTokens = 256, kPrefill = 0.038;
constexpr double kWarmUp = 12, kHold = 60;

double pace(double n) {
  return kA + kC * std::min(n, kSlots);
}
double token_rate(double n) {
  return std::min(n, kSlots) / pace(n) * 0.985;
}
double queue_wait(double n) {
  return std::max(0.0, n - kSlots) / (token_rate(n) / kTokens);
}

LatencySummary latency(double typical, double spread, std::uint64_t count) {
  LatencySummary l{.count = count, .mean = typical * (1 + spread * 0.12), .stddev = typical * spread * 0.4};
  l.p50 = typical;
  if (count >= 64) l.p90 = typical * (1 + spread * 0.55);
  if (count >= 130) {
    l.p95 = typical * (1 + spread * 0.8);
    l.p95_ci95 = Interval{*l.p95 * 0.94, *l.p95 * 1.07};
  }
  if (count >= 662) l.p99 = typical * (1 + spread * 1.3);
  l.p50_ci95 = Interval{typical * 0.975, typical * 1.025};
  l.min = typical * 0.72, l.max = typical * (1 + spread * 2.2);
  return l;
}

Share share(std::string name, double n, double part, double slower, std::uint64_t requests) {
  Share s{.name = std::move(name)};
  s.requests.started = s.requests.completed = requests;
  s.output_tokens_per_second = token_rate(n) * part;
  s.requests_per_second = *s.output_tokens_per_second / kTokens;
  s.ttft_seconds = latency((kPrefill + queue_wait(n)) * slower, 1, requests);
  s.tpot_seconds = latency(pace(n) * slower, 0.3, requests);
  s.e2e_seconds = latency((kPrefill + queue_wait(n) + pace(n) * kTokens) * slower, 0.3, requests);
  return s;
}

Step step(std::uint32_t concurrency, double begin) {
  const double n = concurrency, x = token_rate(n);
  Step s{.concurrency = concurrency, .achieved_concurrency = n * 0.9975};
  s.window_begin_seconds = begin + kWarmUp;
  s.duration_seconds = kHold;
  const auto done = static_cast<std::uint64_t>(x / kTokens * kHold);
  s.requests.started = done + 2;
  s.requests.completed = done;
  s.requests.by_outcome[static_cast<std::size_t>(Outcome::kSuccess)] = done;
  s.requests_per_second = {x / kTokens, Interval{x / kTokens * 0.985, x / kTokens * 1.015},
                           x / kTokens * 0.006};
  s.output_tokens_per_second = {x, Interval{x * 0.982, x * 1.018}, x * 0.008};
  s.ttft_seconds = s.ttfo_seconds =
      latency(kPrefill + n * 0.0006 + queue_wait(n), n > kSlots ? 0.35 : 1, done);
  s.tpot_seconds = latency(pace(n), 0.22, done);
  s.icl_seconds = latency(pace(n) * 0.98, 0.5, done * 255);
  s.e2e_seconds = latency(*s.ttft_seconds.p50 + pace(n) * kTokens, 0.2, done);
  s.error_ratio = 0;
  s.waiting = std::max(0.0, n - kSlots);
  s.goodput_ratio = queue_wait(n) > 0.4 ? 0.04 : 0.997;
  s.goodput_requests_per_second = x / kTokens * *s.goodput_ratio;
  s.token_source = TokenSource::kUsage;
  s.generator = {.cpu_us_per_token = 5.2 + 4.0 / n, .cpu_seconds = (5.2 + 4.0 / n) * 1e-6 * x * kHold};
  s.generator.rx_lag_p99_seconds = 38e-6 + n * 0.9e-6;
  s.generator.loop_gap_p99_seconds = 61e-6 + n * 0.4e-6;
  s.generator.send_lag_p99_seconds = 120e-6 + n * 1.1e-6;
  s.generator.multi_event_read_ratio = 0.002;
  s.generator.client_coalesced_ratio = 0;
  s.generator.unstamped_read_ratio = 0;
  s.generator.busiest_thread_ratio = 0.03 + n * 0.0004;
  StepTelemetry told{.running_mean = std::min(n, kSlots),
                     .waiting_mean = std::max(0.0, n - kSlots),
                     .kv_usage_mean = 0.012 * std::min(n, kSlots),
                     .kv_usage_max = 0.013 * std::min(n, kSlots),
                     .preemptions_per_second = 0,
                     .queue_time_mean_seconds = queue_wait(n),
                     .server_tokens_per_second = x,
                     .engine_sources = 2};
  told.gpu.memory_peak_bytes = 2 * 126e9;
  told.gpu.power_mean_watts = 700 + 20 * std::min(n, kSlots);
  told.gpu.joules_per_token = *told.gpu.power_mean_watts / x;
  told.gpu.dram_active_mean = 0.4 + 0.01 * std::min(n, kSlots);
  s.telemetry = told;
  if (concurrency > 1) {
    s.replicas = {share("gpu-0:8000", n, 0.515, 0.97, done * 515 / 1000),
                  share("gpu-1:8000", n, 0.485, 1.08, done * 485 / 1000)};
  }
  return s;
}

void fail(Step& s, Outcome outcome, std::uint64_t times) {
  s.requests.by_outcome[static_cast<std::size_t>(outcome)] += times;
  s.requests.failed += times;
  s.error_ratio =
      static_cast<double>(s.requests.failed) / static_cast<double>(s.requests.failed + s.requests.completed);
}

ScenarioResult chat() {
  ScenarioResult r{.target = "h200-pair", .scenario = "chat", .model = "qwen3-4b-instruct-2507"};
  r.load_seconds = 41.7;
  double begin = 4;
  for (const std::uint32_t n : {1u, 2u, 4u, 8u, 16u, 32u, 64u}) {
    r.steps.push_back(step(n, begin));
    begin += kWarmUp + kHold;
  }
  const auto say = [&](std::size_t at, const char* state, std::vector<std::string> flags, const char* note) {
    r.steps[at].state = state, r.steps[at].flags = std::move(flags), r.steps[at].note = note;
  };
  say(0, "NEAR-LINEAR", {"LOWEST LATENCY"}, "near-linear; lowest latency");
  say(1, "NEAR-LINEAR", {}, "near-linear");
  say(2, "NEAR-LINEAR", {}, "near-linear");
  say(3, "NEAR-LINEAR", {"SHORT_WINDOW"}, "near-linear");
  say(4, "NEAR-LINEAR", {}, "near-linear");
  say(5, "SATURATED", {"QUEUEING BEGINS"}, "saturated; queueing begins; misses ttft_p95");
  say(6, "CLIENT_BOUND", {"CLIENT_BOUND", "RX_LAG"}, "INVALID: client_bound");
  Step& last = r.steps.back();
  last.valid = false;
  last.reasons = {"a generator thread was busy 92 % of the time"};
  last.generator.busiest_thread_ratio = 0.92;
  last.generator.rx_lag_p99_seconds = 4.1e-3;
  last.output_tokens_per_second = {token_rate(64) * 0.8,
                                   Interval{token_rate(64) * 0.71, token_rate(64) * 0.89}, 60};
  fail(r.steps[5], Outcome::kRejected, 2);
  r.steps[5].requests.failures = {{.outcome = "rejected",
                                   .status = 429,
                                   .count = 2,
                                   .said = R"({"error": "too many requests"})",
                                   .request_id = "20261121T194555Z-sample-0-6-31-4"}};
  fail(last, Outcome::kTimeout, 9);
  fail(last, Outcome::kStream, 3);
  r.saturation = {.concurrency = 22.8,
                  .ci95 = Interval{21.3, 24.9},
                  .max_output_tokens_per_second = token_rate(32),
                  .knee_kind = "hard",
                  .bottleneck = "queue_slots",
                  .explanation =
                      "From 16 to 32 requests in flight throughput rose by 25 % and then stood still, while "
                      "TTFT p50 rose from 47.6 ms to 1.77 s and TPOT did not move."};
  const SloCriterion ttft{
      .name = "ttft_p95", .limit = 0.5, .concurrency = 16, .ci95 = Interval{16, 32}, .state = "BRACKETED"};
  r.slo.criteria = {ttft, {.name = "tpot_p95", .limit = 0.05, .concurrency = 32, .state = "PASS"}};
  r.slo.joint =
      SloCriterion{.name = "joint", .concurrency = 16, .ci95 = Interval{16, 32}, .state = "BRACKETED"};
  return r;
}

/// Not streamed, few requests: most latencies are absent, and the top was not reached.
ScenarioResult batch() {
  ScenarioResult r{.target = "h200-pair", .scenario = "batch", .model = "qwen3-4b-instruct-2507"};
  double begin = 540;
  for (const std::uint32_t n : {1u, 4u, 8u}) {
    Step s = step(n, begin);
    s.ttft_seconds = s.ttfo_seconds = s.tpot_seconds = s.icl_seconds = {};
    s.goodput_ratio = s.goodput_requests_per_second = std::nullopt;
    s.e2e_seconds = latency(*s.e2e_seconds.p50, 0.3, 40 * n);
    s.replicas.clear();
    s.state = "NEAR-LINEAR";
    s.note = "near-linear";
    s.classes = {share("short", n, 0.3, 0.8, 12 * n), share("long", n, 0.7, 1.4, 28 * n)};
    for (Share& c : s.classes) c.ttft_seconds = c.tpot_seconds = {};
    r.steps.push_back(std::move(s));
    begin += kWarmUp + kHold;
  }
  r.steps.front().output_tokens_per_second.ci95 = std::nullopt;
  r.saturation = {.lower_bound = 8, .max_output_tokens_per_second = token_rate(8)};
  return r;
}

/// Of a chat's second: a column of its heat map, three requests by lot, and one that was slow. Spread without
/// chance, so that what is drawn of it can be counted.
void add_requests_of_second(TimelineSpan& span, double at, double wait, std::uint32_t n) {
  const double rows = LatencyHeat::kRowsPerOctave * std::log2(wait / LatencyHeat::kFloorSeconds);
  span.ttft.columns.resize(static_cast<std::size_t>(at - span.begin));
  span.ttft.columns.push_back({static_cast<std::size_t>(rows), {300, 500, 150, 50}});
  for (std::uint32_t slot = 0; slot < 4; ++slot) {
    const bool drawn = slot < 3;
    span.requests.push_back({.sent = at + 0.25 * slot,
                             .ttft = drawn ? wait * (0.9 + 0.2 * slot) : wait * 2.5,
                             .drawn = drawn,
                             .id = fmt::format("-0-{}-{}-0", n, slot)});
  }
}

}  // namespace

Report report() {
  Report r{.run_id = "20261121T194555Z-sample", .run_name = "sample", .version = "0.1.0"};
  r.started_at = RealTime(std::chrono::seconds(1795290355));
  r.duration_seconds = 764;
  r.agents = 2;
  r.results = {chat(), batch()};
  r.results[0].verdict.warn("client_bound", "at 64: a generator thread was busy 92 % of the time");
  r.results[1].verdict.warn("not_saturated", "the ramp ended before throughput stopped growing");
  for (const ScenarioResult& result : r.results) {
    for (const Remark& remark : result.verdict.remarks()) {
      r.verdict.warn(remark.code, result.scenario + " on h200-pair: " + remark.text);
    }
  }
  r.totals = {.started = 3120,
              .completed = 3098,
              .failed = 14,
              .cancelled = 8,
              .output_tokens = 793088,
              .reconnects = 1};
  return r;
}

Report matrix_report() {
  Report r = report();
  r.run_name = "matrix";
  r.results.clear();
  double begin = 4;
  for (const std::uint32_t input : {256u, 4096u, 32768u}) {
    for (const std::uint32_t output : {32u, 128u, 512u}) {
      ScenarioResult cell{.target = "h200-pair",
                          .scenario = "lengths[input_tokens=" + std::to_string(input) +
                                      ",output_tokens=" + std::to_string(output) + "]",
                          .model = "qwen3-4b-instruct-2507"};
      const double slower = 1 + input / 8192.0;
      for (const std::uint32_t n : {1u, 4u, 16u, 64u}) {
        Step s = step(n, begin);
        for (LatencySummary* latency : {&s.ttft_seconds, &s.tpot_seconds, &s.e2e_seconds, &s.icl_seconds}) {
          for (auto* value : {&latency->p50, &latency->p90, &latency->p95, &latency->p99, &latency->mean})
            if (*value) *value = **value * slower;
        }
        s.output_tokens_per_second = {token_rate(n) / slower,
                                      Interval{token_rate(n) / slower * 0.98, token_rate(n) / slower * 1.02},
                                      5};
        s.replicas.clear();
        s.slo_joint = SloCheck{.name = "joint", .state = n == 64 || input > 5000 ? "FAIL" : "PASS"};
        s.note = n == 64 ? "saturated" : "near-linear";
        s.state = n == 64 ? "SATURATED" : "NEAR-LINEAR";
        cell.steps.push_back(std::move(s));
        begin += kWarmUp + kHold;
      }
      cell.saturation = {.concurrency = 22.8 / slower,
                         .ci95 = Interval{21.3 / slower, 24.9 / slower},
                         .max_output_tokens_per_second = token_rate(64) / slower,
                         .knee_kind = "hard",
                         .bottleneck = "queue_slots"};
      cell.slo.criteria = {{.name = "ttft_p95", .limit = 0.5, .concurrency = 16, .state = "BRACKETED"}};
      if (input > 5000) cell.verdict.reserve("measured_once", "what is claimed was measured once");
      r.results.push_back(std::move(cell));
    }
  }
  r.results.back().steps.back().invalidate("CLIENT_BOUND", "a generator thread was busy 92 % of the time");
  r.verdict = {};
  for (const ScenarioResult& result : r.results) {
    for (const Remark& remark : result.verdict.remarks())
      r.verdict.reserve(remark.code, result.scenario + " on h200-pair: " + remark.text);
  }
  r.duration_seconds = begin;
  return r;
}

Report targets_report() {
  Report r = report();
  const ScenarioResult one = r.results.front();
  r.results.clear();
  double faster = 1;
  for (const char* target : {"h200-a", "h200-b", "h100"}) {
    ScenarioResult result = one;
    result.target = target;
    for (Step& s : result.steps) {
      for (auto* value : {&s.ttft_seconds.p50, &s.ttft_seconds.p95})
        if (*value) *value = **value / faster;
      Estimate& tokens = s.output_tokens_per_second;
      *tokens.value *= faster;
      tokens.ci95 = Interval{tokens.ci95->low * faster, tokens.ci95->high * faster};
    }
    r.results.push_back(std::move(result));
    faster *= 0.8;
  }
  return r;
}

Report hostile_report() {
  Report r = report();
  r.run_id = r.run_name = r.version = kHostile;
  r.verdict.add({Remark::Weight::kWarning, kHostile, kHostile, kHostile});
  for (ScenarioResult& result : r.results) {
    result.target = result.scenario = result.model = kHostile;
    result.saturation.explanation = result.saturation.bottleneck = kHostile;
    for (SloCriterion& criterion : result.slo.criteria) criterion.name = criterion.state = kHostile;
    for (Step& s : result.steps) {
      s.state = s.note = kHostile;
      s.flags = s.reasons = {kHostile};
      for (Share& replica : s.replicas) replica.name = kHostile;
      for (Share& prompt_class : s.classes) prompt_class.name = kHostile;
    }
  }
  return r;
}

RunTimeline timeline(const Report& report) {
  RunTimeline run;
  run.begin = 0;
  const auto seconds = static_cast<std::size_t>(report.duration_seconds) + 80;
  std::mt19937 random(7);
  // std::normal_distribution differs between libraries; the sum of four uniform values does not.
  const auto noise = [&random] {
    double sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<double>(random() & 0xffff) / 65536 - 0.5;
    return sum;
  };
  for (auto* values : {&run.asked, &run.in_flight, &run.output_tokens_per_second, &run.requests_per_second,
                       &run.failures_per_second, &run.ttft_p50, &run.ttft_p95}) {
    values->resize(seconds);
  }
  std::vector<TimelineSample> running, waiting, kv, gpu, power;
  for (const ScenarioResult& result : report.results) {
    run.spans.push_back({result.target, result.scenario, result.steps.front().window_begin_seconds - kWarmUp,
                         result.steps.back().window_begin_seconds + kHold + 6});
    double in_flight = 0;
    for (const Step& s : result.steps) {
      const double n = s.concurrency;
      const double begin = s.window_begin_seconds - kWarmUp;
      const auto first = static_cast<std::size_t>(begin);
      const auto end = static_cast<std::size_t>(begin + kWarmUp + kHold);
      for (std::size_t at = first; at < end; ++at) {
        const auto t = static_cast<double>(at);
        in_flight += (n - in_flight) * 0.35;
        run.asked[at] = n;
        run.in_flight[at] = in_flight;
        run.output_tokens_per_second[at] = token_rate(std::max(0.5, in_flight)) * (1 + 0.05 * noise());
        run.requests_per_second[at] =
            std::max(0.0, std::round(token_rate(in_flight) / kTokens * (1 + 0.6 * noise())));
        run.failures_per_second[at] = n == 64 && noise() > 0.8 ? 1 : 0;
        if (result.scenario == "chat") {
          const double wait = kPrefill + queue_wait(in_flight);
          run.ttft_p50[at] = wait * (1 + 0.12 * noise());
          if (n >= 8) run.ttft_p95[at] = wait * (1.6 + 0.25 * noise());
          add_requests_of_second(run.spans.back(), t, wait, s.concurrency);
        }
        running.push_back({t, std::min(in_flight, kSlots)});
        waiting.push_back({t, std::max(0.0, in_flight - kSlots)});
        if (t < 200 || t > 230)
          kv.push_back({t, 0.02 + 0.032 * std::min(in_flight, kSlots) * (1 + 0.03 * noise())});
        gpu.push_back({t, std::min(1.0, 0.82 + 0.02 * in_flight)});
        power.push_back({t, 180 + 18 * std::min(in_flight, kSlots) + 20 * noise()});
      }
    }
  }
  add_telemetry(run, "running", "requests", running);
  add_telemetry(run, "waiting", "requests", waiting);
  add_telemetry(run, "KV cache", "ratio", kv);
  add_telemetry(run, "GPU busy", "ratio", gpu);
  add_telemetry(run, "GPU power", "W", power);
  return run;
}

std::string plan_text() {
  return R"(kneepoint: 1
name: sample
targets:
  - {name: h200-pair, urls: ["http://gpu-0:8000", "http://gpu-1:8000"], api: openai-chat, model: qwen3-4b-instruct-2507}
scenarios:
  - name: chat
    workload: {prompts: ["What is a transformer?"], output_tokens: 256, temperature: 0.7}
    ramp: {steps: [1, 2, 4, 8, 16, 32, 64], warmup: 12s, hold: 60s}
    slo: {ttft: {p95: 500ms}, tpot: {p95: 50ms}}
  - name: batch
    workload: {prompts: ["Summarise this page."], output_tokens: 256, stream: false}
    ramp: {steps: [1, 4, 8], warmup: 12s, hold: 60s}
)";
}

}  // namespace kneepoint::coordinator::sample
