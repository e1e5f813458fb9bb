#include "coordinator/compare/render.h"

#include <fmt/format.h>

#include <numeric>

#include "coordinator/report/markdown_layout.h"
#include "coordinator/report/tables.h"
#include "coordinator/report/text_layout.h"
#include "coordinator/results/units.h"
#include "coordinator/words/answer.h"
#include "coordinator/words/comparison.h"

namespace kneepoint::coordinator {
namespace {

/// Figure, concurrency, the base's value, and for each of `others` its value and difference.
Table table_of(const Comparison& comparison, const ComparedResult& result,
               const std::vector<std::size_t>& others) {
  const std::string& base = comparison.runs.front().label;
  Table table{{{"figure", 17, true}, {"N", 4}, {.title = base, .width = 18, .spare = 2}}, {}};
  for (const std::size_t run : others) {
    table.columns.push_back({.title = comparison.runs[run].label, .width = 18, .spare = 1});
    table.columns.push_back({fmt::format("{} against {}", comparison.runs[run].label, base), 41, true});
  }
  for (const ComparedRow& row : result.rows) {
    std::vector<std::string> cells = {row.title, row.concurrency ? fmt::format("{}", *row.concurrency) : "",
                                      row.figures.front().text};
    for (const std::size_t run : others) {
      cells.push_back(row.figures[run].text);
      cells.push_back(difference_text(row, run));
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

std::vector<std::size_t> all_but_the_base(const Comparison& comparison) {
  std::vector<std::size_t> others(comparison.runs.size() - 1);
  std::iota(others.begin(), others.end(), std::size_t{1});
  return others;
}

}  // namespace

std::string run_line(const ComparedRun& run) {
  return fmt::format("{}  {}: {}, run {}, kneepoint {}, {}", run.label, run.source, run.report.run_name,
                     run.report.run_id, run.report.version, format_utc(run.report.started_at));
}

std::string summary_sentence(const Comparison& comparison) {
  std::size_t figures = 0, better = 0, worse = 0;
  for (const ComparedResult& result : comparison.results) {
    for (const ComparedRow& row : result.rows) {
      for (std::size_t run = 1; run < row.differences.size(); ++run) {
        if (!row.differences[run] || !row.differences[run]->tested) continue;
        ++figures;
        const std::string verdict = judgement(row, run);
        better += verdict == "better" ? 1 : 0;
        worse += verdict == "worse" ? 1 : 0;
      }
    }
  }
  return words::how_many_differ(figures, better, worse);
}

std::vector<std::string> whole_results(const Comparison& comparison) {
  std::vector<std::string> lines;
  for (const ComparedResult& result : comparison.results) {
    for (const std::size_t run : all_but_the_base(comparison)) {
      std::vector<std::string> parts;
      for (const ComparedRow& row : result.rows) {
        if (row.headline && row.differences[run])
          parts.push_back(row.title + " " + difference_text(row, run));
      }
      if (parts.empty()) continue;
      lines.push_back(fmt::format("{} against {}, {}: {}", comparison.runs[run].label,
                                  comparison.runs[0].label, result.title, fmt::join(parts, "; ")));
    }
  }
  return lines;
}

std::string render_text(const Comparison& comparison, std::size_t width) {
  const auto words = [&](const std::string& lead, const std::string& text) {
    return wrapped(lead, text, width);
  };
  std::string out;
  for (const ComparedRun& run : comparison.runs) out += words("", run_line(run));
  out += "\n";
  for (const ThresholdOutcome& each : comparison.thresholds) out += words("", threshold_sentence(each));
  for (const std::string& line : headlines(comparison)) out += words("", line);
  out += words("", summary_sentence(comparison));
  for (const std::string& line : whole_results(comparison)) out += words("  * ", line);
  for (const std::string& remark : comparison.remarks) out += words("  - ", remark);
  for (const ComparedResult& result : comparison.results) {
    out += fmt::format("\n{:=<{}}\n", "", width) + words("", result.title);
    for (const std::string& remark : result.remarks) out += words("  - ", remark);
    if (result.rows.empty()) continue;
    // A terminal has room for two runs side by side.
    for (const std::size_t run : all_but_the_base(comparison))
      out += "\n" + draw_text(table_of(comparison, result, {run}), width);
  }
  return out + "\n" + words("Method  ", method_text(comparison));
}

std::string render_markdown(const Comparison& comparison) {
  std::string out = "# Comparison\n\n";
  for (const ThresholdOutcome& each : comparison.thresholds)
    out += fmt::format("- {}\n", markdown_escaped(threshold_sentence(each)));
  if (!comparison.thresholds.empty()) out += "\n";
  for (const std::string& line : headlines(comparison))
    out += fmt::format("**{}**\n\n", markdown_escaped(line));
  out += summary_sentence(comparison) + "\n\n";
  for (const ComparedRun& run : comparison.runs)
    out += fmt::format("- {}\n", markdown_escaped(run_line(run)));
  for (const std::string& line : whole_results(comparison))
    out += fmt::format("- {}\n", markdown_escaped(line));
  for (const std::string& remark : comparison.remarks) out += fmt::format("- {}\n", markdown_escaped(remark));
  for (const ComparedResult& result : comparison.results) {
    out += fmt::format("\n## {}\n", markdown_escaped(result.title));
    if (!result.remarks.empty()) out += "\n";
    for (const std::string& remark : result.remarks) out += fmt::format("- {}\n", markdown_escaped(remark));
    out += draw_markdown("Side by side", table_of(comparison, result, all_but_the_base(comparison)));
  }
  return out + fmt::format("\n{}\n", markdown_escaped(method_text(comparison)));
}

}  // namespace kneepoint::coordinator
