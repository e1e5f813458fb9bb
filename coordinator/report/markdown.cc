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

std::string render_result(const ScenarioResult& result) {
  std::string out = fmt::format("\n## {} on {} ({})\n", escaped(result.scenario), escaped(result.target),
                                escaped(result.model));
  out += "\n" + escaped(saturation_sentence(result) + " " + result.saturation.explanation) + "\n";
  if (!result.slo.criteria.empty()) {
    out += "\n";
    for (const SloCriterion& criterion : result.slo.criteria)
      out += fmt::format("- {}\n", escaped(slo_sentence(criterion, result.load_kind())));
    if (result.slo.joint)
      out += fmt::format("- {}\n", escaped(slo_sentence(*result.slo.joint, result.load_kind())));
  }
  out += draw("Load and throughput", load_table(result));
  const auto remarks = step_remarks(result);
  if (!remarks.empty()) out += "\n";
  for (const std::string& remark : remarks) out += fmt::format("- {}\n", escaped(remark));
  if (const std::string prompts = prompt_sentence(result); !prompts.empty())
    out += fmt::format("\nPrompts: {}.\n", escaped(prompts));
  out += draw("Latency", latency_table(result));
  out += draw("Open loop: latencies from when a request was due", open_loop_table(result));
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
