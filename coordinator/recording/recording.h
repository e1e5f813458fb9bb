#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/plan.h"
#include "common/result.h"
#include "coordinator/controllers/decision.h"
#include "coordinator/recording/segment.h"
#include "coordinator/telemetry/telemetry_series.h"
#include "coordinator/timeline/timeline.h"
#include "coordinator/verdict/build_report.h"

namespace kneepoint::coordinator {

/// The files of a run directory that hold what its report was made from, each in segments (segment_path).
inline constexpr std::string_view kRecordingFile = "timeline.binpb.gz";
inline constexpr std::string_view kTelemetryFile = "telemetry.jsonl";
/// What is being made to take the recording's place (fold_recording); of no meaning to a reader.
inline constexpr std::string_view kFoldingFile = ".timeline.binpb.gz.folding";

/// The highest number of a segment in a directory, of either file; at least 1. One that is missing below it
/// is an error of read_recording().
std::size_t segment_count(const std::filesystem::path& directory);

/// A run read back from its recording: the inputs of its report, merged in the order in which they came, so
/// that every sum is the same to the last bit.
struct Recording {
  /// What the analysis knows of the plan: names, targets, cells and limits. Ramps and datasets are not kept.
  Plan plan;
  std::vector<Cell> cells;  ///< As they were handed out: calibrated, and with their usage settled.
  RealTime zero_at{};       ///< The run's zero on the wall clock.
  Timeline timeline;
  std::vector<StepWindow> windows;
  /// Of `windows`, as they were decided from; only where they were asked for and the run is not folded, which
  /// is over: there nothing is decided from them, and `decisions` is empty, too.
  std::vector<Step> rows;
  std::vector<Decision> decisions;
  std::size_t segments = 0;  ///< That are there, read to their end or as far as they go.
  TelemetrySeries telemetry;
  /// `version` is that of the coordinator that recorded. Without an end in the recording: interrupted,
  /// unfinished, and as long as its last complete second.
  RunFacts facts;
};

/// Whether a run has been recorded in a directory: the beginning of a recording can be read.
bool has_recording(const std::filesystem::path& directory);

/// Where there is none: whether nothing else tells of a run, whose recording then is damaged or gone. A run
/// that begins there would remove what is left of it.
Result<void> check_nothing_lost(const std::filesystem::path& directory);

/// Removes what an earlier run has recorded in a directory.
void clear_recording(const std::filesystem::path& directory);

/// Whether rows are measured where the run did, to decide from them again.
enum class Rows { kLeftOut, kMeasured };

/// Reads the recording in a run's directory, and its telemetry.jsonl where there is one, to its end, or as
/// far as it goes where the coordinator was killed; where others went on with the run, segment by segment.
/// What can be read but makes no sense is an error that
/// names the entry. The whole run is in memory afterwards, as it was while it ran.
Result<Recording> read_recording(const std::filesystem::path& directory, Rows rows = Rows::kLeftOut);

}  // namespace kneepoint::coordinator
