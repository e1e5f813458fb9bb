#pragma once

#include <string>

#include "common/plan.h"
#include "common/result.h"
#include "common/second_stats.h"

namespace kneepoint::v1 {
class Assignment;
class Histogram;
class LoadLevel;
class SnapshotBatch;
}  // namespace kneepoint::v1

/// Domain values to and from their protobuf messages. Nothing that arrives is trusted: `from_wire` checks
/// every field (known enum values, finite and non-negative figures, sizes, indices that point at something)
/// and otherwise returns one line that names the field, as "targets[2].urls[0]: is empty". Pure functions,
/// safe from any thread.
namespace kneepoint {

void to_wire(const Assignment& assignment, v1::Assignment& out);
Result<Assignment> from_wire(const v1::Assignment& message);

/// Equal for workloads that ask the same, else different: a hash of the message.
std::string workload_id(const Workload& workload);

void to_wire(const LoadLevel& level, v1::LoadLevel& out);
Result<LoadLevel> from_wire(const v1::LoadLevel& message);

void to_wire(const Histogram& histogram, v1::Histogram& out);
Result<Histogram> from_wire(const v1::Histogram& message);

void to_wire(const SnapshotBatch& batch, v1::SnapshotBatch& out);
Result<SnapshotBatch> from_wire(const v1::SnapshotBatch& message);
/// The same of a v1::SnapshotBatch, serialised, as it travels and as it is recorded.
Result<SnapshotBatch> batch_from_bytes(const std::string& bytes);
/// Likewise, but of an agent, which may be anybody's: refused where reading it would take more memory than
/// what an honest one sends (batch_bytes.h).
Result<SnapshotBatch> batch_from_agent(const std::string& bytes);

}  // namespace kneepoint
