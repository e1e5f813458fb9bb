#include "coordinator/report/csv.h"

#include <fmt/format.h>

#include <functional>
#include <utility>
#include <vector>

#include "coordinator/results/sessions.h"

namespace kneepoint::coordinator {
namespace {

struct Row {
  const ScenarioResult& result;
  const Step& step;
};

struct CsvColumn {
  std::string name;
  std::function<std::string(const Row&)> cell;
};

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

std::string number(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value) : "";
}

void add_estimate(std::vector<CsvColumn>& columns, const std::string& name, Estimate Step::*which) {
  columns.push_back({name, [which](const Row& r) { return number((r.step.*which).value); }});
  const auto bound = [which](double Interval::*end) {
    return [which, end](const Row& r) {
      const auto& interval = (r.step.*which).ci95;
      return interval ? number((*interval).*end) : "";
    };
  };
  columns.push_back({name + "_ci95_low", bound(&Interval::low)});
  columns.push_back({name + "_ci95_high", bound(&Interval::high)});
}

void add_latency(std::vector<CsvColumn>& columns, const std::string& name, LatencySummary Step::*which) {
  columns.push_back(
      {name + "_count", [which](const Row& r) { return fmt::format("{}", (r.step.*which).count); }});
  using Figure = std::optional<double> LatencySummary::*;
  for (const auto& [suffix, figure] :
       std::initializer_list<std::pair<const char*, Figure>>{{"mean", &LatencySummary::mean},
                                                             {"stddev", &LatencySummary::stddev},
                                                             {"p50", &LatencySummary::p50},
                                                             {"p90", &LatencySummary::p90},
                                                             {"p95", &LatencySummary::p95},
                                                             {"p99", &LatencySummary::p99},
                                                             {"min", &LatencySummary::min},
                                                             {"max", &LatencySummary::max}}) {
    columns.push_back({fmt::format("{}_{}_seconds", name, suffix),
                       [which, figure = figure](const Row& r) { return number((r.step.*which).*figure); }});
  }
}

void add_telemetry(std::vector<CsvColumn>& columns) {
  using Engine = std::optional<double> StepTelemetry::*;
  using Gpu = std::optional<double> GpuTelemetry::*;
  for (const auto& [name, figure] : std::initializer_list<std::pair<const char*, Engine>>{
           {"server_running", &StepTelemetry::running_mean},
           {"server_waiting", &StepTelemetry::waiting_mean},
           {"server_kv_usage_mean_ratio", &StepTelemetry::kv_usage_mean},
           {"server_kv_usage_max_ratio", &StepTelemetry::kv_usage_max},
           {"server_preemptions_per_second", &StepTelemetry::preemptions_per_second},
           {"server_queue_time_mean_seconds", &StepTelemetry::queue_time_mean_seconds},
           {"server_prefix_hit_ratio", &StepTelemetry::prefix_hit_ratio},
           {"server_output_tokens_per_second", &StepTelemetry::server_tokens_per_second},
           {"server_prompt_tokens_per_second", &StepTelemetry::server_prompt_tokens_per_second}}) {
    columns.push_back({name, [figure = figure](const Row& r) {
                         return r.step.telemetry ? number((*r.step.telemetry).*figure) : "";
                       }});
  }
  for (const auto& [name, figure] : std::initializer_list<std::pair<const char*, Gpu>>{
           {"gpu_util_ratio", &GpuTelemetry::util_mean},
           {"gpu_sm_active_ratio", &GpuTelemetry::sm_active_mean},
           {"gpu_tensor_active_ratio", &GpuTelemetry::tensor_active_mean},
           {"gpu_dram_active_ratio", &GpuTelemetry::dram_active_mean},
           {"gpu_memory_peak_bytes", &GpuTelemetry::memory_peak_bytes},
           {"gpu_power_mean_watts", &GpuTelemetry::power_mean_watts},
           {"gpu_joules_per_token", &GpuTelemetry::joules_per_token},
           {"gpu_temperature_max_celsius", &GpuTelemetry::temperature_max_celsius}}) {
    columns.push_back({name, [figure = figure](const Row& r) {
                         return r.step.telemetry ? number(r.step.telemetry->gpu.*figure) : "";
                       }});
  }
  columns.push_back({"load_seconds", [](const Row& r) { return number(r.result.load_seconds); }});
}

void add_outcomes(std::vector<CsvColumn>& columns, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) {
    columns.push_back({fmt::format("outcome_{}", to_string(kOutcomes[i])),
                       [i](const Row& r) { return fmt::format("{}", r.step.requests.by_outcome[i]); }});
  }
}

/// What came later: columns are only appended.
void add_later_telemetry(std::vector<CsvColumn>& columns) {
  columns.push_back({"server_page", [](const Row& r) {
                       return r.step.telemetry ? quoted(r.step.telemetry->page.state) : std::string();
                     }});
  columns.push_back({"server_page_tokens_ratio", [](const Row& r) {
                       return r.step.telemetry ? number(r.step.telemetry->page.tokens_ratio) : "";
                     }});
  for (const auto& [name, figure] :
       std::initializer_list<std::pair<const char*, std::optional<double> StepTelemetry::*>>{
           {"server_running_by_time", &StepTelemetry::running_by_time},
           {"server_waiting_by_time", &StepTelemetry::waiting_by_time},
           {"server_ttft_mean_seconds", &StepTelemetry::ttft_mean_seconds},
           {"server_outside_seconds", &StepTelemetry::outside_server_seconds},
           {"server_front_end_seconds", &StepTelemetry::front_end_seconds},
           {"server_prefill_time_mean_seconds", &StepTelemetry::prefill_time_mean_seconds},
           {"server_front_end_cpu_cores", &StepTelemetry::front_end_cpu_cores},
           {"server_engine_cpu_cores", &StepTelemetry::engine_cpu_cores}}) {
    columns.push_back({name, [figure = figure](const Row& r) {
                         return r.step.telemetry ? number((*r.step.telemetry).*figure) : "";
                       }});
  }
  columns.push_back({"gpu_process_memory_peak_bytes", [](const Row& r) {
                       return r.step.telemetry ? number(r.step.telemetry->gpu.process_memory_peak_bytes) : "";
                     }});
}

std::vector<CsvColumn> columns() {
  std::vector<CsvColumn> all = {
      {"target", [](const Row& r) { return quoted(r.result.target); }},
      {"scenario", [](const Row& r) { return quoted(r.result.scenario); }},
      {"concurrency", [](const Row& r) { return fmt::format("{}", r.step.concurrency); }},
      {"achieved_concurrency", [](const Row& r) { return number(r.step.achieved_concurrency); }},
      {"attempt", [](const Row& r) { return fmt::format("{}", r.step.attempt); }},
      {"valid", [](const Row& r) { return std::string(r.step.valid ? "true" : "false"); }},
      {"state", [](const Row& r) { return quoted(r.step.state); }},
      {"flags", [](const Row& r) { return quoted(fmt::format("{}", fmt::join(r.step.flags, ";"))); }},
      {"note", [](const Row& r) { return quoted(r.step.note); }},
      {"duration_seconds", [](const Row& r) { return number(r.step.duration_seconds); }},
      {"requests_started", [](const Row& r) { return fmt::format("{}", r.step.requests.started); }},
      {"requests_completed", [](const Row& r) { return fmt::format("{}", r.step.requests.completed); }},
      {"requests_failed", [](const Row& r) { return fmt::format("{}", r.step.requests.failed); }}};
  add_outcomes(all, 0, kFirstOutcomes);
  add_estimate(all, "requests_per_second", &Step::requests_per_second);
  add_estimate(all, "output_tokens_per_second", &Step::output_tokens_per_second);
  all.push_back({"token_source", [](const Row& r) {
                   return r.step.token_source ? std::string(to_string(*r.step.token_source)) : "";
                 }});
  add_latency(all, "ttft", &Step::ttft_seconds);
  add_latency(all, "ttfo", &Step::ttfo_seconds);
  add_latency(all, "tpot", &Step::tpot_seconds);
  add_latency(all, "icl", &Step::icl_seconds);
  add_latency(all, "e2e", &Step::e2e_seconds);
  const std::vector<CsvColumn> rest = {
      {"error_ratio", [](const Row& r) { return number(r.step.error_ratio); }},
      {"goodput_ratio", [](const Row& r) { return number(r.step.goodput_ratio); }},
      {"goodput_requests_per_second",
       [](const Row& r) { return number(r.step.goodput_requests_per_second); }},
      {"waiting", [](const Row& r) { return number(r.step.waiting); }},
      {"backing_off", [](const Row& r) { return number(r.step.backing_off); }},
      {"generator_cpu_us_per_token", [](const Row& r) { return number(r.step.generator.cpu_us_per_token); }},
      {"generator_cpu_seconds", [](const Row& r) { return number(r.step.generator.cpu_seconds); }},
      {"generator_rx_lag_p99_seconds",
       [](const Row& r) { return number(r.step.generator.rx_lag_p99_seconds); }},
      {"generator_send_lag_p99_seconds",
       [](const Row& r) { return number(r.step.generator.send_lag_p99_seconds); }},
      {"generator_loop_gap_p99_seconds",
       [](const Row& r) { return number(r.step.generator.loop_gap_p99_seconds); }},
      {"generator_busiest_thread_ratio",
       [](const Row& r) { return number(r.step.generator.busiest_thread_ratio); }},
      {"thinking", [](const Row& r) { return number(r.step.thinking); }},
      {"prompt_tokens_asked_mean",
       [](const Row& r) { return r.step.prompt_tokens ? number(r.step.prompt_tokens->asked_mean) : ""; }},
      {"prompt_tokens_achieved_mean",
       [](const Row& r) { return r.step.prompt_tokens ? number(r.step.prompt_tokens->achieved_mean) : ""; }},
      {"offered_rate", [](const Row& r) { return number(r.step.offered_rate); }},
      {"due_per_second", [](const Row& r) { return number(r.step.due_per_second); }},
      {"achieved_rate", [](const Row& r) { return number(r.step.achieved_rate); }},
      {"backlog", [](const Row& r) { return number(r.step.backlog); }},
      {"role", [](const Row& r) { return r.step.role; }},
      {"scout", [](const Row& r) { return std::string(r.step.scout ? "true" : "false"); }},
      {"agents", [](const Row& r) { return r.step.agents ? fmt::format("{}", *r.step.agents) : ""; }},
      {"recovery_seconds", [](const Row& r) { return number(r.step.recovery_seconds); }},
      {"generator_resident_bytes", [](const Row& r) { return number(r.step.generator.resident_bytes); }}};
  all.insert(all.end(), rest.begin(), rest.end());
  add_latency(all, "ttft_intended", &Step::ttft_intended_seconds);
  add_latency(all, "e2e_intended", &Step::e2e_intended_seconds);
  add_telemetry(all);
  add_latency(all, "connect", &Step::connect_seconds);
  const std::vector<CsvColumn> latest = {
      {"reconnects", [](const Row& r) { return fmt::format("{}", r.step.reconnects); }},
      {"early_stops", [](const Row& r) { return fmt::format("{}", r.step.early_stops); }},
      {"generator_multi_event_read_ratio",
       [](const Row& r) { return number(r.step.generator.multi_event_read_ratio); }},
      {"generator_client_coalesced_ratio",
       [](const Row& r) { return number(r.step.generator.client_coalesced_ratio); }},
      {"generator_unstamped_read_ratio",
       [](const Row& r) { return number(r.step.generator.unstamped_read_ratio); }}};
  all.insert(all.end(), latest.begin(), latest.end());
  add_later_telemetry(all);
  add_outcomes(all, kFirstOutcomes, kOutcomeCount);
  const std::vector<CsvColumn> newest = {
      {"host_speed_ratio",
       [](const Row& r) { return r.step.speed ? number(r.step.speed->ratio) : std::string(); }},
      {"answer_tokens_mean", [](const Row& r) { return number(r.step.answer_tokens_mean); }},
      {"network_retransmitted_ratio",
       [](const Row& r) { return number(r.step.network.retransmitted_ratio); }},
      {"network_out_of_order_ratio", [](const Row& r) { return number(r.step.network.out_of_order_ratio); }},
      {"cached_prompt_ratio", [](const Row& r) { return number(r.step.cached_prompt_ratio); }},
      {"reasoning_ratio", [](const Row& r) { return number(r.step.reasoning_ratio); }},
      {"sessions", [](const Row& r) { return number(open_sessions(r.step)); }},
      {"think_ratio", [](const Row& r) { return number(think_ratio(r.step)); }}};
  all.insert(all.end(), newest.begin(), newest.end());
  for (const auto& [name, figure] :
       std::initializer_list<std::pair<const char*, std::optional<double> BystanderFigures::*>>{
           {"bystander_ttft_p50_seconds", &BystanderFigures::ttft_p50_seconds},
           {"bystander_ttft_max_seconds", &BystanderFigures::ttft_max_seconds}}) {
    all.push_back({name, [figure = figure](const Row& r) {
                     return r.step.bystander ? number((*r.step.bystander).*figure) : std::string();
                   }});
  }
  all.push_back({"bystander_failed", [](const Row& r) {
                   return r.step.bystander ? fmt::format("{}", r.step.bystander->failed) : std::string();
                 }});
  all.push_back({"beside", [](const Row& r) { return number(r.step.beside); }});
  all.push_back({"audio_prompt_ratio", [](const Row& r) { return number(r.step.audio_prompt_ratio); }});
  all.push_back({"audio_ratio", [](const Row& r) { return number(r.step.audio_ratio); }});
  return all;
}

}  // namespace

std::string render_csv(const Report& report) {
  const std::vector<CsvColumn> all = columns();
  std::string out;
  const auto add_line = [&](const auto& cell_of) {
    for (std::size_t i = 0; i < all.size(); ++i) out += (i > 0 ? "," : "") + cell_of(all[i]);
    out += '\n';
  };
  add_line([](const CsvColumn& column) { return column.name; });
  for (const ScenarioResult& result : report.results) {
    for (const auto* steps : {&result.steps, &result.after}) {
      for (const Step& step : *steps)
        add_line([&](const CsvColumn& column) { return column.cell({result, step}); });
    }
  }
  return out;
}

}  // namespace kneepoint::coordinator
