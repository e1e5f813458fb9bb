#include "coordinator/report/html/columns.h"

#include <fmt/format.h>

#include <utility>

#include "coordinator/results/units.h"

namespace kneepoint::coordinator::html {
namespace {

using LatencyOf = const LatencySummary Step::*;

struct Statistic {
  std::string label, key;
  std::optional<double> LatencySummary::*value;
};

Figure mean_and_deviation(const LatencySummary& latency) {
  Figure figure = time(latency.mean, absent_latency_reason(latency));
  if (latency.mean && latency.stddev) figure.suffix = "± " + format_time(*latency.stddev);
  return figure;
}

void add_latency(std::vector<Column>& columns, const std::string& group, const std::string& key,
                 const std::string& meaning, std::string brief_labels, LatencyOf latency) {
  columns.push_back({.group = group,
                     .label = "mean ± SD",
                     .key = key + ".mean",
                     .explain = meaning,
                     .brief = brief_labels.find("mean") != std::string::npos,
                     .figure = [latency](const Step& step) { return mean_and_deviation(step.*latency); }});
  static const std::vector<Statistic> kStatistics = {
      {"SD", "stddev", &LatencySummary::stddev}, {"p50", "p50", &LatencySummary::p50},
      {"p90", "p90", &LatencySummary::p90},      {"p95", "p95", &LatencySummary::p95},
      {"p99", "p99", &LatencySummary::p99},      {"min", "min", &LatencySummary::min},
      {"max", "max", &LatencySummary::max}};
  brief_labels = " " + brief_labels + " ";
  for (const Statistic& statistic : kStatistics) {
    columns.push_back({.group = group,
                       .label = statistic.label,
                       .key = key + "." + statistic.key,
                       .explain = meaning,
                       .brief = brief_labels.find(" " + statistic.label + " ") != std::string::npos,
                       .figure = [latency, value = statistic.value](const Step& step) {
                         return time((step.*latency).*value, absent_latency_reason(step.*latency));
                       }});
  }
  columns.push_back({.group = group,
                     .label = "values",
                     .key = key + ".count",
                     .explain = "How many were measured in the window",
                     .figure = [latency](const Step& step) { return count((step.*latency).count); }});
}

constexpr const char* kClosedLoop = "Not an open loop";

void add_load(std::vector<Column>& columns) {
  columns.push_back({"Load", "asked", "concurrency",
                     "Requests that the plan wants in flight; of an open loop, the most that it allows", true,
                     [](const Step& s) { return count(s.concurrency); }});
  columns.push_back({"Load", "achieved", "achieved_concurrency", "Mean number of requests in flight", true,
                     [](const Step& s) { return number(s.achieved_concurrency, "Not measured"); }});
  columns.push_back({"Load", "offered/s", "offered_rate",
                     "Of an open loop: requests (or sessions) per second asked for", false,
                     [](const Step& s) { return number(s.offered_rate, kClosedLoop); }});
  columns.push_back({"Load", "due/s", "due_per_second", "Of an open loop: requests that were due", false,
                     [](const Step& s) { return number(s.due_per_second, kClosedLoop); }});
  columns.push_back({"Load", "started/s", "achieved_rate", "Of an open loop: requests that were started",
                     false, [](const Step& s) { return number(s.achieved_rate, kClosedLoop); }});
  columns.push_back({"Load", "backlog", "backlog",
                     "Of an open loop: mean number of requests that were due and not started", false,
                     [](const Step& s) { return number(s.backlog, kClosedLoop); }});
  columns.push_back({"Load", "waiting", "waiting", "Mean number of requests sent without a first token yet",
                     false, [](const Step& s) { return number(s.waiting, "Not measured"); }});
  columns.push_back({"Load", "attempt", "attempt", "1, or more where the step was run again", false,
                     [](const Step& s) { return count(s.attempt); }});
  columns.push_back({"Load", "begins", "window_begin_seconds",
                     "Start of the measured window, since the run's zero", false,
                     [](const Step& s) { return time(s.window_begin_seconds, {}); }});
  columns.push_back({"Load", "window", "duration_seconds", "Length of the measured window", false,
                     [](const Step& s) { return time(s.duration_seconds, {}); }});
}

void add_throughput(std::vector<Column>& columns) {
  columns.push_back({"Throughput", "req/s", "requests_per_second.value", "Requests completed per second",
                     true,
                     [](const Step& s) { return estimate(s.requests_per_second, "No request completed"); }});
  columns.push_back(
      {"Throughput", "output tok/s", "output_tokens_per_second.value",
       "Output tokens received per second, ± half the 95 % confidence interval", true,
       [](const Step& s) { return estimate(s.output_tokens_per_second, "No token was received"); }});
  columns.push_back(
      {"Throughput", "good", "goodput_ratio", "Requests that met every SLO limit", true,
       [](const Step& s) { return percent(s.goodput_ratio, "The plan sets no SLO, or none ended"); }});
  columns.push_back({"Throughput", "tokens from", "token_source",
                     "Where token counts come from: the server's usage, an estimate, or content chunks",
                     false, [](const Step& s) {
                       if (!s.token_source) return absent("No token was received");
                       return text(std::string(to_string(*s.token_source)));
                     }});
}

void add_requests(std::vector<Column>& columns) {
  columns.push_back({"Requests", "started", "requests.started", "In the window", false,
                     [](const Step& s) { return count(s.requests.started); }});
  columns.push_back({"Requests", "completed", "requests.completed", "With success, in the window", false,
                     [](const Step& s) { return count(s.requests.completed); }});
  columns.push_back({"Requests", "failed", "requests.failed", "In the window", false,
                     [](const Step& s) { return count(s.requests.failed); }});
  columns.push_back({"Requests", "errors", "error_ratio", "Failed requests over those that ended", true,
                     [](const Step& s) { return percent(s.error_ratio, "No request ended"); }});
  columns.push_back({"Requests", "backing off", "backing_off",
                     "Mean number of slots that waited after a failure", false,
                     [](const Step& s) { return number(s.backing_off, "Not measured"); }});
  columns.push_back({"Requests", "reconnects", "reconnects",
                     "Kept-alive connections that had to be opened again", false,
                     [](const Step& s) { return count(s.reconnects); }});
  columns.push_back({"Requests", "sent again", "network.retransmitted_ratio",
                     "Of the segments sent, as the generator's kernel counts them", false,
                     [](const Step& s) { return percent(s.network.retransmitted_ratio, "Not counted"); }});
  columns.push_back({"Requests", "out of order", "network.out_of_order_ratio",
                     "Of the segments received, as the generator's kernel counts them", false,
                     [](const Step& s) { return percent(s.network.out_of_order_ratio, "Not counted"); }});
  columns.push_back({"Requests", "tokens an answer", "answer_tokens_mean",
                     "Output tokens of a request, on average", false, [](const Step& s) {
                       return number(s.answer_tokens_mean,
                                     "Not known where many requests fail, or the server does not count");
                     }});
  columns.push_back({"Requests", "prompt from cache", "cached_prompt_ratio",
                     "Of the prompt tokens, as the answers' usage tells it", false, [](const Step& s) {
                       return percent(s.cached_prompt_ratio, "The server does not say");
                     }});
  columns.push_back({"Requests", "reasoning", "reasoning_ratio",
                     "Of the output tokens, as the answers' usage tells it", false,
                     [](const Step& s) { return percent(s.reasoning_ratio, "The server tells of none"); }});
  // Most hosts tell of no audio at all: it takes no room then.
  columns.push_back({"Requests", "prompt as audio", "audio_prompt_ratio",
                     "Of the prompt tokens, as the answers' usage tells it", false,
                     [](const Step& s) { return percent(s.audio_prompt_ratio, "The server tells of none"); },
                     true});
  columns.push_back({"Requests", "output as audio", "audio_ratio",
                     "Of the output tokens, as the answers' usage tells it", false,
                     [](const Step& s) { return percent(s.audio_ratio, "The server tells of none"); }, true});
  columns.push_back({"Requests", "early stops", "early_stops", "Completed with fewer tokens than asked",
                     false, [](const Step& s) { return count(s.early_stops); }});
}

void add_generator(std::vector<Column>& columns) {
  const auto add = [&](std::string label, std::string key, std::string explain, bool brief, auto figure) {
    columns.push_back({"Generator", std::move(label), "generator." + key, std::move(explain), brief,
                       [figure](const Step& step) { return figure(step.generator); }});
  };
  const auto lag = [&](std::string label, std::string key, std::string explain, bool brief,
                       std::optional<double> GeneratorSummary::*value) {
    add(std::move(label), std::move(key), std::move(explain), brief,
        [value](const GeneratorSummary& g) { return time(g.*value, "Not measured"); });
  };
  const auto ratio = [&](std::string label, std::string key, std::string explain,
                         std::optional<double> GeneratorSummary::*value) {
    add(std::move(label), std::move(key), std::move(explain), false,
        [value](const GeneratorSummary& g) { return percent(g.*value, "Nothing was read"); });
  };
  add("CPU µs/token", "cpu_us_per_token", "CPU time of the load generator for each output token", true,
      [](const GeneratorSummary& g) { return number(g.cpu_us_per_token, "No token was received"); });
  lag("CPU time", "cpu_seconds", "CPU time of all agents in the window", false,
      &GeneratorSummary::cpu_seconds);
  lag("receive lag p99", "rx_lag_p99_seconds", "From the kernel's receive stamp to the tool's own processing",
      true, &GeneratorSummary::rx_lag_p99_seconds);
  lag("send lag p99", "send_lag_p99_seconds", "From the intended to the actual send", false,
      &GeneratorSummary::send_lag_p99_seconds);
  lag("loop gap p99", "loop_gap_p99_seconds", "Time between two looks at the network", false,
      &GeneratorSummary::loop_gap_p99_seconds);
  ratio("multi-event reads", "multi_event_read_ratio", "Reads that carried several content events",
        &GeneratorSummary::multi_event_read_ratio);
  ratio("client-coalesced", "client_coalesced_ratio", "Reads whose events the tool's own delay put together",
        &GeneratorSummary::client_coalesced_ratio);
  ratio("unstamped reads", "unstamped_read_ratio", "Reads without a kernel receive stamp",
        &GeneratorSummary::unstamped_read_ratio);
  ratio("busiest thread", "busiest_thread_ratio", "p95 over the seconds of the busiest thread's load",
        &GeneratorSummary::busiest_thread_ratio);
}

template <class Get>
void add_told(std::vector<Column>& columns, std::string group, std::string label, std::string key,
              std::string explain, bool brief, Get get, Figure (*write)(std::optional<double>, std::string)) {
  columns.push_back({std::move(group), std::move(label), "telemetry." + key, std::move(explain), brief,
                     [get, write](const Step& step) {
                       const StepTelemetry none;
                       return write(get(step.telemetry ? *step.telemetry : none), "The target did not tell");
                     },
                     true});
}

Figure bytes(std::optional<double> value, std::string reason) {
  Figure figure = number(value, std::move(reason));
  if (value) figure.text = format_bytes(*value);
  return figure;
}

Figure joules(std::optional<double> value, std::string reason) {
  Figure figure = number(value, std::move(reason));
  if (value) figure.text = fmt::format("{:.3g}", *value);
  return figure;
}

void add_telemetry(std::vector<Column>& columns) {
  const auto engine = [&](const char* label, const char* key, const char* explain, bool brief,
                          std::optional<double> StepTelemetry::*value, auto write) {
    add_told(
        columns, "Engine", label, key, explain, brief, [value](const StepTelemetry& t) { return t.*value; },
        write);
  };
  const auto gpu = [&](const char* label, const char* key, const char* explain, bool brief,
                       std::optional<double> GpuTelemetry::*value, auto write) {
    add_told(
        columns, "GPU", label, std::string("gpu.") + key, explain, brief,
        [value](const StepTelemetry& t) { return t.gpu.*value; }, write);
  };
  using E = StepTelemetry;
  engine("running", "running", "Mean number of requests in the engine's batch", true, &E::running_mean,
         number);
  engine("waiting", "waiting", "Mean number of requests in the engine's queue", true, &E::waiting_mean,
         number);
  engine("running by time", "running_by_time", "The same by time integrals, however the readings fall", false,
         &E::running_by_time, number);
  engine("waiting by time", "waiting_by_time", "The queue by time integrals", false, &E::waiting_by_time,
         number);
  add_told(
      columns, "Engine", "page / client", "page.tokens_ratio",
      "Tokens that the page counted over those that came here", false,
      [](const StepTelemetry& t) { return t.page.tokens_ratio; }, number);
  engine("before server", "outside_server_seconds", "Of the mean TTFT: before the server takes the request",
         false, &E::outside_server_seconds, time);
  engine("front end", "front_end_seconds", "Of the mean TTFT: in the server, before its engine", false,
         &E::front_end_seconds, time);
  engine("prefill", "prefill_time_mean_seconds", "Of the mean TTFT: from the first scheduling on", false,
         &E::prefill_time_mean_seconds, time);
  engine("front end cores", "front_end_cpu_cores", "CPU of the busiest process that serves the page", false,
         &E::front_end_cpu_cores, number);
  engine("engine cores", "engine_cpu_cores", "CPU of the busiest engine process", false, &E::engine_cpu_cores,
         number);
  engine("queue time", "queue_time_mean_seconds", "Mean time in the engine's queue", false,
         &E::queue_time_mean_seconds, time);
  engine("KV cache", "kv_usage_mean_ratio", "Share of the KV cache in use, on average", true,
         &E::kv_usage_mean, percent);
  engine("KV cache max", "kv_usage_max_ratio", "The most of it", false, &E::kv_usage_max, percent);
  engine("preempted/s", "preemptions_per_second", "Requests thrown out of the batch for lack of KV cache",
         true, &E::preemptions_per_second, number);
  engine("prefix hits", "prefix_hit_ratio", "Prompt tokens found in the prefix cache", false,
         &E::prefix_hit_ratio, percent);
  engine("drafts accepted", "spec_acceptance_ratio",
         "Of speculative decoding: draft tokens that were accepted", false, &E::spec_acceptance_ratio,
         percent);
  engine("tokens a step", "spec_acceptance_length",
         "Of speculative decoding: with the one that needs no draft", false, &E::spec_acceptance_length,
         number);
  engine("output tok/s", "output_tokens_per_second", "Generated, for whoever asked", false,
         &E::server_tokens_per_second, number);
  engine("prompt tok/s", "prompt_tokens_per_second", "Prefilled, for whoever asked", false,
         &E::server_prompt_tokens_per_second, number);
  const auto beside = [&](const char* label, const char* key, const char* explain, bool brief,
                          std::optional<double> BystanderFigures::*value) {
    columns.push_back({"Bystander", label, std::string("bystander.") + key, explain, brief,
                       [value](const Step& s) {
                         return time(s.bystander ? (*s.bystander).*value : std::nullopt,
                                     "The plan has no bystander, or it was not answered");
                       },
                       true});
  };
  beside("TTFT p50", "ttft_p50_seconds", "What a request beside the load waits for its first token", true,
         &BystanderFigures::ttft_p50_seconds);
  beside("TTFT max", "ttft_max_seconds", "The longest of them", false, &BystanderFigures::ttft_max_seconds);
  using G = GpuTelemetry;
  gpu("utilisation", "util_ratio", "Near 100 % with one request already: conclude nothing from it", false,
      &G::util_mean, percent);
  gpu("SM active", "sm_active_ratio", "Mean over the cards", false, &G::sm_active_mean, percent);
  gpu("tensor pipe", "tensor_active_ratio", "Activity, mean over the cards", true, &G::tensor_active_mean,
      percent);
  gpu("memory bus", "dram_active_ratio", "Activity, mean over the cards", true, &G::dram_active_mean,
      percent);
  gpu("server memory", "process_memory_peak_bytes", "Of the processes that serve the target, at most", true,
      &G::process_memory_peak_bytes, bytes);
  gpu("peak memory", "memory_peak_bytes", "In use over all cards, at most; engines allocate it in advance",
      true, &G::memory_peak_bytes, bytes);
  gpu("power, W", "power_mean_watts", "Mean over the window, all cards together", true, &G::power_mean_watts,
      number);
  gpu("J/token", "joules_per_token", "Energy over the tokens that the server generated", true,
      &G::joules_per_token, joules);
  gpu("hottest, °C", "temperature_max_celsius", "Of the hottest card", false, &G::temperature_max_celsius,
      number);
}

std::vector<Column> make_columns() {
  std::vector<Column> columns;
  add_load(columns);
  add_throughput(columns);
  add_latency(columns, "TTFT", "ttft_seconds", "Time to the first token", "mean p50 p95 p99",
              &Step::ttft_seconds);
  add_latency(columns, "TTFO", "ttfo_seconds", "Time to the first token of the answer, after any reasoning",
              "", &Step::ttfo_seconds);
  add_latency(columns, "TPOT", "tpot_seconds", "Time per output token after the first", "p50 p95",
              &Step::tpot_seconds);
  add_latency(columns, "ICL", "icl_seconds", "From one content chunk to the next", "", &Step::icl_seconds);
  add_latency(columns, "E2E", "e2e_seconds", "From send to the last content chunk", "p50 p95",
              &Step::e2e_seconds);
  add_latency(columns, "TTFT from due", "ttft_intended_seconds",
              "Of an open loop: from the instant at which the request was due", "",
              &Step::ttft_intended_seconds);
  add_latency(columns, "E2E from due", "e2e_intended_seconds",
              "Of an open loop: from the instant at which the request was due", "",
              &Step::e2e_intended_seconds);
  add_latency(columns, "Connect", "connect_seconds", "TCP and TLS, never inside TTFT", "",
              &Step::connect_seconds);
  add_requests(columns);
  add_generator(columns);
  add_telemetry(columns);
  return columns;
}

}  // namespace

const std::vector<Column>& step_columns() {
  static const std::vector<Column> columns = make_columns();
  return columns;
}

std::string absent_latency_reason(const LatencySummary& latency) {
  if (latency.count == 0) return "No request of this window had one";
  return fmt::format("Too few requests (n = {}): p90 needs 64 of them, p95 130, p99 662", latency.count);
}

}  // namespace kneepoint::coordinator::html
