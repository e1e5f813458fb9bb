#include "coordinator/report/html/overview.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/report/html/heat_map.h"
#include "coordinator/report/html/markup.h"
#include "coordinator/report/html/page.h"
#include "coordinator/report/html/summary.h"
#include "coordinator/report/html/tables.h"
#include "coordinator/report/matrix.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator::html {
namespace {

/// Lines that one chart holds: as many as there are styles (plot.js).
constexpr std::size_t kMostLines = 6;

std::string trust_badge(Trust trust) {
  const std::string_view kind = trust == Trust::kTrustworthy ? "better"
                                : trust == Trust::kReserved  ? ""
                                                             : "worse";
  return fmt::format(R"(<span class="badge {}">{}</span>)", kind, to_string(trust));
}

struct OverviewColumn {
  std::string_view title;
  std::function<Figure(const ScenarioResult&)> figure;
  bool optional = false;  ///< Left out where no result has it.
};

const std::vector<OverviewColumn>& overview_columns() {
  static const std::vector<OverviewColumn> columns = {
      {"N_sat", [](const ScenarioResult& r) { return saturation_figure(r).figure; }},
      {"N_slo", [](const ScenarioResult& r) { return slo_figure(r).figure; }, true},
      {"peak output tok/s", [](const ScenarioResult& r) { return peak_figure(r).figure; }, true},
      {"TTFT p95 at the knee", [](const ScenarioResult& r) { return ttft_figure(r).figure; }, true},
      {"errors, %", [](const ScenarioResult& r) { return errors_figure(r).figure; }},
      {"CPU µs/token of the tool", [](const ScenarioResult& r) { return cost_figure(r).figure; }, true},
      {"model load", [](const ScenarioResult& r) { return load_figure(r).figure; }, true},
      {"peak GPU memory", [](const ScenarioResult& r) { return memory_figure(r).figure; }, true}};
  return columns;
}

/// "12 to 64", "12" where all agree.
std::string span(const std::set<double>& values) {
  const std::string low = format_figure(*values.begin()), high = format_figure(*values.rbegin());
  return low == high ? low : low + " to " + high;
}

bool has_several_loads(const ScenarioResult& result) {
  std::set<double> loads;
  for (const Step& step : result.steps) loads.insert(step.load());
  return loads.size() > 1;
}

/// Charts of every scenario that several targets ran, a line for each target.
std::string overlays(const Report& report) {
  std::string markup;
  std::set<std::string> drawn;
  for (std::size_t first = 0; first < report.results.size(); ++first) {
    const std::string& scenario = report.results[first].scenario;
    if (matrix_name(scenario) || !drawn.insert(scenario).second) continue;
    std::vector<std::size_t> same;
    for (std::size_t i = first; i < report.results.size(); ++i) {
      if (report.results[i].scenario == scenario && has_several_loads(report.results[i])) same.push_back(i);
    }
    if (same.size() < 2) continue;
    // The script takes the targets from the given one on, as many as a chart holds.
    for (std::size_t i = 0; i < same.size(); i += kMostLines) {
      markup += chart_figure("targets-throughput", same[i], words::kTargetsThroughput, {}, escape(scenario));
      markup += chart_figure("targets-ttft", same[i], words::kTargetsTtft, {}, escape(scenario));
      markup += chart_figure("targets-pareto", same[i], words::kTargetsPareto, {}, escape(scenario));
    }
  }
  return markup.empty() ? markup : R"(<div class="charts">)" + markup + "</div>";
}

std::set<std::string> targets_of(const Report& report) {
  std::set<std::string> targets;
  for (const ScenarioResult& result : report.results) targets.insert(result.target);
  return targets;
}

}  // namespace

std::string overview_sentence(const Report& report) {
  const std::set<std::string> targets = targets_of(report);
  std::set<double> saturation, peaks;
  std::size_t found = 0;
  for (const ScenarioResult& result : report.results) {
    // What is claimed and no more: of a range its ends, of a result that is not trusted nothing.
    const auto& [point, range] = std::pair(result.saturation.concurrency, result.saturation.ci95);
    if (result.verdict.trust() != Trust::kUntrusted && (point || range)) {
      ++found;
      saturation.insert(point ? *point : range->low);
      saturation.insert(point ? *point : range->high);
    }
    if (const auto peak = peak_figure(result).figure.raw) peaks.insert(*peak);
  }
  std::string text =
      fmt::format("{} results on {}", report.results.size(),
                  targets.size() == 1 ? *targets.begin() : fmt::format("{} targets", targets.size()));
  if (!peaks.empty()) text += fmt::format(": {} output tok/s at most", span(peaks));
  if (found > 0) {
    text += "; N_sat " + span(saturation);
    if (found < report.results.size())
      text += fmt::format(", not found or not trusted in {}", report.results.size() - found);
  }
  return escape(text + ".");
}

std::string overview_table(const Report& report) {
  std::vector<const OverviewColumn*> columns;
  for (const OverviewColumn& column : overview_columns()) {
    const auto has = [&](const ScenarioResult& r) { return column.figure(r).absent_reason.empty(); };
    if (!column.optional || std::any_of(report.results.begin(), report.results.end(), has))
      columns.push_back(&column);
  }
  // The sentence above names the only target.
  const bool several = targets_of(report).size() > 1;
  std::string rows = fmt::format(R"(<thead><tr><th scope="col">{}scenario</th>)", several ? "target · " : "");
  for (const OverviewColumn* column : columns)
    rows += fmt::format(R"(<th scope="col">{}</th>)", column->title);
  rows +=
      R"(<th scope="col" class="words">limited by</th><th scope="col" class="words">trust</th></tr></thead><tbody>)";
  for (std::size_t i = 0; i < report.results.size(); ++i) {
    const ScenarioResult& result = report.results[i];
    rows += fmt::format(R"(<tr><th scope="row"><a href="#result-{}">{}</a></th>)", i,
                        escape(several ? title_of(result) : result.scenario));
    for (const OverviewColumn* column : columns) rows += figure_cell(column->figure(result));
    const std::string& bottleneck = result.saturation.bottleneck;
    rows += fmt::format(R"(<td class="words">{}</td><td class="words">{}</td></tr>)",
                        bottleneck.empty() ? "–" : escape(bottleneck), trust_badge(result.verdict.trust()));
  }
  return boxed("overview", "All results", rows + "</tbody>");
}

std::string side_by_side(const Report& report) {
  std::string markup = overlays(report);
  for (const Matrix& matrix : matrices_of(report)) {
    markup += fmt::format("<h3>{}</h3>", escape(matrix.target + " · " + matrix.scenario)) +
              heat_maps(report, matrix);
  }
  if (markup.empty()) return markup;
  return R"(<section id="side-by-side"><h2>Side by side</h2>)" + markup + "</section>";
}

}  // namespace kneepoint::coordinator::html
