#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "coordinator/report/cells.h"
#include "coordinator/report/tables.h"
#include "coordinator/results/units.h"

/// The tables of what servers, GPUs and bystanders said.
namespace kneepoint::coordinator {
namespace {

struct TelemetryColumn {
  Column column;
  std::function<std::string(const StepTelemetry&)> cell;
};

/// One row a step, without the columns that no row fills.
Table telemetry_table(const ScenarioResult& result, const std::vector<TelemetryColumn>& columns) {
  Table table{{{"N", 5}}, {}};
  for (const Step& step : result.steps) table.rows.push_back({row_label(step)});
  for (const TelemetryColumn& column : columns) {
    std::vector<std::string> cells;
    for (const Step& step : result.steps) {
      cells.push_back(step.telemetry ? column.cell(*step.telemetry) : std::string(kAbsent));
    }
    if (std::all_of(cells.begin(), cells.end(), [](const std::string& c) { return c == kAbsent; })) continue;
    table.columns.push_back(column.column);
    for (std::size_t i = 0; i < cells.size(); ++i) table.rows[i].push_back(cells[i]);
  }
  if (table.columns.size() == 1) table.rows.clear();
  return table;
}

}  // namespace

Table engine_table(const ScenarioResult& result) {
  using T = StepTelemetry;
  static const std::vector<TelemetryColumn> columns = {
      // Beside a page that is not of our load every figure of the row is what it says, and no more.
      {{"page", 9},
       [](const T& t) {
         if (t.page.state == "partial" || t.page.state == "others")
           return fmt::format("{:.0f} %",
                              t.page.tokens_ratio.value_or(t.page.requests_ratio.value_or(0)) * 100);
         return t.page.state == "covered" || t.page.state.empty() ? std::string(kAbsent) : t.page.state;
       }},
      {{"running", 8}, [](const T& t) { return figure(t.running_mean); }},
      {{"waiting", 8}, [](const T& t) { return figure(t.waiting_mean); }},
      {{.title = "run/time", .width = 8, .spare = 4}, [](const T& t) { return figure(t.running_by_time); }},
      {{.title = "wait/time", .width = 9, .spare = 4}, [](const T& t) { return figure(t.waiting_by_time); }},
      {{.title = "queue time", .width = 10, .spare = 1},
       [](const T& t) { return format_time(t.queue_time_mean_seconds); }},
      {{.title = "KV mean", .width = 8, .spare = 2}, [](const T& t) { return percent(t.kv_usage_mean); }},
      {{"KV max", 8}, [](const T& t) { return percent(t.kv_usage_max); }},
      {{.title = "preempted/s", .width = 11, .spare = 1},
       [](const T& t) { return figure(t.preemptions_per_second); }},
      {{.title = "prefix hits", .width = 11, .spare = 3},
       [](const T& t) { return percent(t.prefix_hit_ratio); }},
      {{.title = "accepted", .width = 8, .spare = 3},
       [](const T& t) { return percent(t.spec_acceptance_ratio); }},
      {{.title = "tok/s out", .width = 9, .spare = 5},
       [](const T& t) { return figure(t.server_tokens_per_second); }},
      {{.title = "tok/s in", .width = 9, .spare = 6},
       [](const T& t) { return figure(t.server_prompt_tokens_per_second); }}};
  return telemetry_table(result, columns);
}

Table role_table(const ScenarioResult& result) {
  Table table{{{"N", 5},
               {"role", 8, true},
               {"pages", 5},
               {"running", 8},
               {"waiting", 8},
               {"KV max", 8},
               {"tok/s in", 9},
               {"tok/s out", 9}},
              {}};
  for (const Step& step : result.steps) {
    if (!step.telemetry) continue;
    for (const RoleFigures& role : step.telemetry->roles) {
      table.rows.push_back({row_label(step), role.role, fmt::format("{}", role.pages),
                            figure(role.running_mean), figure(role.waiting_mean), percent(role.kv_usage_max),
                            figure(role.prompt_tokens_per_second), figure(role.output_tokens_per_second)});
    }
  }
  return table;
}

Table pod_table(const ScenarioResult& result) {
  Table table{{{"N", 5},
               {"pod or rank", 26, true},
               {"requests", 8},
               {"tokens", 8},
               {"running", 8},
               {"waiting", 8},
               {"KV max", 8},
               {"queue time", 10},
               {"TTFT mean", 9},
               {"TPOT mean", 9}},
              {}};
  for (const Step& step : result.steps) {
    if (!step.telemetry) continue;
    for (const PodFigures& pod : step.telemetry->pods) {
      table.rows.push_back({row_label(step), pod_label(pod), percent(pod.requests_share),
                            percent(pod.tokens_share), figure(pod.running_mean), figure(pod.waiting_mean),
                            percent(pod.kv_usage_max), format_time(pod.queue_time_mean_seconds),
                            format_time(pod.ttft_mean_seconds), format_time(pod.tpot_mean_seconds)});
    }
  }
  return table;
}

Table bystander_table(const ScenarioResult& result) {
  Table table{{{"N", 5}, {"answered", 8}, {"failed", 6}, {"TTFT p50", 8}, {"TTFT max", 8}}, {}};
  for (const Step& step : result.steps) {
    if (!step.bystander) continue;
    const BystanderFigures& felt = *step.bystander;
    table.rows.push_back({row_label(step), fmt::format("{}", felt.requests), fmt::format("{}", felt.failed),
                          format_time(felt.ttft_p50_seconds), format_time(felt.ttft_max_seconds)});
  }
  return table;
}

Table first_token_table(const ScenarioResult& result) {
  using T = StepTelemetry;
  const auto cores = [](const std::optional<double>& value) {
    return value ? fmt::format("{:.2f}", *value) : std::string(kAbsent);
  };
  static const std::vector<TelemetryColumn> columns = {
      {{"before server", 13}, [](const T& t) { return format_time(t.outside_server_seconds); }},
      {{"front end", 10}, [](const T& t) { return format_time(t.front_end_seconds); }},
      {{"queue", 10},
       [](const T& t) {
         return t.ttft_mean_seconds ? format_time(t.queue_time_mean_seconds) : std::string(kAbsent);
       }},
      {{"prefill", 10}, [](const T& t) { return format_time(t.prefill_time_mean_seconds); }},
      {{.title = "front end cores", .width = 15, .spare = 2},
       [cores](const T& t) { return cores(t.front_end_cpu_cores); }},
      {{.title = "engine cores", .width = 12, .spare = 2},
       [cores](const T& t) { return cores(t.engine_cpu_cores); }},
      {{.title = "tok/iteration", .width = 13, .spare = 3},
       [](const T& t) { return figure(t.iteration_tokens_mean); }}};
  return telemetry_table(result, columns);
}

Table gpu_table(const ScenarioResult& result) {
  using T = StepTelemetry;
  const auto watts = [](const T& t) {
    return t.gpu.power_mean_watts ? format_figure(*t.gpu.power_mean_watts) + " W" : std::string(kAbsent);
  };
  const auto memory = [](const T& t) {
    return t.gpu.memory_peak_bytes ? format_bytes(*t.gpu.memory_peak_bytes) : std::string(kAbsent);
  };
  const auto joules = [](const T& t) {
    return t.gpu.joules_per_token ? fmt::format("{:.3g}", *t.gpu.joules_per_token) : std::string(kAbsent);
  };
  const auto heat = [](const T& t) {
    return t.gpu.temperature_max_celsius ? fmt::format("{:.0f} °C", *t.gpu.temperature_max_celsius)
                                         : std::string(kAbsent);
  };
  static const std::vector<TelemetryColumn> columns = {
      {{"util", 8}, [](const T& t) { return percent(t.gpu.util_mean); }},
      {{.title = "SM active", .width = 9, .spare = 1},
       [](const T& t) { return percent(t.gpu.sm_active_mean); }},
      {{"tensor pipe", 11}, [](const T& t) { return percent(t.gpu.tensor_active_mean); }},
      {{"memory bus", 10}, [](const T& t) { return percent(t.gpu.dram_active_mean); }},
      {{.title = "server memory", .width = 13, .spare = 3},
       [](const T& t) {
         return t.gpu.process_memory_peak_bytes ? format_bytes(*t.gpu.process_memory_peak_bytes)
                                                : std::string(kAbsent);
       }},
      {{.title = "card memory", .width = 11, .spare = 2}, memory},
      {{.title = "power", .width = 8, .spare = 4}, watts},
      {{.title = "J/token", .width = 8, .spare = 5}, joules},
      {{.title = "hottest", .width = 8, .spare = 6}, heat}};
  return telemetry_table(result, columns);
}

}  // namespace kneepoint::coordinator
