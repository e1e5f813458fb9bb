#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/plan.h"
#include "common/result.h"
#include "coordinator/recording/journal.h"
#include "coordinator/recording/recording_writer.h"
#include "coordinator/report/record_writer.h"
#include "coordinator/run/run_loop.h"

namespace kneepoint::coordinator {

/// What a coordinator writes while a run lasts: its segment of the recording and, where the plan keeps them,
/// the rows of requests. Calls return at once: the journal's thread writes, and what the disk says comes back
/// as notices, because a disk that refuses ends no run. Used by one thread.
class RunRecord {
 public:
  /// @param directory the run's. @param segment from 1, one for each coordinator of the run.
  RunRecord(std::filesystem::path directory, std::size_t segment,
            std::unique_ptr<Journal> journal = std::make_unique<Journal>())
      : directory_(std::move(directory)), segment_(segment), journal_(std::move(journal)) {}

  /// Opens what a run needs that begins, in place of what the directory held. `plan` and `cells` must outlive
  /// this.
  Result<void> begin(const Plan& plan, const std::vector<Cell>& cells, const RunFacts& facts, RealTime zero);
  /// The same of a run that goes on behind earlier segments.
  Result<void> go_on(const Plan& plan, const std::vector<Cell>& cells, const SegmentStart& start,
                     const std::string& run_id, RealTime zero);

  /// Where this coordinator writes one of the run's files.
  std::filesystem::path path(std::string_view file) const;
  /// For who writes other files of the run.
  Journal& journal() { return *journal_; }

  /// @param safe on the journal's thread, once the batch is on the disk.
  void batch(const BatchArrived& arrived, const std::string& name, std::function<void()> safe);
  void decision(const Decision& decision);
  void window(const StepWindow& window);
  void agent_joined(const RunFacts::Agent& agent);
  void agent_lost(std::uint32_t agent, std::int64_t until);
  void end(const RunFacts& facts);
  /// Waits for the disk, but not for ever. @returns whether all is on it.
  bool flush();

 private:
  Result<void> open(Result<RecordingWriter> recording, const Plan& plan, const std::vector<Cell>& cells,
                    const std::string& run_id, RealTime zero);

  std::filesystem::path directory_;
  std::size_t segment_;
  std::optional<RecordingWriter> recording_;
  std::optional<RecordWriter> records_;
  std::unique_ptr<Journal> journal_;  // its thread uses what is above
};

}  // namespace kneepoint::coordinator
