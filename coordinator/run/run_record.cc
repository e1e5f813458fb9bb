#include "coordinator/run/run_record.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/clock.h"
#include "coordinator/recording/recording.h"
#include "coordinator/recording/segment.h"

namespace kneepoint::coordinator {
namespace {

/// How long the disk may take for the last of what is recorded.
constexpr Nanos kPatience = std::chrono::seconds(5);
/// About what one series of one second takes while it waits to be written.
constexpr std::size_t kSeriesBytes = 1500;

std::size_t size_of(const SnapshotBatch& batch) {
  std::size_t bytes = sizeof(SnapshotBatch);
  for (const SecondSnapshot& second : batch.seconds)
    bytes += second.series.size() * kSeriesBytes + second.requests.size() * sizeof(RequestRow);
  return bytes;
}

}  // namespace

std::filesystem::path RunRecord::path(std::string_view file) const {
  return segment_path(directory_, file, segment_);
}

Result<void> RunRecord::begin(const Plan& plan, const std::vector<Cell>& cells, const RunFacts& facts,
                              RealTime zero) {
  clear_recording(directory_);
  return open(RecordingWriter::create(path(kRecordingFile), plan, cells, facts, zero), plan, cells,
              facts.run_id, zero);
}

Result<void> RunRecord::go_on(const Plan& plan, const std::vector<Cell>& cells, const SegmentStart& start,
                              const std::string& run_id, RealTime zero) {
  return open(RecordingWriter::resume(path(kRecordingFile), start), plan, cells, run_id, zero);
}

Result<void> RunRecord::open(Result<RecordingWriter> recording, const Plan& plan,
                             const std::vector<Cell>& cells, const std::string& run_id, RealTime zero) {
  if (!recording) return recording.error();
  recording_.emplace(*std::move(recording));
  if (plan.records) {
    auto records = RecordWriter::create(path("records.jsonl.gz"), plan, cells, run_id, zero);
    if (!records) return records.error();
    records_.emplace(*std::move(records));
  }
  journal_->watch([this] { return recording_->settle(); });
  if (records_) journal_->watch([this] { return records_->settle(); });
  return {};
}

void RunRecord::batch(const BatchArrived& arrived, const std::string& name, std::function<void()> safe) {
  const auto& seconds = arrived.batch.seconds;
  const bool rows =
      std::any_of(seconds.begin(), seconds.end(), [](auto& second) { return !second.requests.empty(); });
  if (arrived.wire && !rows && !records_) {
    journal_->post(
        arrived.wire->size(),
        [this, agent = arrived.agent, wire = arrived.wire] { (void)recording_->batch(agent, *wire); },
        std::move(safe));
    return;
  }
  // Of its rows the recording keeps some, and the records have them all.
  journal_->post(
      size_of(arrived.batch),
      [this, agent = arrived.agent, name, batch = arrived.batch] {
        (void)recording_->batch(agent, batch);
        if (records_) (void)records_->append(name, batch);
      },
      std::move(safe));
}

void RunRecord::decision(const Decision& decision) {
  journal_->post(sizeof(decision), [this, decision] { (void)recording_->decision(decision); });
}

void RunRecord::window(const StepWindow& window) {
  journal_->post(sizeof(window), [this, window] { (void)recording_->window(window); });
}

void RunRecord::agent_joined(const RunFacts::Agent& agent) {
  journal_->post(sizeof(agent), [this, agent] { (void)recording_->agent_joined(agent); });
}

void RunRecord::agent_lost(std::uint32_t agent, std::int64_t until) {
  journal_->post(sizeof(agent) + sizeof(until),
                 [this, agent, until] { (void)recording_->agent_lost(agent, until); });
}

void RunRecord::end(const RunFacts& facts) {
  journal_->post(1, [this, facts] { (void)recording_->end(facts); });
}

bool RunRecord::flush() {
  const MonoTime until = SystemClock().now() + kPatience;
  return journal_->flush([&] { return SystemClock().now() >= until; });
}

}  // namespace kneepoint::coordinator
