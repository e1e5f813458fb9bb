#include "coordinator/recording/recording_writer.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "common/wire.h"
#include "coordinator/recording/entries.h"
#include "coordinator/recording/folded.h"
#include "kneepoint/v1/recording.pb.h"

namespace kneepoint::coordinator {

Result<RecordingWriter> RecordingWriter::create(const std::filesystem::path& file, const Plan& plan,
                                                const std::vector<Cell>& cells, const RunFacts& facts,
                                                RealTime zero_at) {
  v1::RecordingEntry entry;
  to_message(plan, cells, facts, zero_at, *entry.mutable_run());
  return begin(file, entry);
}

Result<RecordingWriter> RecordingWriter::resume(const std::filesystem::path& file,
                                                const SegmentStart& start) {
  v1::RecordingEntry entry;
  to_message(start, *entry.mutable_resumption());
  return begin(file, entry);
}

Result<RecordingWriter> RecordingWriter::begin(const std::filesystem::path& file,
                                               const v1::RecordingEntry& entry) {
  auto opened = GzipFile::create(file);
  if (!opened) return opened.error();
  RecordingWriter writer(*std::move(opened));
  auto begun = writer.append(entry);
  if (begun) begun = writer.file_.flush();
  if (begun) return writer;
  // Nothing is recorded: it would only be taken for a run.
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
  return begun.error();
}

Result<RecordingWriter> RecordingWriter::fold(const std::filesystem::path& file,
                                              const v1::RecordingEntry& beginning, const RunFacts& facts,
                                              const Coverage& coverage) {
  auto writer = begin(file, beginning);
  if (!writer) return writer;
  v1::RecordingEntry entry;
  to_message(facts, coverage, *entry.mutable_fold());
  if (const auto written = writer->append(entry); !written) return written.error();
  return writer;
}

Result<void> RecordingWriter::second(const FoldedSecond& second) {
  v1::RecordingEntry entry;
  to_message(second, *entry.mutable_second());
  return append(entry);
}

Result<void> RecordingWriter::batch(std::uint32_t agent, const SnapshotBatch& batch) {
  SnapshotBatch kept = batch;
  for (SecondSnapshot& second : kept.seconds) keep_rows(second.requests);
  v1::SnapshotBatch message;
  to_wire(kept, message);
  return this->batch(agent, message.SerializeAsString());
}

Result<void> RecordingWriter::batch(std::uint32_t agent, const std::string& wire) {
  v1::RecordingEntry entry;
  entry.mutable_batch()->set_agent(agent);
  entry.mutable_batch()->set_batch(wire);
  return append(entry);
}

Result<void> RecordingWriter::window(const StepWindow& window) {
  v1::RecordingEntry entry;
  to_message(window, *entry.mutable_window());
  return append(entry);
}

Result<void> RecordingWriter::decision(const Decision& decision) {
  v1::RecordingEntry entry;
  to_message(decision, *entry.mutable_decision());
  return append(entry);
}

Result<void> RecordingWriter::agent_joined(const RunFacts::Agent& agent) {
  v1::RecordingEntry entry;
  to_message(agent, *entry.mutable_join()->mutable_agent());
  entry.mutable_join()->set_from(agent.presence.from);
  return append(entry);
}

Result<void> RecordingWriter::agent_lost(std::uint32_t agent, std::int64_t until) {
  v1::RecordingEntry entry;
  entry.mutable_loss()->set_agent(agent);
  entry.mutable_loss()->set_until(until);
  return append(entry);
}

Result<void> RecordingWriter::end(const RunFacts& facts) {
  v1::RecordingEntry entry;
  to_message(facts, *entry.mutable_end());
  return append(entry);
}

Result<void> RecordingWriter::append(const v1::RecordingEntry& entry) {
  std::string body = entry.SerializeAsString();
  v1::RecordingEntry last;
  last.set_checksum(checksum(body));
  last.AppendToString(&body);
  bytes_.clear();
  google::protobuf::io::StringOutputStream stream(&bytes_);
  google::protobuf::io::CodedOutputStream delimited(&stream);
  delimited.WriteVarint32(static_cast<std::uint32_t>(body.size()));
  delimited.WriteString(body);
  delimited.Trim();
  return file_.append(bytes_);
}

}  // namespace kneepoint::coordinator
