#include "coordinator/report/text.h"

#include <fmt/format.h>

#include "coordinator/report/definitions.h"
#include "coordinator/report/failures.h"
#include "coordinator/report/flags.h"
#include "coordinator/report/sentences.h"
#include "coordinator/report/tables.h"
#include "coordinator/report/text_layout.h"

namespace kneepoint::coordinator {
namespace {

std::string section(const std::string& title, const Table& table) {
  return table.rows.empty() ? "" : fmt::format("\n{}\n{}", title, draw_text(table));
}

std::string result_as_text(const ScenarioResult& whole) {
  const ScenarioResult result = brief(whole);
  std::string out = fmt::format("\n{:=<{}}\n", "", kTextWidth);
  out += wrapped("", title_sentence(result));
  out += section("Load and throughput", load_table(result));
  if (const std::string note = brief_note(whole); !note.empty()) out += wrapped("  ", note);
  for (const std::string& remark : step_remarks(result)) out += wrapped("  ", remark);
  out += section("After the ramp", after_table(result));
  if (const std::string prompts = prompt_sentence(result); !prompts.empty())
    out += "\n" + wrapped("Prompts     ", prompts + ".");
  if (const std::string thinking = thinking_sentence(result); !thinking.empty())
    out += "\n" + wrapped("Users       ", thinking + ".");
  out += section("Latency", latency_table(result));
  out += section("Open loop: latencies from when a request was due", open_loop_table(result));
  out += section("By prompt class", share_table(result, &Step::classes, "class"));
  out += section("By turn", share_table(result, &Step::turns, "turn"));
  out += section("By replica", share_table(result, &Step::replicas, "replica"));
  out += section("What the engine said", engine_table(result));
  out += section("Where a first token takes its time", first_token_table(result));
  out += section("What the GPUs said", gpu_table(result));
  out += section("Requests and connections", requests_table(result));
  const auto failures = failure_sentences(result);
  if (!failures.empty()) out += "\nErrors\n";
  for (const std::string& failure : failures) out += wrapped("  - ", failure);
  out += section("The slowest to their first token", slowest_table(result));
  out += section("The generator's own error", generator_table(result));
  out += "\n" + wrapped(result.soak ? "Soak        " : "Saturation  ", saturation_text(result));
  for (const SloCriterion& criterion : result.slo.criteria)
    out += wrapped("SLO         ", slo_sentence(criterion, result.load_kind()));
  if (result.slo.joint) out += wrapped("SLO         ", slo_sentence(*result.slo.joint, result.load_kind()));
  for (const auto& [title, sentences] : findings_of(result)) {
    out += wrapped(fmt::format("{:<15}", title), sentences);
  }
  if (!result.recommendations.empty()) out += "\nRecommendations\n";
  for (const Recommendation& each : result.recommendations) {
    out += wrapped(fmt::format("  {:<36}", each.name), recommendation_sentence(each));
  }
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
  for (const ThresholdOutcome& each : report.thresholds) out += wrapped("", threshold_sentence(each));
  out += fmt::format("VERDICT: {}\n", to_string(report.verdict.trust()));
  const bool several = report.results.size() > 1;
  for (const ScenarioResult& result : report.results) {
    out += wrapped(
        "  * ", saturation_sentence(result) + (several ? " " + trust_sentence(result.verdict.trust()) : ""));
  }
  for (const Remark& remark : report.verdict.remarks())
    out += wrapped("  - ", fmt::format("{}: {}", weight_word(remark.weight), remark_sentence(remark)));
  out += section("Side by side (TTFT at the lowest step)", overview_table(report));
  for (const ScenarioResult& result : report.results) out += result_as_text(result);
  out += fmt::format("\n{:=<{}}\nWhole run: {}\n", "", kTextWidth, totals_line(report.totals));
  const auto flags = flags_explained(report);
  if (!flags.empty()) out += "\nStates and flags\n";
  for (const auto& [flag, meaning] : flags)
    out += wrapped(fmt::format("  {:<18}", flag), std::string(meaning));
  out += "\nDefinitions\n";
  out += wrapped("  ", clock_definition());
  for (const Definition& each : definitions(report))
    out += wrapped("  - ", each.term + ": " + to_sentence(each));
  return out;
}

}  // namespace kneepoint::coordinator
