#include "coordinator/report/markdown.h"

#include <fmt/format.h>

#include "coordinator/report/sentences.h"
#include "coordinator/report/tables.h"

namespace kneepoint::coordinator {
namespace {

/// Names come from plans: nothing in them may open a table cell, a tag, a link or emphasis.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += ' ';
    } else if (c == '<') {
      out += "&lt;";
    } else {
      if (std::string_view("|*_`[]\\#").find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  }
  return out;
}

std::string draw(const std::string& title, const Table& table) {
  if (table.rows.empty()) return "";
  std::string out = fmt::format("\n### {}\n\n|", title);
  for (const Column& column : table.columns) out += fmt::format(" {} |", escaped(column.title));
  out += "\n|";
  for (const Column& column : table.columns) out += column.left ? " :-- |" : " --: |";
  for (const auto& row : table.rows) {
    out += "\n|";
    for (const std::string& cell : row) out += fmt::format(" {} |", escaped(cell));
  }
  return out + "\n";
}

std::string render_result(const ScenarioResult& whole) {
  const ScenarioResult result = brief(whole);
  std::string out = fmt::format("\n## {} on {} ({})\n", escaped(result.scenario), escaped(result.target),
                                escaped(result.model));
  out += "\n" + escaped(saturation_text(result)) + "\n";
  for (const auto& [title, sentences] : findings_of(result))
    out += fmt::format("\n**{}**: {}\n", title, escaped(sentences));
  if (!result.slo.criteria.empty()) {
    out += "\n";
    for (const SloCriterion& criterion : result.slo.criteria)
      out += fmt::format("- {}\n", escaped(slo_sentence(criterion)));
    if (result.slo.joint) out += fmt::format("- {}\n", escaped(slo_sentence(*result.slo.joint)));
  }
  if (!result.recommendations.empty()) out += "\n### Recommendations\n\n";
  for (const Recommendation& each : result.recommendations)
    out += fmt::format("- **{}**: {}\n", escaped(each.name), escaped(recommendation_sentence(each)));
  out += draw("Load and throughput", load_table(result));
  if (const std::string note = brief_note(whole); !note.empty()) out += "\n" + escaped(note) + "\n";
  const auto remarks = step_remarks(result);
  if (!remarks.empty()) out += "\n";
  for (const std::string& remark : remarks) out += fmt::format("- {}\n", escaped(remark));
  if (const std::string prompts = prompt_sentence(result); !prompts.empty())
    out += fmt::format("\nPrompts: {}.\n", escaped(prompts));
  if (const std::string thinking = thinking_sentence(result); !thinking.empty())
    out += fmt::format("\nUsers: {}.\n", escaped(thinking));
  out += draw("After the ramp", after_table(result));
  out += draw("Latency", latency_table(result));
  out += draw("By prompt class", share_table(result, &Step::classes, "class"));
  out += draw("By turn", share_table(result, &Step::turns, "turn"));
  out += draw("By replica", share_table(result, &Step::replicas, "replica"));
  out += draw("Requests and generator", generator_table(result));
  return out;
}

}  // namespace

std::string render_markdown(const Report& report) {
  std::string out =
      fmt::format("# {}\n\n**Verdict: {}**\n\n", escaped(report.run_name), trust_of(report.verdict));
  for (const ScenarioResult& result : report.results)
    out += fmt::format("- {}\n", escaped(saturation_sentence(result)));
  for (const std::string& reason : report.verdict.reasons) out += fmt::format("- {}\n", escaped(reason));
  for (const ScenarioResult& result : report.results) out += render_result(result);
  out +=
      fmt::format("\n## Run\n\n{}\n\n{}\n\n", escaped(run_line(report)), escaped(totals_line(report.totals)));
  out += "<details><summary>Definitions</summary>\n\n";
  for (const auto& [term, meaning] : definitions())
    out += fmt::format("- **{}**: {}\n", escaped(term), escaped(meaning));
  return out + "\n</details>\n";
}

}  // namespace kneepoint::coordinator
