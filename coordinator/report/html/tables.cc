#include "coordinator/report/html/tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "coordinator/report/failures.h"
#include "coordinator/report/html/columns.h"
#include "coordinator/report/html/markup.h"
#include "coordinator/results/units.h"
#include "coordinator/words/failures.h"
#include "coordinator/words/flags.h"
#include "coordinator/words/titles.h"

namespace kneepoint::coordinator::html {
namespace {

/// "32", "32, 2nd attempt"-like label of a step, marked where it is not valid.
std::string step_label(const Step& step) {
  std::string label = load_label(step);
  if (step.attempt > 1) label += fmt::format(R"( <span class="detail">attempt {}</span>)", step.attempt);
  if (!step.valid) label = R"(<span class="invalid-mark">✕ invalid</span> )" + label;
  return label;
}

std::string lower_case(std::string text) {
  for (char& c : text) {
    if ('A' <= c && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

/// `note` without the part that says the state again.
std::string note_beside(const std::string& state, const std::string& note) {
  const std::string said = lower_case(state);
  if (said.empty() || note.rfind(said, 0) != 0) return note;
  if (note.size() == said.size()) return {};
  return note.compare(said.size(), 2, "; ") == 0 ? note.substr(said.size() + 2) : note;
}

/// State, flags and note of a step, each thing said once.
std::string reading(const Step& step) {
  std::string markup;
  if (!step.state.empty())
    markup += fmt::format(R"(<span class="badge state">{}</span> )", escape(step.state));
  for (const std::string& flag : step.flags) {
    if (flag == step.state || step.note.find(lower_case(flag)) != std::string::npos) continue;
    markup += fmt::format(R"(<span class="badge">{}</span> )", escape(flag));
  }
  markup += escape(note_beside(step.state, step.note));
  for (const std::string& reason : step.reasons) {
    // A note may quote a reason already.
    if (step.note.find(reason) == std::string::npos) markup += fmt::format("<br>{}.", escape(reason));
  }
  return markup;
}

std::string heading(const Column& column) {
  return fmt::format(R"(<th scope="col" data-key="{}" title="{}">{}</th>)", escape(column.key),
                     escape(column.explain), escape(column.label));
}

/// The heading row that spans each run of columns of one group. The first column has its reading beside it.
std::string group_row(const std::vector<const Column*>& columns) {
  std::string row;
  for (std::size_t i = 0; i < columns.size();) {
    std::size_t end = i;
    while (end < columns.size() && columns[end]->group == columns[i]->group) ++end;
    row += fmt::format(R"(<th scope="colgroup" colspan="{}">{}</th>)", end - i + (i == 0 ? 1 : 0),
                       escape(columns[i]->group));
    i = end;
  }
  return "<tr>" + row + "</tr>";
}

bool any_figure(const std::vector<Step>& steps, const Column& column) {
  return std::any_of(steps.begin(), steps.end(),
                     [&](const Step& step) { return column.figure(step).absent_reason.empty(); });
}

/// Why figures of a table are absent: each title that inline_markup() wrote, once.
std::vector<std::string_view> absent_reasons(std::string_view rows) {
  constexpr std::string_view kBefore = R"(<abbr class="absent" title=")";
  std::vector<std::string_view> reasons;
  for (std::size_t at = rows.find(kBefore); at != rows.npos; at = rows.find(kBefore, at)) {
    at += kBefore.size();
    const std::string_view reason = rows.substr(at, rows.find('"', at) - at);
    if (std::find(reasons.begin(), reasons.end(), reason) == reasons.end()) reasons.push_back(reason);
  }
  return reasons;
}

}  // namespace

std::string figure_cell(const Figure& figure) {
  if (!figure.raw) return fmt::format("<td>{}</td>", inline_markup(figure));
  return fmt::format(R"(<td data-v="{}">{}</td>)", *figure.raw, inline_markup(figure));
}

std::string boxed(std::string_view kind, std::string_view caption, std::string_view rows,
                  std::size_t result) {
  const std::string reasons = fmt::format("{}", fmt::join(absent_reasons(rows), "; "));
  const std::string note =
      reasons.empty() ? reasons : fmt::format(R"(<p class="reasons">n/a: {}.</p>)", reasons);
  return fmt::format(
      R"(<div class="table-block"><div class="table-tools"><button type="button" class="copy" hidden>Copy as TSV</button>)"
      R"(<span class="copied" role="status"></span></div><div class="table-box" tabindex="0" role="region" aria-label="{}">)"
      R"(<table class="{}" data-result="{}"><caption><span>{}</span></caption>{}</table></div>{}</div>)",
      caption, kind, result, caption, rows, note);
}

namespace {

std::string rows_table(const std::vector<Step>& steps, std::string_view caption, std::size_t index) {
  std::vector<const Column*> columns;
  for (const Column& column : step_columns()) {
    if (column.brief && (!column.optional || any_figure(steps, column))) columns.push_back(&column);
  }
  std::string rows = "<thead>" + group_row(columns) + "<tr>";
  for (const Column* column : columns) {
    rows += heading(*column);
    if (column == columns.front()) rows += R"(<th scope="col" class="reading">state and note</th>)";
  }
  rows += "</tr></thead><tbody>";
  for (const Step& step : steps) {
    rows += step.valid ? "<tr>" : R"(<tr class="invalid">)";
    rows += fmt::format(R"(<th scope="row" data-v="{}">{}</th><td class="words reading">{}</td>)",
                        step.load(), step_label(step), reading(step));
    for (std::size_t i = 1; i < columns.size(); ++i) rows += figure_cell(columns[i]->figure(step));
    rows += "</tr>";
  }
  return boxed("steps", caption, rows + "</tbody>", index);
}

}  // namespace

std::string steps_table(const ScenarioResult& result, std::size_t index) {
  return rows_table(result.steps, "Steps", index);
}

std::string after_table(const ScenarioResult& result, std::size_t index) {
  return result.after.empty() ? std::string() : rows_table(result.after, "After the ramp", index);
}

std::string recommendations_table(const ScenarioResult& result) {
  if (result.recommendations.empty()) return {};
  std::string rows =
      R"(<thead><tr><th scope="col">for</th><th scope="col">figure</th>)"
      R"(<th scope="col">unit</th><th scope="col" class="words">how it comes about</th></tr></thead><tbody>)";
  for (const Recommendation& each : result.recommendations) {
    rows += fmt::format(R"(<tr><th scope="row">{}</th><td data-v="{}">{}</td>)"
                        R"(<td class="unit">{}</td><td class="words">{}</td></tr>)",
                        escape(each.name), each.value, format_with_interval(each.value, each.ci95),
                        escape(each.unit), escape(each.basis));
  }
  return boxed("recommendations", "Recommendations", rows + "</tbody>");
}

std::string figures_table(const ScenarioResult& result, std::size_t index) {
  std::string rows = R"(<thead><tr><th scope="col">figure</th>)";
  for (const Step& step : result.steps) {
    rows += fmt::format(R"(<th scope="col"{}>{}</th>)", step.valid ? "" : R"( class="invalid")",
                        step_label(step));
  }
  // On paper a report of many results has this table alone.
  rows += R"(</tr></thead><tbody class="paper"><tr><th scope="row">note</th>)";
  for (const Step& step : result.steps)
    rows += fmt::format(R"(<td class="words reading">{}</td>)", escape(step.note));
  rows += "</tr></tbody>";
  std::string_view group;
  for (const Column& column : step_columns()) {
    if (column.optional && !any_figure(result.steps, column)) continue;
    if (column.group != group) {
      if (!group.empty()) rows += "</tbody>";
      group = column.group;
      rows += fmt::format(R"(<tbody><tr class="group"><th scope="rowgroup" colspan="{}">{}</th></tr>)",
                          result.steps.size() + 1, escape(column.group));
    }
    rows +=
        fmt::format(R"(<tr data-key="{}"{}><th scope="row" title="{}">{}</th>)", escape(column.key),
                    column.brief ? R"( class="brief")" : "", escape(column.explain), escape(column.label));
    for (const Step& step : result.steps) rows += figure_cell(column.figure(step));
    rows += "</tr>";
  }
  return boxed("figures", "Every figure of every step", rows + "</tbody>", index);
}

std::string errors_table(const ScenarioResult& result) {
  std::string rows;
  for (const Outcome outcome : kOutcomes) {
    if (outcome == Outcome::kSuccess || outcome == Outcome::kCancelled) continue;
    const auto of = [&](const Step& step) {
      return step.requests.by_outcome[static_cast<std::size_t>(outcome)];
    };
    if (std::none_of(result.steps.begin(), result.steps.end(), [&](const Step& s) { return of(s) > 0; }))
      continue;
    rows += fmt::format(R"(<tr><th scope="row">{}</th>)", to_string(outcome));
    for (const Step& step : result.steps) rows += figure_cell(count(of(step)));
    rows += "</tr>";
  }
  if (rows.empty()) return fmt::format("<p>{}</p>", words::kNoneFailed);
  std::string head = R"(<thead><tr><th scope="col">kind</th>)";
  for (const Step& step : result.steps) head += fmt::format(R"(<th scope="col">{}</th>)", step_label(step));
  return boxed("errors", "Failed requests by kind and " + load_name(result.load_kind()),
               head + "</tr></thead><tbody>" + rows + "</tbody>");
}

std::string slowest_table(const ScenarioResult& result) {
  const Table table = coordinator::slowest_table(result);
  if (table.rows.empty()) return {};
  std::string rows = "<thead><tr>";
  for (const auto& column : table.columns)
    rows += fmt::format(R"(<th scope="col">{}</th>)", escape(column.title));
  rows += "</tr></thead><tbody>";
  for (const auto& row : table.rows) {
    rows += fmt::format(R"(<tr><th scope="row">{}</th>)", escape(row.front()));
    for (std::size_t i = 1; i < row.size(); ++i) rows += fmt::format("<td>{}</td>", escape(row[i]));
    rows += "</tr>";
  }
  return boxed("slowest", "The requests that waited longest for their first token", rows + "</tbody>");
}

std::string shares_table(const ScenarioResult& result, std::vector<Share> Step::*shares,
                         const std::string& what) {
  const bool limited = !result.slo.criteria.empty();
  std::string rows;
  for (const Step& step : result.steps) {
    for (const Share& share : step.*shares) {
      rows += step.valid ? "<tr>" : R"(<tr class="invalid">)";
      rows += fmt::format(R"(<th scope="row" data-v="{}">{}</th><td class="words">{}</td>)", step.load(),
                          step_label(step), escape(share.name));
      rows += figure_cell(number(share.requests_per_second, "No request completed")) +
              figure_cell(number(share.output_tokens_per_second, "No token was received"));
      if (limited) rows += figure_cell(percent(share.goodput_ratio, "No request ended"));
      for (const LatencySummary* latency : {&share.ttft_seconds, &share.tpot_seconds, &share.e2e_seconds}) {
        rows += figure_cell(time(latency->mean, absent_latency_reason(*latency))) +
                figure_cell(time(latency->stddev, "A standard deviation needs two requests")) +
                figure_cell(time(latency->p50, absent_latency_reason(*latency))) +
                figure_cell(time(latency->p95, absent_latency_reason(*latency)));
      }
      rows +=
          figure_cell(count(share.requests.completed)) + figure_cell(count(share.requests.failed)) + "</tr>";
    }
  }
  if (rows.empty()) return {};
  std::string head = R"(<thead><tr><th scope="col">)" + load_name(result.load_kind()) +
                     R"(</th><th scope="col">)" + what +
                     R"(</th><th scope="col">req/s</th><th scope="col">output tok/s</th>)";
  if (limited) head += R"(<th scope="col">in SLO</th>)";
  for (const char* latency : {"TTFT", "TPOT", "E2E"}) {
    for (const char* statistic : {"mean", "SD", "p50", "p95"}) {
      head += fmt::format(R"(<th scope="col">{} {}</th>)", latency, statistic);
    }
  }
  head += R"(<th scope="col">completed</th><th scope="col">failed</th></tr></thead>)";
  return boxed("shares", "By " + what, head + "<tbody>" + rows + "</tbody>");
}

std::string pods_table(const ScenarioResult& result) {
  std::string rows;
  for (const Step& step : result.steps) {
    if (!step.telemetry) continue;
    for (const PodFigures& pod : step.telemetry->pods) {
      const std::string untold = "Its page did not tell";
      rows += step.valid ? "<tr>" : R"(<tr class="invalid">)";
      rows += fmt::format(R"(<th scope="row" data-v="{}">{}</th><td class="words">{}</td>)", step.load(),
                          step_label(step), escape(pod_label(pod)));
      rows += figure_cell(percent(pod.requests_share, untold)) +
              figure_cell(percent(pod.tokens_share, untold)) + figure_cell(number(pod.running_mean, untold)) +
              figure_cell(number(pod.waiting_mean, untold)) + figure_cell(percent(pod.kv_usage_max, untold)) +
              figure_cell(time(pod.queue_time_mean_seconds, untold)) +
              figure_cell(time(pod.ttft_mean_seconds, untold)) +
              figure_cell(time(pod.tpot_mean_seconds, untold)) + "</tr>";
    }
  }
  if (rows.empty()) return {};
  std::string head = R"(<thead><tr><th scope="col">)" + load_name(result.load_kind()) +
                     R"(</th><th scope="col">pod or rank</th>)";
  for (const char* column : {"share of requests", "share of tokens", "running", "waiting", "KV cache max",
                             "queue time", "TTFT mean", "TPOT mean"}) {
    head += fmt::format(R"(<th scope="col">{}</th>)", column);
  }
  return boxed("pods", words::kByPod, head + "</tr></thead><tbody>" + rows + "</tbody>");
}

std::string glossary(const ScenarioResult& result) {
  std::string list;
  for (const auto& [flag, meaning] : flags_explained(result)) {
    list += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", escape(flag), escape(meaning));
  }
  return list.empty() ? list
                      : R"(<h4>What the states and flags mean</h4><dl class="glossary">)" + list + "</dl>";
}

}  // namespace kneepoint::coordinator::html
