#pragma once

#include <vector>

#include "coordinator/verdict/build_report.h"
#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator::scenes {

inline RunFacts facts() {
  return {
      .run_id = "r1", .version = "0.1.0", .duration = std::chrono::seconds(70), .agents = {{.name = "a"}}};
}

/// A whole ramp against the batching host, each step on its own stretch of the run, warm-up 2 s, hold 8 s.
struct MeasuredRamp {
  std::vector<SloLimit> limits = {{SloMetric::kTtft, 0.95, std::chrono::milliseconds(500)}};
  KnownRun run{limits};
  std::vector<StepWindow> windows;
  std::int64_t end = 0;

  MeasuredRamp(const BatchingHost& host, const std::vector<std::uint32_t>& steps) {
    std::uint64_t epoch = 0;
    for (const std::uint32_t n : steps) {
      const double begin = static_cast<double>(end);
      host.run(run, begin, begin + 10, n, {.epoch = ++epoch}, 0.5);
      windows.push_back({.concurrency = n, .epoch = epoch, .begin = end + 2, .end = end + 10});
      end += 30;  // the last requests of a step end before the next begins
    }
  }
  Report report() { return build_report(simple_plan(limits), run.timeline(end), windows, facts()); }
};

}  // namespace kneepoint::coordinator::scenes
