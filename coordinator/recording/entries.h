#pragma once

#include <vector>

#include "common/plan.h"
#include "common/result.h"
#include "common/second_stats.h"
#include "coordinator/controllers/decision.h"
#include "coordinator/recording/segment.h"
#include "coordinator/timeline/timeline.h"
#include "coordinator/verdict/build_report.h"

namespace kneepoint::v1 {
class RecordedAgent;
class RecordedDecision;
class RecordedEnd;
class RecordedResumption;
class RecordedRun;
class RecordedWindow;
class SnapshotBatch;
}  // namespace kneepoint::v1

/// The entries of a recording to and from what they stand for. `from_message` checks what it reads and
/// returns one line that names the field.
namespace kneepoint::coordinator {

struct RecordedStart {
  Plan plan;
  std::vector<Cell> cells;
  RunFacts facts;
  RealTime zero_at{};
};

void to_message(const RunFacts::Agent& agent, v1::RecordedAgent& out);
RunFacts::Agent from_message(const v1::RecordedAgent& message);

void to_message(const Plan& plan, const std::vector<Cell>& cells, const RunFacts& facts, RealTime zero_at,
                v1::RecordedRun& out);
Result<RecordedStart> from_message(const v1::RecordedRun& message);

void to_message(const StepWindow& window, v1::RecordedWindow& out);
/// @param cells how many the run has.
Result<StepWindow> from_message(const v1::RecordedWindow& message, std::size_t cells);

void to_message(const Decision& decision, v1::RecordedDecision& out);
Result<Decision> from_message(const v1::RecordedDecision& message);

void to_message(const SegmentStart& start, v1::RecordedResumption& out);
Result<SegmentStart> from_message(const v1::RecordedResumption& message);

/// A batch, as it was read, whose series are all of one of the run's cells. @param cells how many it has.
Result<SnapshotBatch> batch_of(Result<SnapshotBatch> batch, std::size_t cells);

void to_message(const RunFacts& facts, v1::RecordedEnd& out);
/// Fills in what is known only when a run is over.
void from_message(const v1::RecordedEnd& message, RunFacts& facts);

}  // namespace kneepoint::coordinator
