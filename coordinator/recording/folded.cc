#include "coordinator/recording/folded.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "common/wire.h"
#include "common/wire_check.h"
#include "coordinator/recording/entries.h"
#include "coordinator/recording/recording.h"
#include "coordinator/recording/recording_writer.h"
#include "kneepoint/v1/recording.pb.h"

namespace kneepoint::coordinator {
namespace {

namespace fs = std::filesystem;
using wire::Field;
using wire::refuse;

constexpr std::int64_t kMostSeconds = wire::kMaxDuration / std::chrono::seconds(1);

void put(std::int64_t begin, std::int64_t end, v1::RecordedStretch& out) {
  out.set_begin(begin);
  if (end != Presence::kOpen) out.set_end(end);
}

Presence stretch(const Field& at, const v1::RecordedStretch& message) {
  const Presence out{.from = message.begin(), .until = message.has_end() ? message.end() : Presence::kOpen};
  if (out.from < 0 || out.from > kMostSeconds || out.until < 0)
    refuse(at, fmt::format("[{}, {}) is no stretch of a run", out.from, out.until));
  return out;
}

std::int64_t second_of_run(const Field& at, std::int64_t value, std::int64_t least) {
  if (value < least || value > kMostSeconds) refuse(at, fmt::format("{} is not a second of a run", value));
  return value;
}

Result<void> write(const fs::path& file, const v1::RecordingEntry& beginning, const Timeline& timeline,
                   const std::vector<StepWindow>& windows, const RunFacts& facts) {
  auto writer = RecordingWriter::fold(file, beginning, facts, timeline.coverage());
  if (!writer) return writer.error();
  auto names = timeline.replica_names();
  for (const auto& [number, merged] : timeline.seconds()) {
    const FoldedSecond second{number, merged, std::exchange(names, {})};
    if (const auto written = writer->second(second); !written) return written;
  }
  for (const StepWindow& window : windows) {
    if (const auto written = writer->window(window); !written) return written;
  }
  if (const auto written = writer->end(facts); !written) return written;
  return writer->settle();
}

/// Waits until the disk knows what is where.
void settle_names(const fs::path& directory) {
  const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  (void)fsync(descriptor);
  close(descriptor);
}

}  // namespace

Result<void> fold_recording(const fs::path& directory, const Timeline& timeline,
                            const std::vector<StepWindow>& windows, const RunFacts& facts) {
  const fs::path whole = segment_path(directory, kRecordingFile, 1), folding = directory / kFoldingFile;
  const v1::RecordingEntry beginning = first_entry(whole);
  if (!beginning.has_run()) return Error{fmt::format("{}: this is no recording of a run", whole.string())};
  std::error_code error;
  if (auto written = write(folding, beginning, timeline, windows, facts); !written) {
    fs::remove(folding, error);
    return written;
  }
  fs::rename(folding, whole, error);
  if (error) return Error{fmt::format("{}: cannot be replaced: {}", whole.string(), error.message())};
  settle_names(directory);
  for (std::size_t segment = segment_count(directory); segment > 1; --segment)
    fs::remove(segment_path(directory, kRecordingFile, segment), error);
  return {};
}

void to_message(const RunFacts& facts, const Coverage& coverage, v1::RecordedFold& out) {
  for (const RunFacts::Agent& agent : facts.agents) {
    to_message(agent, *out.add_agents());
    put(agent.presence.from, agent.presence.until, *out.add_presence());
  }
  for (const Resumption& resumed : facts.resumed) {
    v1::RecordedResumption& to = *out.add_resumptions();
    to.set_at_unix_nanos(resumed.at.time_since_epoch().count());
    to.set_at(static_cast<std::int64_t>(resumed.at_seconds));
    to.set_gap(static_cast<std::int64_t>(resumed.gap_seconds));
  }
  out.set_from(coverage.from);
  out.set_complete_through(coverage.complete_through);
  for (const auto& [begin, end] : coverage.missing) put(begin, end, *out.add_missing());
}

Result<FoldedAgents> from_message(const v1::RecordedFold& message) {
  FoldedAgents out;
  for (const v1::RecordedResumption& resumed : message.resumptions()) {
    const auto start = from_message(resumed);
    if (!start) return start.error();
    out.resumed.push_back(start->told());
  }
  return wire::guarded([&] {
    if (message.presence_size() != message.agents_size())
      refuse({nullptr, "presence"},
             fmt::format("{} of {} agents", message.presence_size(), message.agents_size()));
    for (int i = 0; i < message.agents_size(); ++i) {
      out.agents.push_back(from_message(message.agents(i)));
      out.agents.back().presence = stretch({nullptr, "presence", i}, message.presence(i));
    }
    out.coverage.from = second_of_run({nullptr, "from"}, message.from(), 0);
    out.coverage.complete_through =
        second_of_run({nullptr, "complete_through"}, message.complete_through(), -1);
    for (int i = 0; i < message.missing_size(); ++i) {
      const Presence missing = stretch({nullptr, "missing", i}, message.missing(i));
      out.coverage.missing.emplace_back(missing.from, missing.until);
    }
    return std::move(out);
  });
}

void to_message(const FoldedSecond& second, v1::RecordedSecond& out) {
  const auto& [number, merged, replica_names] = second;
  // Every field has a name here, so that a new one does not compile until it is recorded, too.
  const auto& [series, rows, generator, span, busiest] = merged;
  to_wire(
      SnapshotBatch{
          .sequence = 1,
          .seconds = {{.second = number, .series = series, .generator = generator, .requests = rows}},
          .replica_names = replica_names},
      *out.mutable_merged());
  out.set_span(span);
  out.mutable_busiest()->Add(busiest.begin(), busiest.end());
}

Result<FoldedSecond> from_message(const v1::RecordedSecond& message, std::size_t cells) {
  auto batch = batch_of(from_wire(message.merged()), cells);
  if (!batch) return batch.error();
  return wire::guarded([&] {
    if (batch->seconds.size() != 1)
      refuse({nullptr, "merged"}, fmt::format("has {} seconds instead of one", batch->seconds.size()));
    SecondSnapshot& from = batch->seconds.front();
    FoldedSecond out{.number = from.second,
                     .merged = {.series = std::move(from.series),
                                .rows = std::move(from.requests),
                                .generator = std::move(from.generator),
                                .span = second_of_run({nullptr, "span"}, message.span(), 1)},
                     .replica_names = std::move(batch->replica_names)};
    keep_rows(out.merged.rows);
    for (int i = 0; i < message.busiest_size(); ++i)
      out.merged.busiest.push_back(wire::amount({nullptr, "busiest", i}, message.busiest(i)));
    return out;
  });
}

}  // namespace kneepoint::coordinator
