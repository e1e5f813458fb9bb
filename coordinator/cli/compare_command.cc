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
#include "coordinator/plan/threshold.h"
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

Result<void> write(const Comparison& comparison, const std::string& json, const std::filesystem::path& out) {
  const auto directory = RunDirectory::create(out, "compare", comparison.runs.front().report.started_at);
  if (!directory) return directory.error();
  for (const auto& [name, content] : {std::pair<std::string_view, std::string>{"compare.json", json},
                                      {"compare.txt", render_text(comparison)},
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

struct Outcome {
  ExitCode code;
  std::string_view reason;  ///< Of a result without a verdict, too.
};

Outcome outcome_of(const Comparison& comparison) {
  const auto any = [&](std::string_view state) {
    return std::any_of(comparison.thresholds.begin(), comparison.thresholds.end(),
                       [&](const ThresholdOutcome& each) { return each.state == state; });
  };
  if (!compared_anything(comparison)) return {kNoVerdict, "nothing_compared"};
  if (any("MISSED")) return {kThreshold, "threshold_missed"};
  if (any("UNCHECKED")) return {kNoVerdict, "threshold_unchecked"};
  return {kDone, "done"};
}

}  // namespace

int compare_command(const CompareOptions& options) {
  std::vector<Threshold> thresholds;
  for (const std::string& text : options.fail_on) {
    auto threshold = parse_threshold(text, ThresholdUse::kComparison);
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
  Comparison comparison = compare(std::move(runs));
  for (const Threshold& threshold : thresholds)
    comparison.thresholds.push_back(judge(threshold, comparison, !options.ignore_significance));
  const Outcome outcome = outcome_of(comparison);
  const std::string json = render_json(comparison, outcome.code, outcome.reason);
  if (options.out) {
    if (const auto written = write(comparison, json, *options.out); !written)
      return refuse(written.error().message);
  }
  if (options.json) {
    say(json);
  } else if (options.quiet) {
    say(render_line(comparison));
  } else {
    say(printable_lines(render_text(comparison)));
    if (options.out) say(fmt::format("\ncomparison: {}\n", (*options.out / "compare.html").string()));
  }
  return outcome.code;
}

}  // namespace kneepoint::coordinator
