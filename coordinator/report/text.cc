#include "coordinator/report/text.h"

#include <fmt/format.h>

#include "coordinator/report/columns.h"
#include "coordinator/report/sentences.h"
#include "coordinator/report/tables.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::size_t kWidth = 120;
constexpr std::string_view kGap = "  ";

std::string line_of(const std::vector<Column>& columns, const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += kGap;
    const bool last = i + 1 == cells.size();
    const std::size_t room = kWidth - std::min(kWidth - 1, column_width(line));
    const std::string text = printable(cells[i]);
    const std::string cell = columns[i].left ? fit_columns(text, last ? room : columns[i].width, "…") : text;
    const std::size_t width = column_width(cell);
    const std::string padding(columns[i].width > width ? columns[i].width - width : 0, ' ');
    line += columns[i].left ? cell + padding : padding + cell;
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::string header_of(const std::vector<Column>& columns) {
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.push_back(column.title);
  return line_of(columns, titles);
}

std::string draw(const Table& table) {
  std::string out = header_of(table.columns) + "\n";
  for (const auto& row : table.rows) out += line_of(table.columns, row) + "\n";
  return out;
}

/// Wraps at spaces; the first line after `lead`, the others indented as far.
std::string wrapped(const std::string& lead, const std::string& text) {
  const std::string indent(column_width(lead), ' ');
  std::string out;
  std::string line = lead;
  bool fresh = true;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = printable(text.substr(at, end - at));
    if (!fresh && column_width(line) + 1 + column_width(word) > kWidth) {
      out += line + "\n";
      line = indent;
      fresh = true;
    }
    line += (fresh ? "" : " ") + word;
    fresh = false;
    at = end + 1;
  }
  return out + line + "\n";
}

std::string section(const std::string& title, const Table& table) {
  return table.rows.empty() ? "" : fmt::format("\n{}\n{}", title, draw(table));
}

std::string render_result(const ScenarioResult& whole) {
  const ScenarioResult result = brief(whole);
  std::string out = fmt::format("\n{:=<{}}\n", "", kWidth);
  out += wrapped("", fmt::format("{} on {}, model {}", result.scenario, result.target, result.model));
  out += section("Load and throughput", load_table(result));
  if (const std::string note = brief_note(whole); !note.empty()) out += wrapped("  ", note);
  for (const std::string& remark : step_remarks(result)) out += wrapped("  ", remark);
  out += section("After the ramp", after_table(result));
  if (const std::string prompts = prompt_sentence(result); !prompts.empty())
    out += "\n" + wrapped("Prompts     ", prompts + ".");
  if (const std::string thinking = thinking_sentence(result); !thinking.empty())
    out += "\n" + wrapped("Users       ", thinking + ".");
  out += section("Latency", latency_table(result));
  out += section("By prompt class", share_table(result, &Step::classes, "class"));
  out += section("By turn", share_table(result, &Step::turns, "turn"));
  out += section("By replica", share_table(result, &Step::replicas, "replica"));
  out += section("Requests and generator", generator_table(result));
  out += "\n" + wrapped(result.soak ? "Soak        " : "Saturation  ", saturation_text(result));
  for (const SloCriterion& criterion : result.slo.criteria)
    out += wrapped("SLO         ", slo_sentence(criterion));
  if (result.slo.joint) out += wrapped("SLO         ", slo_sentence(*result.slo.joint));
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
  return header_of(load_columns());
}

std::string render_step_line(const Step& step) {
  return line_of(load_columns(), load_cells(step));
}

std::string render_text(const Report& report) {
  std::string out = wrapped("", run_line(report)) + "\n";
  out += fmt::format("VERDICT: {}\n", trust_of(report.verdict));
  for (const ScenarioResult& result : report.results) out += wrapped("  * ", saturation_sentence(result));
  for (const std::string& reason : report.verdict.reasons) out += wrapped("  - ", reason);
  for (const ScenarioResult& result : report.results) out += render_result(result);
  out += fmt::format("\n{:=<{}}\nWhole run: {}\n\nDefinitions\n", "", kWidth, totals_line(report.totals));
  for (const auto& [term, meaning] : definitions()) out += wrapped(fmt::format("  {:<18}", term), meaning);
  return out;
}

}  // namespace kneepoint::coordinator
