#include <fstream>
#include <iostream>
#include <string_view>

#include "coordinator/compare/render.h"
#include "coordinator/report/html/html.h"
#include "tests/browser/sample_report.h"

namespace {

using namespace kneepoint::coordinator;

/// The sample report as three runs: as it is, a tenth slower, and one row less.
std::string comparison() {
  Report slower = sample::report(), shorter = sample::report();
  for (ScenarioResult& result : slower.results) {
    for (Step& step : result.steps) {
      Estimate& tokens = step.output_tokens_per_second;
      if (tokens.value) *tokens.value *= 0.9;
      if (tokens.ci95) tokens.ci95 = Interval{0.9 * tokens.ci95->low, 0.9 * tokens.ci95->high};
      if (step.ttft_seconds.p50) *step.ttft_seconds.p50 *= 1.1;
    }
  }
  shorter.results.front().steps.pop_back();
  std::vector<ComparedRun> runs(3);
  runs[0].source = "runs/monday", runs[0].report = sample::report();
  runs[1].source = "runs/tuesday", runs[1].report = std::move(slower);
  runs[2].source = "runs/wednesday", runs[2].report = std::move(shorter);
  label_runs(runs);
  return render_html(compare(std::move(runs)));
}

}  // namespace

/// Writes the sample report to the named file, for a browser. With --hostile, one whose names try to break
/// out; with --one, one with a single result; with --matrix, nine cells; with --targets, three targets;
/// with --compare, a comparison.
int main(int argc, char** argv) {
  const std::string_view variant = argc == 3 ? argv[1] : "";
  const bool known = variant == "--hostile" || variant == "--one" || variant == "--matrix" ||
                     variant == "--targets" || variant == "--compare";
  if (argc < 2 || argc > 3 || (argc == 3 && !known)) {
    std::cerr << "usage: kneepoint-sample-report [--hostile | --one | --matrix | --targets | --compare] "
                 "FILE.html\n";
    return 2;
  }
  Report report = variant == "--hostile"   ? sample::hostile_report()
                  : variant == "--matrix"  ? sample::matrix_report()
                  : variant == "--targets" ? sample::targets_report()
                                           : sample::report();
  if (variant == "--one") report.results.resize(1);
  std::ofstream file(argv[argc - 1], std::ios::binary);
  file << (variant == "--compare" ? comparison()
                                  : render_html(report, sample::timeline(report), sample::plan_text()));
  file.close();
  if (file) return 0;
  std::cerr << "cannot write " << argv[argc - 1] << "\n";
  return 1;
}
