#include "coordinator/report/ending.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/printable.h"
#include "coordinator/report/json.h"
#include "coordinator/report/summary.h"
#include "coordinator/report/text.h"
#include "coordinator/report/text_layout.h"
#include "coordinator/words/answer.h"
#include "coordinator/words/bottlenecks.h"
#include "coordinator/words/comparison.h"
#include "coordinator/words/endings.h"
#include "coordinator/words/remarks.h"
#include "coordinator/words/short_answer.h"

namespace kneepoint::coordinator {
namespace {

std::string trust_text(const Verdict& verdict) {
  std::string text(to_string(verdict.trust()));
  const std::vector<Remark>& remarks = verdict.remarks();
  if (remarks.empty() || remarks.front().weight == Remark::Weight::kWarning) return text;
  const auto more = std::count_if(remarks.begin() + 1, remarks.end(),
                                  [](const Remark& r) { return r.weight != Remark::Weight::kWarning; });
  return words::trust_and_why(text, remarks.front().text, static_cast<std::size_t>(more));
}

/// The heaviest remark that something can be done about says what; what is merely worth knowing does not, but
/// for a scan that was too short; of a host that fails or a generator at its limit, what that asks for. Empty
/// where nothing is to be done.
std::string next_text(const Report& report) {
  for (const Remark& remark : report.verdict.remarks()) {
    const bool weighs = remark.weight != Remark::Weight::kWarning || remark.code == "not_saturated";
    if (weighs && !remark.remedy.empty()) return remark.remedy;
  }
  for (const ScenarioResult& result : report.results) {
    const std::string& limit = result.saturation.bottleneck;
    if (limit == "errors" || limit == "client") return std::string(way_out(limit));
  }
  return "";
}

std::string answer(const Report& report, const std::string& directory, std::size_t width) {
  std::string out;
  for (const ThresholdOutcome& each : report.thresholds) out += wrapped("", threshold_sentence(each), width);
  out += render_answer(report, width);
  const std::vector<AnswerLine> closing = closing_lines(report);
  for (const AnswerLine& line : closing) out += answer_line(line, width);
  if (closing.back().lead == words::kNext) return out;
  return out + answer_line({words::kNext, words::every_table(directory)}, width);
}

std::string in_one_line(const Report& report) {
  std::string text;
  for (const ScenarioResult& result : report.results) {
    text += text.empty() ? "" : "; ";
    if (report.results.size() > 1) text += words::scenario_on_target(result) + ": ";
    text += answer_words(result);
  }
  std::vector<std::string> parts = gate_words(report.thresholds);
  parts.push_back(fmt::format("{}: {}", to_string(report.verdict.trust()), text));
  return printable(fmt::format("{}", fmt::join(parts, "; ")));
}

}  // namespace

std::vector<AnswerLine> closing_lines(const Report& report) {
  std::vector<AnswerLine> lines;
  if (report.results.size() == 1 && !report.results.front().recommendations.empty())
    lines.push_back({words::kPlanBy, words::plan_by(report.results.front().recommendations.front())});
  lines.push_back({std::string(kVerdictLead), trust_text(report.verdict)});
  if (std::string next = next_text(report); !next.empty()) lines.push_back({words::kNext, std::move(next)});
  return lines;
}

std::string render_ending(const Report& report, const std::string& directory, Detail detail,
                          std::size_t width) {
  const std::string where = words::where_the_report_is(directory);
  switch (detail) {
    case Detail::kLine:
      return in_one_line(report) + "; " + where;
    case Detail::kAnswer:
      return answer(report, directory, width) + where;
    case Detail::kJson:
      return render_json(report);
    case Detail::kAll:
      break;
  }
  return render_text(report, width) + "\n" + where;
}

}  // namespace kneepoint::coordinator
