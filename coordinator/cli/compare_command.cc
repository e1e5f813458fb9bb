#include "coordinator/cli/compare_command.h"

#include <fmt/format.h>
#include <unistd.h>

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

/// Where "@target" begins in "runs/x@target"; npos where all of it is a path. Folders and targets may have an
/// '@' in their names: the shortest path that is there counts.
std::size_t target_mark(const std::string& source) {
  if (std::filesystem::exists(source)) return source.npos;
  for (std::size_t at = source.find('@'); at != source.npos; at = source.find('@', at + 1)) {
    if (std::filesystem::exists(source.substr(0, at))) return at;
  }
  return source.find('@');
}

/// Of "runs/x", "runs/x/report.json", "runs/x@target"; its label is still to come.
Result<ComparedRun> load_run(const std::string& source) {
  const std::size_t at = target_mark(source);
  auto report = read_report(source.substr(0, at));
  if (!report) return report.error();
  ComparedRun run;
  run.source = source;
  run.report = *std::move(report);
  if (at == source.npos) return run;
  run.target = source.substr(at + 1);
  std::erase_if(run.report.results,
                [&](const ScenarioResult& result) { return result.target != run.target; });
  if (run.report.results.empty())
    return Error{fmt::format("{}: there is no target '{}'", source.substr(0, at), run.target)};
  return run;
}

/// What is compared: of one run alone, its two targets, where they took turns.
Result<std::vector<std::string>> sources_of(const std::vector<std::string>& runs) {
  if (runs.size() > 1) return runs;
  const auto run = load_run(runs.front());
  if (!run) return run.error();
  std::vector<std::string> targets;
  for (const ScenarioResult& result : run->report.results) {
    const std::string source = fmt::format("{}@{}", runs.front(), result.target);
    if (std::find(targets.begin(), targets.end(), source) == targets.end()) targets.push_back(source);
  }
  if (run->report.alternated && targets.size() == 2) return targets;
  return Error{
      fmt::format("{}: one run, whose targets did not take turns; name another run to compare it with, or "
                  "RUN@TARGET twice",
                  runs.front())};
}

bool share_a_result(const Report& one, const Report& other) {
  return one.run_id == other.run_id &&
         std::any_of(one.results.begin(), one.results.end(), [&](const ScenarioResult& a) {
           return std::any_of(other.results.begin(), other.results.end(), [&](const ScenarioResult& b) {
             return a.target == b.target && a.scenario == b.scenario;
           });
         });
}

/// What differs from itself in nothing would pass every gate: runs/latest is the base where no newer run
/// began.
Result<void> refuse_a_run_twice(const std::vector<ComparedRun>& runs) {
  for (std::size_t i = 0; i < runs.size(); ++i) {
    for (std::size_t k = i + 1; k < runs.size(); ++k) {
      if (!share_a_result(runs[i].report, runs[k].report)) continue;
      return Error{
          fmt::format("{} and {} are the same run ({}): nothing can differ; name two runs, or two "
                      "targets of one as RUN@TARGET",
                      runs[i].source, runs[k].source, runs[i].report.run_id)};
    }
  }
  return {};
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
    return refuse(fmt::format("{} runs; at most {} can be compared", options.runs.size(), kMostRuns));
  const auto sources = sources_of(options.runs);
  if (!sources) return refuse(sources.error().message);
  std::vector<ComparedRun> runs;
  for (const std::string& source : *sources) {
    auto run = load_run(source);
    if (!run) return refuse(run.error().message);
    runs.push_back(*std::move(run));
  }
  if (const auto different = refuse_a_run_twice(runs); !different) return refuse(different.error().message);
  label_runs(runs);
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
    say(printable_lines(render_text(comparison, line_width(STDOUT_FILENO))));
    if (options.out) say(fmt::format("\ncomparison: {}\n", (*options.out / "compare.html").string()));
  }
  return outcome.code;
}

}  // namespace kneepoint::coordinator
