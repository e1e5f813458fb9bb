#include "coordinator/report/html/html.h"

#include <fmt/format.h>

#include <utility>

#include "coordinator/report/html/assets.h"
#include "coordinator/report/html/figures.h"
#include "coordinator/report/html/markup.h"
#include "coordinator/report/html/overview.h"
#include "coordinator/report/html/page.h"
#include "coordinator/report/html/section.h"
#include "coordinator/report/html/summary.h"
#include "coordinator/report/html/timeline_json.h"
#include "coordinator/report/json.h"
#include "coordinator/results/units.h"
#include "coordinator/words/definitions.h"
#include "coordinator/words/titles.h"

namespace kneepoint::coordinator {
namespace html {
namespace {

/// Of several results: enough for the ones that weigh most, and the table stays on the first screen.
constexpr std::size_t kRemarksOfSeveral = 3;

std::string headline(const Report& report) {
  const std::string gate = thresholds_panel(report.thresholds);
  if (report.results.size() == 1) {
    const ScenarioResult& result = report.results.front();
    return fmt::format(R"({}<p class="verdict">{}</p>{}{}{}{})", gate, verdict_sentence(result),
                       answer_list(report), trust_panel(report.verdict), evidence(result),
                       key_figures(result));
  }
  if (report.results.empty()) {
    return gate + fmt::format(R"(<p class="verdict">{}</p>)", words::kNothingMeasured) +
           trust_panel(report.verdict);
  }
  return gate + fmt::format(R"(<p class="verdict">{}</p>)", overview_sentence(report)) +
         overview_table(report) + answer_list(report) + trust_panel(report.verdict, kRemarksOfSeveral);
}

/// The table of several results links to each of them.
std::string contents(const Report& report) {
  std::string links;
  if (report.results.size() == 1)
    links = fmt::format(R"(<a href="#result-0">{}</a> )", escape(title_of(report.results.front())));
  return links +
         R"(<a href="#definitions">Definitions</a> <a href="#plan">Plan</a> <a href="#facts">Run</a>)";
}

std::string fact(std::string_view name, const std::string& markup) {
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", name, markup);
}

/// Times with two ends as a table, everything else as a list.
std::string definitions_markup(const Report& report) {
  std::string rows, list;
  for (const Definition& each : definitions(report)) {
    if (each.starts.empty()) {
      list += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", escape(each.term), escape(each.meaning));
    } else {
      rows += fmt::format(R"(<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>)", escape(each.term),
                          escape(each.starts), escape(each.stops));
    }
  }
  return fmt::format(
      R"(<p>{}</p><div class="table-box"><table class="definitions"><thead><tr><th scope="col">figure</th>)"
      R"(<th scope="col">starts</th><th scope="col">stops</th></tr></thead><tbody>{}</tbody></table></div>)"
      R"(<dl class="glossary wide">{}</dl>)",
      escape(clock_definition()), rows, list);
}

std::string titled_section(std::string_view id, std::string_view title, std::string_view markup) {
  return fmt::format("<section id=\"{}\"><h2>{}</h2>\n{}\n</section>\n", id, title, markup);
}

std::string run_facts(const Report& report) {
  const Totals& totals = report.totals;
  const auto figure = [](std::uint64_t value) { return format_figure(static_cast<double>(value)); };
  return R"(<dl class="facts">)" + fact("Run", escape(report.run_id)) +
         fact("Plan", escape(report.run_name)) + fact("Kneepoint", escape(report.version)) +
         fact("Started", utc_text(report.started_at)) +
         fact("Took", format_time(report.duration_seconds) + (report.interrupted ? ", interrupted" : "")) +
         fact("Agents", figure(report.agents)) + fact("Requests started", figure(totals.started)) +
         fact("completed", figure(totals.completed)) + fact("failed", figure(totals.failed)) +
         fact("cancelled by the tool", figure(totals.cancelled)) +
         fact("Output tokens", figure(totals.output_tokens)) + fact("Reconnects", figure(totals.reconnects)) +
         "</dl>";
}

}  // namespace
}  // namespace html

std::string render_html(const Report& report, const RunTimeline& timeline, std::string_view plan_text) {
  using namespace html;
  std::string sections = side_by_side(report);
  for (std::size_t i = 0; i < report.results.size(); ++i) {
    sections += section(report.results[i], i, report.results.size() > 1, timeline);
  }
  const std::string plan = plan_text.empty()
                               ? fmt::format("<p>{}</p>", words::kPlanNotKept)
                               : fmt::format(R"(<pre tabindex="0">{}</pre>)", escape(plan_text));
  sections += titled_section("definitions", "Definitions", definitions_markup(report)) +
              titled_section("plan", "Plan", plan) + titled_section("facts", "Run", run_facts(report));
  return render_page(
      {.title = escape(report.run_name) + " – Kneepoint report",
       .name = escape(report.run_name),
       .when = utc_text(report.started_at),
       .heading = "Where it saturates",
       .headline = headline(report),
       .contents = contents(report),
       .sections = std::move(sections),
       .version = escape(report.version),
       .data = {{"report-data", render_json(report)}, {"timeline-data", timeline_json(timeline)}},
       .scripts = {assets::script_ladder_chart, assets::script_timeline_chart, assets::script_heat_chart,
                   assets::script_scatter_chart, assets::script_charts, assets::script_report}});
}

}  // namespace kneepoint::coordinator
