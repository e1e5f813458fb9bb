#include "coordinator/report/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "coordinator/measure/repeat.h"
#include "coordinator/report/cells.h"
#include "coordinator/results/units.h"
#include "coordinator/words/again.h"
#include "coordinator/words/failures.h"

namespace kneepoint::coordinator {
namespace {

bool answers_late(const ScenarioResult& result) {
  return std::any_of(result.steps.begin(), result.steps.end(), [](const Step& step) {
    return step.ttfo_seconds.mean && step.ttft_seconds.mean &&
           *step.ttfo_seconds.mean > 1.01 * *step.ttft_seconds.mean;
  });
}

/// A point, a range, a lower bound, or nothing.
std::string saturation_figure(const Saturation& saturation) {
  if (saturation.concurrency) return figure(saturation.concurrency);
  if (saturation.ci95)
    return fmt::format("{} to {}", format_figure(saturation.ci95->low), format_figure(saturation.ci95->high));
  return saturation.lower_bound ? "> " + format_figure(*saturation.lower_bound) : figure(std::nullopt);
}

}  // namespace

const std::vector<Column>& load_columns() {
  static const std::vector<Column> columns = {{"N", 5},
                                              {.title = "in flight", .width = 9, .spare = 5},
                                              {.title = "req/s", .width = 12, .spare = 4},
                                              {"tok/s", 14},
                                              {.title = "TTFT p50", .width = 8, .spare = 3},
                                              {.title = "TTFT p95", .width = 11, .spare = 1},
                                              {.title = "TPOT p50", .width = 8, .spare = 2},
                                              {"errors", 7},
                                              {.title = "note", .left = true, .spare = 6}};
  return columns;
}

std::vector<std::string> load_cells(const Step& step) {
  return {row_label(step),
          figure(step.achieved_concurrency),
          format_estimate(step.requests_per_second),
          format_estimate(step.output_tokens_per_second),
          format_time(step.ttft_seconds.p50),
          format_percentile(step.ttft_seconds.p95, step.ttft_seconds.count),
          format_time(step.tpot_seconds.p50),
          step.requests.failed == 0 ? "0" : percent(step.error_ratio),
          step.note};
}

ScenarioResult brief(const ScenarioResult& result) {
  ScenarioResult shown = result;
  if (std::none_of(result.steps.begin(), result.steps.end(), [](const Step& step) { return step.scout; }))
    return shown;
  std::map<std::uint32_t, const Step*> rows;
  for (const Step& step : result.steps) {
    const Step* best = reference_row(result.steps, step.concurrency);
    rows[step.concurrency] = best == nullptr ? &step : best;
  }
  shown.steps.clear();
  for (const auto& [concurrency, step] : rows) shown.steps.push_back(*step);
  return shown;
}

std::string brief_note(const ScenarioResult& result) {
  const std::size_t shown = brief(result).steps.size();
  if (shown == result.steps.size()) return "";
  const auto scouts =
      std::count_if(result.steps.begin(), result.steps.end(), [](const Step& step) { return step.scout; });
  return words::rows_shown(shown, result.steps.size(), static_cast<std::size_t>(scouts));
}

Table load_table(const ScenarioResult& result) {
  Table table{load_columns(), {}};
  for (const Step& step : result.steps) table.rows.push_back(load_cells(step));
  return table;
}

Table after_table(const ScenarioResult& result) {
  Table table{load_columns(), {}};
  for (const Step& step : result.after) table.rows.push_back(load_cells(step));
  return table;
}

Table latency_table(const ScenarioResult& result) {
  const bool with_ttfo = answers_late(result);
  Table table{{{"N", 5},
               {.title = "TTFT mean ± SD", .width = 15, .spare = 9},
               {.title = "TTFT p50", .width = 8, .spare = 6},
               {.title = "TTFT p90", .width = 11, .spare = 10},
               {"TTFT p95", 11},
               {.title = "TTFT p99", .width = 11, .spare = 4},
               {.title = "TPOT p50", .width = 8, .spare = 3},
               {.title = "TPOT p95", .width = 11, .spare = 1},
               {.title = "E2E p50", .width = 8, .spare = 8},
               {.title = "E2E p95", .width = 11, .spare = 5},
               {.title = "ICL p99", .width = 11, .spare = 2},
               {"silence", 8}},
              {}};
  if (with_ttfo) table.columns.push_back({.title = "TTFO p50", .width = 8, .spare = 7});
  for (const Step& step : result.steps) {
    const auto tail = [](const LatencySummary& s, const std::optional<double>& q) {
      return format_percentile(q, s.count);
    };
    std::vector<std::string> row = {row_label(step),
                                    format_mean_sd(step.ttft_seconds),
                                    format_time(step.ttft_seconds.p50),
                                    tail(step.ttft_seconds, step.ttft_seconds.p90),
                                    tail(step.ttft_seconds, step.ttft_seconds.p95),
                                    tail(step.ttft_seconds, step.ttft_seconds.p99),
                                    format_time(step.tpot_seconds.p50),
                                    tail(step.tpot_seconds, step.tpot_seconds.p95),
                                    format_time(step.e2e_seconds.p50),
                                    tail(step.e2e_seconds, step.e2e_seconds.p95),
                                    tail(step.icl_seconds, step.icl_seconds.p99),
                                    format_time(step.icl_seconds.max)};
    if (with_ttfo) row.push_back(format_time(step.ttfo_seconds.p50));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table open_loop_table(const ScenarioResult& result) {
  Table table{{{"N", 5},
               {"due/s", 7},
               {.title = "started/s", .width = 9, .spare = 3},
               {"done/s", 7},
               {.title = "in flight", .width = 9, .spare = 2},
               {.title = "at most", .width = 7, .spare = 6},
               {"backlog", 7},
               {.title = "TTFT p50", .width = 8, .spare = 4},
               {"TTFT p95", 11},
               {.title = "E2E p50", .width = 8, .spare = 5},
               {.title = "E2E p95", .width = 11, .spare = 1}},
              {}};
  for (const Step& step : result.steps) {
    if (!step.offered_rate) continue;
    const LatencySummary& ttft = step.ttft_intended_seconds;
    const LatencySummary& e2e = step.e2e_intended_seconds;
    table.rows.push_back({row_label(step), figure(step.due_per_second), figure(step.achieved_rate),
                          figure(step.requests_per_second.value), figure(step.achieved_concurrency),
                          fmt::format("{}", step.concurrency), figure(step.backlog), format_time(ttft.p50),
                          format_percentile(ttft.p95, ttft.count), format_time(e2e.p50),
                          format_percentile(e2e.p95, e2e.count)});
  }
  return table;
}

Table overview_table(const Report& report) {
  Table table{{{"target", 22, true},
               {"scenario", 26, true},
               {.title = "load time", .width = 9, .spare = 4},
               {"N_sat", 9},
               {"N_slo", 7},
               {.title = "top tok/s", .width = 9, .spare = 1},
               {.title = "TTFT p50", .width = 8, .spare = 2},
               {.title = "peak GPU mem", .width = 12, .spare = 3}},
              {}};
  if (report.results.size() < 2) return table;
  for (const ScenarioResult& result : report.results) {
    const Saturation& saturation = result.saturation;
    const Step* lowest = nullptr;
    for (const Step& step : result.steps) {
      if (step.valid && (lowest == nullptr || step.load() < lowest->load())) lowest = &step;
    }
    const auto memory = result.peak_gpu_memory_bytes();
    table.rows.push_back({result.target, result.scenario, format_time(result.load_seconds),
                          saturation_figure(saturation),
                          result.slo.joint ? figure(result.slo.joint->concurrency) : std::string(kAbsent),
                          figure(saturation.max_output_tokens_per_second),
                          lowest ? format_time(lowest->ttft_seconds.p50) : std::string(kAbsent),
                          memory ? format_bytes(*memory) : std::string(kAbsent)});
  }
  return table;
}

Table requests_table(const ScenarioResult& result) {
  // What usage tells only with its details takes no room where it does not.
  const auto told = [&](std::optional<double> Step::*figure) {
    return std::any_of(result.steps.begin(), result.steps.end(),
                       [&](const Step& step) { return (step.*figure).has_value(); });
  };
  const bool cached = told(&Step::cached_prompt_ratio), reasoning = told(&Step::reasoning_ratio);
  const bool heard = told(&Step::audio_prompt_ratio), spoken = told(&Step::audio_ratio);
  Table table{{{"N", 5},
               {.title = "window", .width = 7, .spare = 4},
               {"done", 7},
               {"good", 7},
               {.title = "tokens", .width = 9, .spare = 8},
               {.title = "tok/answer", .width = 10, .spare = 5}},
              {}};
  if (cached) table.columns.push_back({.title = "cached", .width = 6, .spare = 2});
  if (reasoning) table.columns.push_back({.title = "reasoning", .width = 9, .spare = 3});
  if (heard) table.columns.push_back({.title = "audio in", .width = 8, .spare = 3});
  if (spoken) table.columns.push_back({.title = "audio out", .width = 9, .spare = 3});
  for (const auto& column : std::vector<Column>{{.title = "early", .width = 5, .spare = 6},
                                                {.title = "connects", .width = 8, .spare = 9},
                                                {.title = "conn. p50", .width = 9, .spare = 10},
                                                {.title = "conn. p95", .width = 9, .spare = 7},
                                                {.title = "reopened", .width = 8, .spare = 1},
                                                {"failures", 0, true}})
    table.columns.push_back(column);
  for (const Step& step : result.steps) {
    const LatencySummary& connect = step.connect_seconds;
    std::vector<std::string> row = {
        row_label(step),
        format_time(step.duration_seconds),
        fmt::format("{}", step.requests.completed),
        percent(step.goodput_ratio),
        step.token_source ? std::string(to_string(*step.token_source)) : std::string(kAbsent),
        figure(step.answer_tokens_mean)};
    if (cached) row.push_back(percent(step.cached_prompt_ratio));
    if (reasoning) row.push_back(percent(step.reasoning_ratio));
    if (heard) row.push_back(percent(step.audio_prompt_ratio));
    if (spoken) row.push_back(percent(step.audio_ratio));
    for (std::string& cell : std::vector<std::string>{
             fmt::format("{}", step.early_stops), fmt::format("{}", connect.count), format_time(connect.p50),
             format_percentile(connect.p95, connect.count), fmt::format("{}", step.reconnects),
             step.requests.failed == 0 ? "0" : kinds_words(step.requests)})
      row.push_back(std::move(cell));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table generator_table(const ScenarioResult& result) {
  Table table{{{"N", 5},
               {.title = "CPU µs/tok", .width = 10, .spare = 1},
               {"busy", 6},
               {"rx lag p99", 10},
               {.title = "loop gap p99", .width = 12, .spare = 3},
               {"send lag p99", 12},
               {.title = "read late together", .width = 18, .spare = 5},
               {.title = "without stamp", .width = 13, .spare = 4},
               {.title = "packets lost", .width = 12, .spare = 2}},
              {}};
  for (const Step& step : result.steps) {
    const GeneratorSummary& generator = step.generator;
    table.rows.push_back(
        {row_label(step), figure(generator.cpu_us_per_token),
         generator.busiest_thread_ratio ? fmt::format("{:.0f} %", *generator.busiest_thread_ratio * 100)
                                        : std::string(kAbsent),
         step.has_flag("UNSTAMPED") ? "no stamps" : format_time(generator.rx_lag_p99_seconds),
         format_time(generator.loop_gap_p99_seconds), format_time(generator.send_lag_p99_seconds),
         percent(generator.client_coalesced_ratio), percent(generator.unstamped_read_ratio),
         percent(step.network.loss_ratio())});
  }
  return table;
}

Table share_table(const ScenarioResult& result, std::vector<Share> Step::*which, const std::string& title) {
  Table table{{{"N", 5},
               {title, 21, true},
               {"done", 7},
               {"failed", 6},
               {.title = "req/s", .width = 7, .spare = 4},
               {.title = "tok/s", .width = 8, .spare = 1},
               {.title = "TTFT mean ± SD", .width = 16, .spare = 6},
               {"TTFT p50", 8},
               {.title = "TPOT p50", .width = 8, .spare = 3},
               {.title = "E2E p50", .width = 8, .spare = 5}},
              {}};
  const bool limited = !result.slo.criteria.empty();
  if (limited) table.columns.push_back({.title = "in SLO", .width = 6, .spare = 2});
  for (const Step& step : result.steps) {
    for (const Share& share : step.*which) {
      table.rows.push_back({row_label(step), share.name, fmt::format("{}", share.requests.completed),
                            fmt::format("{}", share.requests.failed), figure(share.requests_per_second),
                            figure(share.output_tokens_per_second), format_mean_sd(share.ttft_seconds),
                            format_time(share.ttft_seconds.p50), format_time(share.tpot_seconds.p50),
                            format_time(share.e2e_seconds.p50)});
      if (limited) table.rows.back().push_back(percent(share.goodput_ratio));
    }
  }
  return table;
}

}  // namespace kneepoint::coordinator
