#pragma once

#include <span>
#include <string_view>

#include "common/plan.h"
#include "common/result.h"

/// The one grammar of `run --fail-on`, of a plan's `thresholds` and of `compare --fail-on`:
/// METRIC[@LOAD]<LIMIT or METRIC[@LOAD]>LIMIT.
namespace kneepoint::coordinator {

struct ThresholdMetric {
  std::string_view name;  ///< "ttft_p95"
  Threshold::Unit unit;   ///< Of its figures: never kPoints.
  bool of_rows;           ///< Else of a whole result, which has no load.
};

/// Everything that a limit can be set to.
std::span<const ThresholdMetric> threshold_metrics();

enum class ThresholdUse {
  kRun,         ///< Figures: durations, plain numbers, and percent of what is a share ("errors>1%").
  kComparison,  ///< Differences: percent ("throughput<-5%"), and points of what is a share ("errors>+1pt").
};

/// An error is one line that says what may be written.
Result<Threshold> parse_threshold(std::string_view text, ThresholdUse use);

/// Whether the plan can have a row of the threshold's load: where all its scenarios have fixed steps, one of
/// them must be that. Else the run would end unchecked, after all its time. An error is one line.
Result<void> check_load(const Threshold& threshold, const std::vector<Scenario>& scenarios);

}  // namespace kneepoint::coordinator
