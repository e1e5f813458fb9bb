#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "common/clock.h"
#include "common/plan.h"
#include "common/result.h"
#include "common/second_stats.h"
#include "coordinator/report/gzip_file.h"

namespace kneepoint::coordinator {

/// records.jsonl.gz: one JSON object per request, in the order in which agents hand them over, behind a first
/// line that says what run it is and where its zero lies on the wall clock (docs/report.md names the fields).
/// What a batch brought is readable on disk when append() returns, so that a crash
/// loses no more than the run itself does. Not thread-safe.
class RecordWriter {
 public:
  /// Creates the file. `plan` and `cells` must outlive the writer.
  static Result<RecordWriter> create(const std::filesystem::path& file, const Plan& plan,
                                     const std::vector<Cell>& cells, const std::string& run_id,
                                     RealTime zero);

  /// Writes the rows of a batch. What the disk refuses is kept (GrowingFile), and the call says so.
  Result<void> append(const std::string& agent, const SnapshotBatch& batch);
  /// As GrowingFile.
  Result<void> settle() { return file_.settle(); }

 private:
  RecordWriter(GzipFile file, const Plan& plan, const std::vector<Cell>& cells, std::string run_id)
      : file_(std::move(file)), plan_(&plan), cells_(&cells), run_id_(std::move(run_id)) {}
  void write_row(const std::string& agent, const RequestRow& row);
  Result<void> write();

  GzipFile file_;
  const Plan* plan_;
  const std::vector<Cell>* cells_;
  std::string run_id_;
  std::map<std::uint32_t, std::string> replica_names_;
  std::string lines_;
};

}  // namespace kneepoint::coordinator
