#include "coordinator/report/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "coordinator/analysis/repeat.h"
#include "coordinator/report/units.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::string_view kAbsent = "–";

std::string figure(const std::optional<double>& value) {
  return value ? format_figure(*value) : std::string(kAbsent);
}

std::string percent(const std::optional<double>& ratio) {
  return ratio ? fmt::format("{:.1f} %", *ratio * 100) : std::string(kAbsent);
}

std::string number(const Step& step) {
  return step.attempt > 1 ? fmt::format("{} #{}", step.concurrency, step.attempt)
                          : fmt::format("{}", step.concurrency);
}

bool answers_late(const ScenarioResult& result) {
  return std::any_of(result.steps.begin(), result.steps.end(), [](const Step& step) {
    return step.ttfo_seconds.mean && step.ttft_seconds.mean &&
           *step.ttfo_seconds.mean > 1.01 * *step.ttft_seconds.mean;
  });
}

}  // namespace

const std::vector<Column>& load_columns() {
  static const std::vector<Column> columns = {{"N", 5},        {"in flight", 9}, {"req/s", 12},
                                              {"tok/s", 14},   {"TTFT p50", 8},  {"TTFT p95", 11},
                                              {"TPOT p50", 8}, {"errors", 7},    {"note", 0, true}};
  return columns;
}

std::vector<std::string> load_cells(const Step& step) {
  return {number(step),
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
  return fmt::format(
      "{} of {} rows are shown: for each concurrency the one measured longest. {} were brief looks of "
      "the search, others repeats; all stand in steps.csv and report.json.",
      shown, result.steps.size(), scouts);
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
               {"TTFT mean ± SD", 15},
               {"TTFT p50", 8},
               {"TTFT p90", 11},
               {"TTFT p95", 11},
               {"TTFT p99", 11},
               {"TPOT p50", 8},
               {"TPOT p95", 11},
               {"E2E p50", 8},
               {"E2E p95", 11}},
              {}};
  if (with_ttfo) table.columns.push_back({"TTFO p50", 8});
  for (const Step& step : result.steps) {
    const auto tail = [](const LatencySummary& s, const std::optional<double>& q) {
      return format_percentile(q, s.count);
    };
    std::vector<std::string> row = {number(step),
                                    format_mean_sd(step.ttft_seconds),
                                    format_time(step.ttft_seconds.p50),
                                    tail(step.ttft_seconds, step.ttft_seconds.p90),
                                    tail(step.ttft_seconds, step.ttft_seconds.p95),
                                    tail(step.ttft_seconds, step.ttft_seconds.p99),
                                    format_time(step.tpot_seconds.p50),
                                    tail(step.tpot_seconds, step.tpot_seconds.p95),
                                    format_time(step.e2e_seconds.p50),
                                    tail(step.e2e_seconds, step.e2e_seconds.p95)};
    if (with_ttfo) row.push_back(format_time(step.ttfo_seconds.p50));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table generator_table(const ScenarioResult& result) {
  Table table{{{"N", 5},
               {"window", 7},
               {"done", 7},
               {"good", 7},
               {"tokens", 9},
               {"CPU µs/tok", 10},
               {"rx lag p99", 10},
               {"send lag p99", 12},
               {"busy", 6},
               {"failures by kind", 0, true}},
              {}};
  for (const Step& step : result.steps) {
    const GeneratorSummary& generator = step.generator;
    table.rows.push_back(
        {number(step), format_time(step.duration_seconds), fmt::format("{}", step.requests.completed),
         percent(step.goodput_ratio),
         step.token_source ? std::string(to_string(*step.token_source)) : std::string(kAbsent),
         figure(generator.cpu_us_per_token), format_time(generator.rx_lag_p99_seconds),
         format_time(generator.send_lag_p99_seconds),
         generator.busiest_thread_ratio ? fmt::format("{:.0f} %", *generator.busiest_thread_ratio * 100)
                                        : std::string(kAbsent),
         format_errors(step.requests)});
  }
  return table;
}

Table share_table(const ScenarioResult& result, std::vector<Share> Step::*which, const std::string& title) {
  Table table{{{"N", 5},
               {title, 21, true},
               {"done", 7},
               {"failed", 6},
               {"req/s", 7},
               {"tok/s", 8},
               {"TTFT mean ± SD", 16},
               {"TTFT p50", 8},
               {"TPOT p50", 8},
               {"E2E p50", 8}},
              {}};
  for (const Step& step : result.steps) {
    for (const Share& share : step.*which) {
      table.rows.push_back({number(step), share.name, fmt::format("{}", share.requests.completed),
                            fmt::format("{}", share.requests.failed), figure(share.requests_per_second),
                            figure(share.output_tokens_per_second), format_mean_sd(share.ttft_seconds),
                            format_time(share.ttft_seconds.p50), format_time(share.tpot_seconds.p50),
                            format_time(share.e2e_seconds.p50)});
    }
  }
  return table;
}

}  // namespace kneepoint::coordinator
