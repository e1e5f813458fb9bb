#include "coordinator/report/record_writer.h"

#include <fmt/format.h>

#include <iterator>

#include "common/json_quoted.h"
#include "common/request_id.h"
#include "coordinator/measure/replicas.h"

namespace kneepoint::coordinator {
namespace {

/// Seconds with every nanosecond.
std::string seconds(Nanos t) {
  return fmt::format("{}.{:09}", t.count() / 1'000'000'000, t.count() % 1'000'000'000);
}
std::string seconds(const std::optional<Nanos>& t) {
  return t ? seconds(*t) : "null";
}
std::string count_or_null(const std::optional<std::uint64_t>& n) {
  return n ? fmt::format("{}", *n) : "null";
}

}  // namespace

Result<RecordWriter> RecordWriter::create(const std::filesystem::path& file, const Plan& plan,
                                          const std::vector<Cell>& cells, const std::string& run_id,
                                          RealTime zero) {
  auto opened = GzipFile::create(file);
  if (!opened) return opened.error();
  RecordWriter writer(*std::move(opened), plan, cells, run_id);
  writer.lines_ = fmt::format("{{\"schema\":\"kneepoint.records/1\",\"run_id\":{},\"zero_unix_ns\":{}}}\n",
                              json_quoted(run_id), zero.time_since_epoch().count());
  (void)writer.write();
  if (const auto flushed = writer.file_.flush(); !flushed) return flushed.error();
  return writer;
}

Result<void> RecordWriter::append(const std::string& agent, const SnapshotBatch& batch) {
  replica_names_.insert(batch.replica_names.begin(), batch.replica_names.end());
  for (const SecondSnapshot& second : batch.seconds) {
    for (const RequestRow& row : second.requests) write_row(agent, row);
  }
  return write();
}

void RecordWriter::write_row(const std::string& agent, const RequestRow& row) {
  if (row.key.cell >= cells_->size())
    return;  // validated at the boundary against sizes, not against the plan
  const Cell& cell = (*cells_)[row.key.cell];
  const Target& target = plan_->targets[cell.target];
  const auto named = replica_names_.find(row.key.replica);
  std::string replica;
  if (named != replica_names_.end()) {
    replica = named->second;
  } else if (row.key.replica < target.urls.size()) {
    replica = replica_name(target.urls[row.key.replica]);
  }
  const auto& classes = cell.workload.classes;
  const std::string name =
      row.key.prompt_class < classes.size() ? classes[row.key.prompt_class].name : std::string();
  fmt::format_to(
      std::back_inserter(lines_),
      "{{\"id\":\"{}\",\"scenario\":{},\"target\":{},\"replica\":{},\"agent\":{},"
      "\"class\":{},\"turn\":{},"
      "\"epoch\":{},\"slot\":{},\"scheduled\":{},\"sent\":{},\"first\":{},\"first_answer\":{},"
      "\"last\":{},\"ended\":{},"
      "\"prompt_tokens\":{},\"cached_tokens\":{},\"output_tokens\":{},\"reasoning_tokens\":{},"
      "\"audio_prompt_tokens\":{},\"audio_tokens\":{},"
      "\"chunks\":{},\"outcome\":\"{}\"}}\n",
      request_id(run_id_, row.key.cell, row.key.epoch, row.slot, row.k),
      json_quoted(plan_->scenarios[cell.scenario].name), json_quoted(target.name), json_quoted(replica),
      json_quoted(agent), json_quoted(name), row.key.turn, row.key.epoch, row.slot, seconds(row.scheduled),
      seconds(row.sent), seconds(row.first), seconds(row.first_answer), seconds(row.last), seconds(row.ended),
      count_or_null(row.prompt_tokens), count_or_null(row.cached_tokens), count_or_null(row.output_tokens),
      count_or_null(row.reasoning_tokens), count_or_null(row.audio_prompt_tokens),
      count_or_null(row.audio_tokens), row.chunks, to_string(row.outcome));
}

Result<void> RecordWriter::write() {
  auto written = file_.append(lines_);
  lines_.clear();
  return written;
}

}  // namespace kneepoint::coordinator
