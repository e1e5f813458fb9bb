#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/plan.h"
#include "common/result.h"
#include "coordinator/telemetry/telemetry_series.h"
#include "coordinator/timeline/timeline.h"
#include "coordinator/verdict/build_report.h"

namespace kneepoint::coordinator {

/// The files of a run directory that hold what its report was made from.
inline constexpr std::string_view kRecordingFile = "timeline.binpb.gz";
inline constexpr std::string_view kTelemetryFile = "telemetry.jsonl";

/// A run read back from its recording: the inputs of its report, merged in the order in which they came, so
/// that every sum is the same to the last bit.
struct Recording {
  /// What the analysis knows of the plan: names, targets, cells and limits. Ramps and datasets are not kept.
  Plan plan;
  Timeline timeline;
  std::vector<StepWindow> windows;
  TelemetrySeries telemetry;
  /// `version` is that of the coordinator that recorded. Without an end in the recording: interrupted,
  /// unfinished, and as long as its last complete second.
  RunFacts facts;
};

/// Reads the recording in a run's directory, and its telemetry.jsonl where there is one, to its end, or as
/// far as it goes where the coordinator was killed. What can be read but makes no sense is an error that
/// names the entry. The whole run is in memory afterwards, as it was while it ran.
Result<Recording> read_recording(const std::filesystem::path& directory);

}  // namespace kneepoint::coordinator
