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

namespace kneepoint::coordinator {
namespace {

constexpr const char* kNext = "Next:";

/// What a reader who cares for one figure plans by.
std::string plan_text(const ScenarioResult& result) {
  const Recommendation& first = result.recommendations.front();
  return fmt::format("{}; {}", first.name, recommendation_sentence(first));
}

std::string trust_text(const Verdict& verdict) {
  std::string text(to_string(verdict.trust()));
  const std::vector<Remark>& remarks = verdict.remarks();
  if (remarks.empty() || remarks.front().weight == Remark::Weight::kWarning) return text;
  text += ": " + remarks.front().text;
  const auto more = std::count_if(remarks.begin() + 1, remarks.end(),
                                  [](const Remark& r) { return r.weight != Remark::Weight::kWarning; });
  return more == 0 ? text : text + fmt::format(" (and {} more)", more);
}

/// The heaviest remark that something can be done about says what; what is merely worth knowing does not, but
/// for a scan that was too short. Empty where nothing is to be done.
std::string next_text(const Report& report) {
  for (const Remark& remark : report.verdict.remarks()) {
    const bool weighs = remark.weight != Remark::Weight::kWarning || remark.code == "not_saturated";
    if (weighs && !remark.remedy.empty()) return remark.remedy;
  }
  return "";
}

std::string answer(const Report& report, const std::string& directory, std::size_t width) {
  std::string out;
  for (const ThresholdOutcome& each : report.thresholds) out += wrapped("", threshold_sentence(each), width);
  out += render_answer(report, width);
  const std::vector<AnswerLine> closing = closing_lines(report);
  for (const AnswerLine& line : closing) out += answer_line(line, width);
  if (closing.back().lead == kNext) return out;
  return out + answer_line({kNext, fmt::format("every table: kneepoint report --full {}", directory)}, width);
}

std::string in_one_line(const Report& report) {
  std::string text;
  for (const ScenarioResult& result : report.results) {
    text += text.empty() ? "" : "; ";
    if (report.results.size() > 1) text += fmt::format("{} on {}: ", result.scenario, result.target);
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
    lines.push_back({"Plan by:", plan_text(report.results.front())});
  lines.push_back({std::string(kVerdictLead), trust_text(report.verdict)});
  if (std::string next = next_text(report); !next.empty()) lines.push_back({kNext, std::move(next)});
  return lines;
}

std::string render_ending(const Report& report, const std::string& directory, Detail detail,
                          std::size_t width) {
  const std::string where = fmt::format("report: {}/report.html\n", directory);
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
