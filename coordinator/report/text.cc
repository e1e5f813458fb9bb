#include "coordinator/report/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "coordinator/report/failures.h"
#include "coordinator/report/tables.h"
#include "coordinator/report/text_layout.h"
#include "coordinator/words/answer.h"
#include "coordinator/words/definitions.h"
#include "coordinator/words/failures.h"
#include "coordinator/words/flags.h"
#include "coordinator/words/titles.h"

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
  std::string note() const { return left_out_ ? "\n" + words("", words::kColumnsLeftOut) : ""; }

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
  out += page.section(words::kLoadAndThroughput, load_table(result));
  if (const std::string note = brief_note(whole); !note.empty()) out += page.words("  ", note);
  for (const std::string& remark : step_remarks(result)) out += page.words("  ", remark);
  out += page.section(words::kAfterTheRamp, after_table(result));
  if (const std::string prompts = prompt_sentence(result); !prompts.empty())
    out += "\n" + page.words("Prompts     ", prompts + ".");
  if (const std::string sessions = sessions_sentence(result); !sessions.empty())
    out += "\n" + page.words("Sessions    ", sessions + ".");
  out += page.section(words::kLatencies, latency_table(result));
  out += page.section(words::kOpenLoop, open_loop_table(result));
  out += page.section(words::kOthersFeel, bystander_table(result));
  out += page.section(words::kByClass, share_table(result, &Step::classes, "class"));
  out += page.section(words::kByTurn, share_table(result, &Step::turns, "turn"));
  out += page.section(words::kByReplica, share_table(result, &Step::replicas, "replica"));
  out += page.section(words::kEngineSaid, engine_table(result));
  out += page.section(words::kByRole, role_table(result));
  out += page.section(words::kByPod, pod_table(result));
  out += page.section(words::kFirstToken, first_token_table(result));
  out += page.section(words::kGpusSaid, gpu_table(result));
  out += page.section(words::kRequestsTitle, requests_table(result));
  const auto failures = failure_sentences(result, all_requests(result.steps));
  if (!failures.empty()) out += fmt::format("\n{}\n", words::kErrorsTitle);
  for (const std::string& failure : failures) out += page.words("  - ", failure);
  out += page.section(words::kSlowest, slowest_table(result));
  out += page.section(words::kGeneratorError, generator_table(result));
  out += "\n" + page.words(result.soak ? "Soak        " : "Saturation  ", saturation_text(result));
  for (const SloCriterion& criterion : result.slo.criteria)
    out += page.words("SLO         ", slo_sentence(criterion, result.load_kind()));
  if (result.slo.joint)
    out += page.words("SLO         ", slo_sentence(*result.slo.joint, result.load_kind()));
  for (const auto& [title, sentences] : findings_of(result)) {
    out += page.words(fmt::format("{:<15}", title), sentences);
  }
  if (!result.recommendations.empty()) out += fmt::format("\n{}\n", words::kRecommendations);
  for (const Recommendation& each : result.recommendations) {
    out += page.words(lead(each.name, 36, width), recommendation_sentence(each));
  }
  return out;
}

}  // namespace

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
  out += page.section(words::kSideBySide, overview_table(report));
  for (const ScenarioResult& result : report.results) out += result_as_text(result, page, width);
  out += page.rule() + page.words("", "Whole run: " + totals_line(report.totals)) + page.note();
  const auto flags = flags_explained(report);
  if (!flags.empty()) out += fmt::format("\n{}\n", words::kStatesAndFlags);
  for (const auto& [flag, meaning] : flags) out += page.words(lead(flag, 18, width), std::string(meaning));
  out += fmt::format("\n{}\n", words::kDefinitions);
  out += page.words("  ", clock_definition());
  for (const Definition& each : definitions(report))
    out += page.words("  - ", each.term + ": " + to_sentence(each));
  return out;
}

}  // namespace kneepoint::coordinator
