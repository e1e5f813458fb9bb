#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "common/json_quoted.h"
#include "coordinator/compare/render.h"
#include "coordinator/report/html/assets.h"
#include "coordinator/report/html/figures.h"
#include "coordinator/report/html/markup.h"
#include "coordinator/report/html/page.h"
#include "coordinator/report/html/summary.h"
#include "coordinator/report/html/tables.h"
#include "coordinator/report/json.h"
#include "coordinator/words/charts.h"

namespace kneepoint::coordinator {
namespace {

using html::escape;

std::string remarks_panel(const std::vector<std::string>& remarks) {
  if (remarks.empty()) return {};
  std::string list;
  for (const std::string& remark : remarks) list += fmt::format("<li>{}</li>", escape(remark));
  return fmt::format(R"(<div class="trust fair"><span class="mark" aria-hidden="true">!</span><div>)"
                     R"(<p>To bear in mind</p><ul>{}</ul></div></div>)",
                     list);
}

std::string runs_table(const Comparison& comparison) {
  std::string rows;
  for (const ComparedRun& run : comparison.runs) {
    const Report& report = run.report;
    rows += fmt::format(
        R"(<tr><th scope="row">{}</th><td class="words">{}</td><td class="words">{}</td><td>{}</td><td>{}</td><td>{}</td></tr>)",
        escape(run.label), escape(run.source), escape(report.run_name), html::utc_text(report.started_at),
        escape(report.version), to_string(report.verdict.trust()));
  }
  return R"(<div class="table-box"><table class="runs"><caption><span>The runs; differences are against the first</span></caption>)"
         R"(<thead><tr><th scope="col">run</th><th scope="col">from</th><th scope="col">plan</th>)"
         R"(<th scope="col">started</th><th scope="col">Kneepoint</th><th scope="col">trust</th></tr></thead><tbody>)" +
         rows + "</tbody></table></div>";
}

std::string headline_markup(const Comparison& comparison) {
  std::string sentences, list;
  for (const std::string& line : headlines(comparison))
    sentences += fmt::format(R"(<p class="verdict">{}</p>)", escape(line));
  for (const std::string& line : whole_results(comparison)) list += fmt::format("<li>{}</li>", escape(line));
  return html::thresholds_panel(comparison.thresholds) + sentences +
         fmt::format("<p>{}</p>{}{}{}", escape(summary_sentence(comparison)),
                     list.empty() ? list : "<ul>" + list + "</ul>", remarks_panel(comparison.remarks),
                     runs_table(comparison));
}

std::string value_cell(const ComparedFigure& figure) {
  if (!figure.sample) return fmt::format("<td>{}</td>", escape(figure.text));
  return fmt::format(R"(<td data-v="{}">{}</td>)", figure.sample->value, escape(figure.text));
}

std::string difference_cell(const ComparedRow& row, std::size_t run) {
  const auto& difference = row.differences[run];
  if (!difference) return R"(<td class="words">–</td>)";
  const std::string verdict = judgement(row, run);
  const std::string kind = verdict == "better" || verdict == "worse" ? " " + verdict : "";
  std::string text = ratio_text(*difference);
  if (difference->ci95) {
    text += fmt::format(R"( <span class="plus-minus">({} to {})</span>)",
                        signed_percent(difference->ci95->low), signed_percent(difference->ci95->high));
  }
  // The ratio of two bounds is no figure.
  const std::string sorted_by = difference->bound == RatioBound::kUnknown || std::isinf(difference->ratio)
                                    ? ""
                                    : fmt::format(R"( data-v="{}")", difference->ratio);
  return fmt::format(R"(<td class="words"{}>{} <span class="badge{}">{}</span></td>)", sorted_by, text, kind,
                     verdict);
}

std::string rows_table(const Comparison& comparison, const ComparedResult& result, std::size_t index) {
  std::string markup = R"(<thead><tr><th scope="col">concurrency</th>)";
  for (std::size_t run = 0; run < comparison.runs.size(); ++run) {
    const std::string label = escape(comparison.runs[run].label);
    markup += fmt::format(R"(<th scope="col">{}</th>)", label);
    if (run == 0) continue;
    markup += fmt::format(R"(<th scope="col" class="words">{} against {}</th>)", label,
                          escape(comparison.runs[0].label));
  }
  markup += "</tr></thead><tbody>";
  std::string group;
  for (const ComparedRow& row : result.rows) {
    const std::string title = row.concurrency ? row.title : "Whole result";
    if (title != group) {
      markup += fmt::format(R"(<tr class="group"><th scope="rowgroup" colspan="{}">{}</th></tr>)",
                            2 * comparison.runs.size(), escape(title));
      group = title;
    }
    markup += fmt::format(R"(<tr data-metric="{}"><th scope="row">{}</th>)", row.metric,
                          row.concurrency ? fmt::format("{}", *row.concurrency) : escape(row.title));
    for (std::size_t run = 0; run < row.figures.size(); ++run) {
      markup += value_cell(row.figures[run]);
      if (run > 0) markup += difference_cell(row, run);
    }
    markup += "</tr>";
  }
  return html::boxed("figures compared", "Side by side", markup + "</tbody>", index);
}

using ValueOf = std::optional<double> (*)(const Step&);
struct Chart {
  std::string_view kind, title, how_to_read;
  ValueOf value;
  /// Else drawn only where a plan limits just that: "tpot_p95".
  bool always = true;
};
constexpr std::array kCharts = {
    Chart{"throughput", "Throughput", words::kEachRun,
          [](const Step& s) { return s.output_tokens_per_second.value; }},
    Chart{"ttft-p50", "Time to first token, median", words::kWhiskers,
          [](const Step& s) { return s.ttft_seconds.p50; }},
    Chart{"errors", "Errors", words::kFailedOverEnded, [](const Step& s) { return s.error_ratio; }},
    Chart{"ttft-p95", "Time to first token, p95", words::kWhereEnough,
          [](const Step& s) { return s.ttft_seconds.p95; }},
    Chart{"ttft-p99", "Time to first token, p99", words::kWhereEnough,
          [](const Step& s) { return s.ttft_seconds.p99; }, false},
    Chart{"tpot-p50", "Time per output token, median", words::kPaceAfterFirst,
          [](const Step& s) { return s.tpot_seconds.p50; }},
    Chart{"tpot-p95", "Time per output token, p95", words::kWhereEnough,
          [](const Step& s) { return s.tpot_seconds.p95; }, false},
    Chart{"tpot-p99", "Time per output token, p99", words::kWhereEnough,
          [](const Step& s) { return s.tpot_seconds.p99; }, false},
    Chart{"e2e-p50", "End-to-end time, median", words::kSendToLast,
          [](const Step& s) { return s.e2e_seconds.p50; }},
    Chart{"e2e-p95", "End-to-end time, p95", words::kWhereEnough,
          [](const Step& s) { return s.e2e_seconds.p95; }, false}};

bool is_limited(const ScenarioResult& result, std::string_view kind) {
  return std::any_of(result.slo.criteria.begin(), result.slo.criteria.end(), [&](const SloCriterion& limit) {
    std::string name = limit.name;
    std::replace(name.begin(), name.end(), '_', '-');
    return name == kind;
  });
}

/// Charts of what two loads or more were measured for; of errors, where there were any.
std::string charts(const ComparedResult& result, std::size_t index) {
  std::string markup;
  const auto any = [&](auto has) {
    return std::any_of(result.results.begin(), result.results.end(),
                       [&](const ScenarioResult* each) { return each != nullptr && has(*each); });
  };
  const bool failed = any([](const ScenarioResult& each) {
    return std::any_of(each.steps.begin(), each.steps.end(),
                       [](const Step& s) { return s.requests.failed > 0; });
  });
  for (const Chart& chart : kCharts) {
    const bool asked =
        chart.always || any([&](const ScenarioResult& r) { return is_limited(r, chart.kind); });
    const bool drawable = any([&](const ScenarioResult& each) {
      return std::count_if(each.steps.begin(), each.steps.end(),
                           [&](const Step& s) { return chart.value(s).has_value(); }) > 1;
    });
    if (asked && drawable && (failed || chart.kind != "errors"))
      markup += html::chart_figure(chart.kind, index, chart.title, chart.how_to_read);
  }
  return markup.empty() ? markup : R"(<div class="charts">)" + markup + "</div>";
}

std::string section(const Comparison& comparison, std::size_t index) {
  const ComparedResult& result = comparison.results[index];
  return fmt::format(R"(<section class="result" id="result-{0}"><h2>{1}</h2>{2}{3}{4}</section>)", index,
                     escape(result.title), remarks_panel(result.remarks), charts(result, index),
                     rows_table(comparison, result, index));
}

/// What the charts draw: for every result of the comparison, that of each run, or null.
std::string data_of(const Comparison& comparison) {
  std::string labels, results;
  for (const ComparedRun& run : comparison.runs) {
    labels += fmt::format("{}{}", labels.empty() ? "" : ",", json_quoted(run.label));
  }
  for (const ComparedResult& result : comparison.results) {
    std::string by_run;
    for (const ScenarioResult* of_run : result.results) {
      by_run += fmt::format("{}{}", by_run.empty() ? "" : ",", of_run ? render_json(*of_run) : "null");
    }
    results += fmt::format("{}[{}]", results.empty() ? "" : ",", by_run);
  }
  return fmt::format(R"({{"labels":[{}],"results":[{}]}})", labels, results);
}

}  // namespace

std::string render_html(const Comparison& comparison) {
  std::string links, sections;
  for (std::size_t i = 0; i < comparison.results.size(); ++i) {
    links += fmt::format(R"(<a href="#result-{}">{}</a> )", i, escape(comparison.results[i].title));
    sections += section(comparison, i);
  }
  links += R"(<a href="#method">Method</a>)";
  sections += fmt::format(R"(<section id="method"><h2>Method</h2><p class="evidence">{}</p></section>)",
                          escape(method_text(comparison)));
  const ComparedRun& base = comparison.runs.front();
  return html::render_page({.title = escape(base.report.run_name) + " – Kneepoint comparison",
                            .name = escape(base.report.run_name),
                            .when = html::utc_text(base.report.started_at),
                            .heading = "Side by side",
                            .headline = headline_markup(comparison),
                            .contents = links,
                            .sections = sections,
                            .version = escape(base.report.version),
                            .data = {{"comparison-data", data_of(comparison)}},
                            .scripts = {html::assets::script_comparison}});
}

}  // namespace kneepoint::coordinator
