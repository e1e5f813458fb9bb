#include "coordinator/report/text.h"

#include <fmt/format.h>

#include "coordinator/report/definitions.h"
#include "coordinator/report/sentences.h"
#include "coordinator/report/tables.h"
#include "coordinator/report/text_layout.h"

namespace kneepoint::coordinator {
namespace {

std::string section(const std::string& title, const Table& table) {
  return table.rows.empty() ? "" : fmt::format("\n{}\n{}", title, draw_text(table));
}

std::string render_result(const ScenarioResult& result) {
  std::string out = fmt::format("\n{:=<{}}\n", "", kTextWidth);
  out += wrapped("", fmt::format("{} on {}, model {}", result.scenario, result.target, result.model));
  out += section("Load and throughput", load_table(result));
  for (const std::string& remark : step_remarks(result)) out += wrapped("  ", remark);
  if (const std::string prompts = prompt_sentence(result); !prompts.empty())
    out += "\n" + wrapped("Prompts     ", prompts + ".");
  if (const std::string thinking = thinking_sentence(result); !thinking.empty())
    out += "\n" + wrapped("Users       ", thinking + ".");
  out += section("Latency", latency_table(result));
  out += section("By prompt class", share_table(result, &Step::classes, "class"));
  out += section("By turn", share_table(result, &Step::turns, "turn"));
  out += section("By replica", share_table(result, &Step::replicas, "replica"));
  out += section("Requests and generator", generator_table(result));
  out += "\n" + wrapped("Saturation  ", saturation_sentence(result) + " " + result.saturation.explanation);
  for (const SloCriterion& criterion : result.slo.criteria)
    out += wrapped("SLO         ", slo_sentence(criterion));
  if (result.slo.joint) out += wrapped("SLO         ", slo_sentence(*result.slo.joint));
  return out;
}

}  // namespace

std::string step_header() {
  return text_header(load_columns());
}

std::string render_step_line(const Step& step) {
  return text_line(load_columns(), load_cells(step));
}

std::string render_text(const Report& report) {
  std::string out = wrapped("", run_line(report)) + "\n";
  out += fmt::format("VERDICT: {}\n", trust_of(report.verdict));
  for (const ScenarioResult& result : report.results) out += wrapped("  * ", saturation_sentence(result));
  for (const std::string& reason : report.verdict.reasons) out += wrapped("  - ", reason);
  for (const ScenarioResult& result : report.results) out += render_result(result);
  out += fmt::format("\n{:=<{}}\nWhole run: {}\n\nDefinitions\n", "", kTextWidth, totals_line(report.totals));
  out += wrapped("  ", clock_definition());
  for (const Definition& each : definitions()) out += wrapped("  - ", each.term + ": " + to_sentence(each));
  return out;
}

}  // namespace kneepoint::coordinator
