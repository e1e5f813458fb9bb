#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <optional>

#include "common/json_quoted.h"
#include "coordinator/compare/render.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::string_view kSchema = "kneepoint.comparison/1";

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "null";
}

std::string interval(const std::optional<Interval>& of) {
  return of ? fmt::format("[{}, {}]", number(of->low), number(of->high)) : "null";
}

/// A JSON array of what `write` makes of each item; one of objects has a line for each.
template <class Items, class Write>
std::string array(const Items& items, Write write, std::string_view gap = "") {
  std::string out;
  for (const auto& item : items) out += fmt::format("{}{}{}", out.empty() ? "" : ", ", gap, write(item));
  return fmt::format("[{}]", out);
}

std::string figure(const ComparedFigure& of) {
  return fmt::format(R"({{"text": {}, "value": {}, "range": {}}})", json_quoted(of.text),
                     of.sample ? number(of.sample->value) : "null",
                     interval(of.sample ? of.sample->range : std::nullopt));
}

std::string difference(const ComparedRow& row, std::size_t run) {
  const auto& of = row.differences[run];
  if (!of) return "null";
  return fmt::format(R"({{"text": {}, "{}": {}, "ci95": {}, "significant": {}, "judgement": {}}})",
                     json_quoted(difference_text(row, run)), of->points ? "difference" : "ratio",
                     of->bound == RatioBound::kUnknown ? "null" : number(of->ratio), interval(of->ci95),
                     of->significant, json_quoted(judgement(row, run)));
}

std::string compared_row(const ComparedRow& row) {
  std::string differences;
  for (std::size_t run = 1; run < row.differences.size(); ++run)
    differences += fmt::format("{}{}", run == 1 ? "" : ", ", difference(row, run));
  return fmt::format(R"({{"metric": {}, "title": {}, "load": {}, "figures": {}, "differences": [{}]}})",
                     json_quoted(row.metric), json_quoted(row.title),
                     row.concurrency ? number(*row.concurrency) : "null", array(row.figures, figure),
                     differences);
}

std::string compared_run(const ComparedRun& run) {
  return fmt::format(R"({{"label": {}, "source": {}, "id": {}, "name": {}, "started_at": {}, "trust": {}}})",
                     json_quoted(run.label), json_quoted(run.source), json_quoted(run.report.run_id),
                     json_quoted(run.report.run_name), json_quoted(format_utc(run.report.started_at)),
                     json_quoted(to_string(run.report.verdict.trust())));
}

std::string outcome(const ThresholdOutcome& of) {
  return fmt::format(R"({{"expression": {}, "state": {}, "explanation": {}}})", json_quoted(of.expression),
                     json_quoted(of.state), json_quoted(of.explanation));
}

}  // namespace

std::string render_json(const Comparison& comparison, int exit_code, std::string_view exit_reason) {
  std::string out = fmt::format("{{\n  \"schema\": {},\n  \"exit\": {{\"code\": {}, \"reason\": {}}},\n",
                                json_quoted(kSchema), exit_code, json_quoted(exit_reason));
  const auto add = [&](std::string_view name, const std::string& value, std::string_view end = ",") {
    out += fmt::format("  {}: {}{}\n", json_quoted(name), value, end);
  };
  add("thresholds", array(comparison.thresholds, outcome, "\n    "));
  add("headlines", json_quoted(headlines(comparison)));
  add("runs", array(comparison.runs, compared_run, "\n    "));
  add("remarks", json_quoted(comparison.remarks));
  add("results",
      array(
          comparison.results,
          [](const ComparedResult& result) {
            return fmt::format(R"({{"title": {}, "remarks": {}, "rows": {}}})", json_quoted(result.title),
                               json_quoted(result.remarks), array(result.rows, compared_row, "\n      "));
          },
          "\n    "),
      "");
  return out + "}\n";
}

}  // namespace kneepoint::coordinator
