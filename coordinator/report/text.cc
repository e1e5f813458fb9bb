#include "coordinator/report/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "coordinator/report/tables.h"
#include "coordinator/report/text_layout.h"
#include "coordinator/words/answer.h"
#include "coordinator/words/definitions.h"
#include "coordinator/words/failures.h"
#include "coordinator/words/flags.h"

namespace kneepoint::coordinator {
namespace {

/// Text in lines of one width.
class Page {
 public:
  explicit Page(std::size_t width) : width_(width) {}

  std::string words(const std::string& lead, const std::string& text) const {
    return wrapped(lead, text, width_);
  }
  std::string rule() const { return fmt::format("\n{:=<{}}\n", "", width_); }

  std::string section(const std::string& title, const Table& table) {
    if (table.rows.empty()) return "";
    left_out_ = left_out_ || fitted(table, width_).columns.size() < table.columns.size();
    return fmt::format("\n{}\n{}", title, draw_text(table, width_));
  }

  /// Where columns were left out, that they were.
  std::string note() const {
    return left_out_
               ? "\n" + words("", "Columns that do not fit are left out; report.md and steps.csv have all.")
               : "";
  }

 private:
  std::size_t width_;
  bool left_out_ = false;
};

/// A lead of `width` columns, less where that is most of the line.
std::string lead(std::string_view text, std::size_t width, std::size_t line_width) {
  std::string padded = fmt::format("  {:<{}}", text, std::min(width, line_width / 3));
  return padded.back() == ' ' ? padded : padded + ' ';
}

std::string result_as_text(const ScenarioResult& whole, Page& page, std::size_t width) {
  const ScenarioResult result = brief(whole);
  std::string out = page.rule();
  out += page.words("", title_sentence(result));
  out += page.section("Load and throughput", load_table(result));
  if (const std::string note = brief_note(whole); !note.empty()) out += page.words("  ", note);
  for (const std::string& remark : step_remarks(result)) out += page.words("  ", remark);
  out += page.section("After the ramp", after_table(result));
  if (const std::string prompts = prompt_sentence(result); !prompts.empty())
    out += "\n" + page.words("Prompts     ", prompts + ".");
  if (const std::string sessions = sessions_sentence(result); !sessions.empty())
    out += "\n" + page.words("Sessions    ", sessions + ".");
  out += page.section("Latency", latency_table(result));
  out += page.section("Open loop: latencies from when a request was due", open_loop_table(result));
  out += page.section("What others feel: requests beside the load", bystander_table(result));
  out += page.section("By prompt class", share_table(result, &Step::classes, "class"));
  out += page.section("By turn", share_table(result, &Step::turns, "turn"));
  out += page.section("By replica", share_table(result, &Step::replicas, "replica"));
  out += page.section("What the engine said", engine_table(result));
  out += page.section("By role of the servers", role_table(result));
  out += page.section("By pod, as each one's page has it", pod_table(result));
  out += page.section("Where a first token takes its time", first_token_table(result));
  out += page.section("What the GPUs said", gpu_table(result));
  out += page.section("Requests and connections", requests_table(result));
  const auto failures = failure_sentences(result);
  if (!failures.empty()) out += "\nErrors\n";
  for (const std::string& failure : failures) out += page.words("  - ", failure);
  out += page.section("The slowest to their first token", slowest_table(result));
  out += page.section("The generator's own error", generator_table(result));
  out += "\n" + page.words(result.soak ? "Soak        " : "Saturation  ", saturation_text(result));
  for (const SloCriterion& criterion : result.slo.criteria)
    out += page.words("SLO         ", slo_sentence(criterion, result.load_kind()));
  if (result.slo.joint)
    out += page.words("SLO         ", slo_sentence(*result.slo.joint, result.load_kind()));
  for (const auto& [title, sentences] : findings_of(result)) {
    out += page.words(fmt::format("{:<15}", title), sentences);
  }
  if (!result.recommendations.empty()) out += "\nRecommendations\n";
  for (const Recommendation& each : result.recommendations) {
    out += page.words(lead(each.name, 36, width), recommendation_sentence(each));
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

std::string render_text(const Report& report, std::size_t width) {
  Page page(width);
  std::string out = page.words("", run_line(report)) + "\n";
  for (const ThresholdOutcome& each : report.thresholds) out += page.words("", threshold_sentence(each));
  out += fmt::format("VERDICT: {}\n", to_string(report.verdict.trust()));
  const bool several = report.results.size() > 1;
  for (const ScenarioResult& result : report.results) {
    out += page.words(
        "  * ", saturation_sentence(result) + (several ? " " + trust_sentence(result.verdict.trust()) : ""));
  }
  for (const Remark& remark : report.verdict.remarks())
    out += page.words("  - ", fmt::format("{}: {}", weight_word(remark.weight), remark_sentence(remark)));
  out += page.section("Side by side (TTFT at the lowest step)", overview_table(report));
  for (const ScenarioResult& result : report.results) out += result_as_text(result, page, width);
  out += page.rule() + page.words("", "Whole run: " + totals_line(report.totals)) + page.note();
  const auto flags = flags_explained(report);
  if (!flags.empty()) out += "\nStates and flags\n";
  for (const auto& [flag, meaning] : flags) out += page.words(lead(flag, 18, width), std::string(meaning));
  out += "\nDefinitions\n";
  out += page.words("  ", clock_definition());
  for (const Definition& each : definitions(report))
    out += page.words("  - ", each.term + ": " + to_sentence(each));
  return out;
}

}  // namespace kneepoint::coordinator
