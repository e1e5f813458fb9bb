#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/plan.h"
#include "common/result.h"
#include "common/second_stats.h"
#include "coordinator/controllers/decision.h"
#include "coordinator/recording/segment.h"
#include "coordinator/report/gzip_file.h"
#include "coordinator/timeline/timeline.h"
#include "coordinator/verdict/build_report.h"

namespace kneepoint::v1 {
class RecordingEntry;
}

namespace kneepoint::coordinator {

struct FoldedSecond;

/// A segment of timeline.binpb.gz (proto/kneepoint/v1/recording.proto): the inputs of a run's report as they
/// come, to be read by read_recording(). What was given outlives the process once it is settled. What the
/// disk refuses is kept (GrowingFile), and the call says so. Not thread-safe.
class RecordingWriter {
 public:
  /// Creates the file and writes what is known when the load begins: of `facts`, what does not change any
  /// more. @param zero_at the run's zero on the wall clock.
  static Result<RecordingWriter> create(const std::filesystem::path& file, const Plan& plan,
                                        const std::vector<Cell>& cells, const RunFacts& facts,
                                        RealTime zero_at);
  /// Creates the file of a further segment of a run.
  static Result<RecordingWriter> resume(const std::filesystem::path& file, const SegmentStart& start);
  /// Creates the file of a run that is over. @param beginning the entry that its first segment begins with.
  static Result<RecordingWriter> fold(const std::filesystem::path& file, const v1::RecordingEntry& beginning,
                                      const RunFacts& facts, const Coverage& coverage);

  /// Of a run that is folded.
  Result<void> second(const FoldedSecond& second);
  /// In the order in which they are merged into the timeline.
  Result<void> batch(std::uint32_t agent, const SnapshotBatch& batch);
  /// The same, as it came. @param wire a v1::SnapshotBatch, serialised.
  Result<void> batch(std::uint32_t agent, const std::string& wire);
  Result<void> window(const StepWindow& window);
  Result<void> decision(const Decision& decision);
  /// The next one, by number.
  Result<void> agent_joined(const RunFacts::Agent& agent);
  /// @param until as Timeline::lose_agent.
  Result<void> agent_lost(std::uint32_t agent, std::int64_t until);
  /// The run is over: the recording is whole.
  Result<void> end(const RunFacts& facts);
  /// As GrowingFile.
  Result<void> settle() { return file_.settle(); }

 private:
  explicit RecordingWriter(GzipFile file) : file_(std::move(file)) {}
  static Result<RecordingWriter> begin(const std::filesystem::path& file, const v1::RecordingEntry& entry);
  Result<void> append(const v1::RecordingEntry& entry);

  GzipFile file_;
  std::string bytes_;
};

}  // namespace kneepoint::coordinator
