#include "coordinator/cli/compare_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/printable.h"
#include "coordinator/cli/failure.h"
#include "coordinator/cli/report_file.h"
#include "coordinator/cli/standard_output.h"
#include "coordinator/compare/comparison.h"
#include "coordinator/compare/render.h"
#include "coordinator/compare/threshold.h"
#include "coordinator/report/run_directory.h"
#include "coordinator/results/exit_code.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::size_t kMostRuns = 6;  // that a chart can tell apart

/// "runs/x", "runs/x/report.json", "runs/x@target".
Result<Report> load(const std::string& source) {
  const std::size_t at = source.rfind('@');
  if (at == source.npos || std::filesystem::exists(source)) return read_report(source);
  auto report = read_report(source.substr(0, at));
  if (!report) return report;
  const std::string target = source.substr(at + 1);
  std::erase_if(report->results, [&](const ScenarioResult& result) { return result.target != target; });
  if (report->results.empty())
    return Error{fmt::format("{}: there is no target '{}'", source.substr(0, at), target)};
  return report;
}

Result<void> write(const Comparison& comparison, const std::filesystem::path& out) {
  const auto directory = RunDirectory::create(out, "compare", comparison.runs.front().report.started_at);
  if (!directory) return directory.error();
  for (const auto& [name, content] :
       {std::pair<std::string_view, std::string>{"compare.txt", render_text(comparison)},
        {"compare.md", render_markdown(comparison)},
        {"compare.html", render_html(comparison)}}) {
    if (const auto written = directory->write(name, content); !written) return written.error();
  }
  return {};
}

bool compared_anything(const Comparison& comparison) {
  return std::any_of(comparison.results.begin(), comparison.results.end(), [](const ComparedResult& result) {
    return std::any_of(result.rows.begin(), result.rows.end(), [](const ComparedRow& row) {
      return std::any_of(row.differences.begin(), row.differences.end(),
                         [](const auto& d) { return d.has_value(); });
    });
  });
}

/// Prints what each threshold came to.
int judge(const std::vector<Threshold>& thresholds, const Comparison& comparison, bool only_significant) {
  bool missed = false, unchecked = false;
  for (const Threshold& threshold : thresholds) {
    const ThresholdResult result = check(threshold, comparison, only_significant);
    for (const std::string& line : result.missed) say(fmt::format("MISSED     {}\n", printable(line)));
    for (const std::string& line : result.undecided) say(fmt::format("UNDECIDED  {}\n", printable(line)));
    for (const std::string& line : result.refused) say(fmt::format("UNCHECKED  {}\n", printable(line)));
    if (result.checked == 0 && result.refused.empty())
      say(fmt::format("UNCHECKED  {}: no such figure could be compared\n", threshold.text));
    // A gate that was not looked at, be it in part, must not pass.
    const bool looked_at = result.checked > 0 && result.refused.empty();
    if (looked_at && result.missed.empty()) say(fmt::format("HELD       {}\n", threshold.text));
    missed = missed || !result.missed.empty();
    unchecked = unchecked || !looked_at;
  }
  return missed ? kThreshold : unchecked ? kNoVerdict : kDone;
}

}  // namespace

int compare_command(const CompareOptions& options) {
  std::vector<Threshold> thresholds;
  for (const std::string& text : options.fail_on) {
    auto threshold = parse_threshold(text);
    if (!threshold) return refuse(threshold.error().message);
    thresholds.push_back(*std::move(threshold));
  }
  if (options.runs.size() > kMostRuns)
    return refuse(fmt::format("{} runs; at most {} can be told apart", options.runs.size(), kMostRuns));
  std::vector<ComparedRun> runs;
  for (const std::string& source : options.runs) {
    auto report = load(source);
    if (!report) return refuse(report.error().message);
    runs.push_back({.label = std::string(1, static_cast<char>('A' + runs.size())),
                    .source = source,
                    .report = *std::move(report)});
  }
  const Comparison comparison = compare(std::move(runs));
  say(printable_lines(render_text(comparison)));
  if (options.out) {
    if (const auto written = write(comparison, *options.out); !written)
      return refuse(written.error().message);
    say(fmt::format("\ncomparison: {}\n", (*options.out / "compare.html").string()));
  }
  if (!thresholds.empty()) say("\n");
  const int verdict = judge(thresholds, comparison, !options.ignore_significance);
  return compared_anything(comparison) ? verdict : static_cast<int>(kNoVerdict);
}

}  // namespace kneepoint::coordinator
