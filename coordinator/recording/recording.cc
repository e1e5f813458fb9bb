#include "coordinator/recording/recording.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include "common/wire.h"
#include "coordinator/measure/window.h"
#include "coordinator/recording/entries.h"
#include "coordinator/recording/folded.h"
#include "coordinator/telemetry/telemetry_lines.h"
#include "kneepoint/v1/recording.pb.h"

namespace kneepoint::coordinator {
namespace {

/// No run is gone on with so often: what has a higher number is no run's.
constexpr std::size_t kMostSegments = 100'000;

/// Of what segment_path() calls `file`; absent where `name` is no such name.
std::optional<std::size_t> segment_number(std::string_view name, std::string_view file) {
  const std::size_t dot = file.find('.');
  const std::string_view stem = file.substr(0, dot), ending = file.substr(dot);
  if (name == file) return 1;
  if (name.size() < file.size() + 2 || !name.starts_with(stem) || !name.ends_with(ending))
    return std::nullopt;
  const std::string_view number = name.substr(stem.size(), name.size() - file.size());
  std::size_t segment = 0;
  const auto [end, problem] = std::from_chars(number.data() + 1, number.data() + number.size(), segment);
  const bool whole = number[0] == '-' && problem == std::errc() && end == number.data() + number.size();
  // Not "-02" or "-1", which no coordinator writes.
  if (!whole || segment > kMostSegments || fmt::format("-{}", segment) != number || segment < 2)
    return std::nullopt;
  return segment;
}

/// Adds what the targets told, if anything.
Result<void> read_telemetry(const std::filesystem::path& file, TelemetrySeries& into) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return {};
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  auto series = parse_telemetry(text, std::move(into));
  if (!series) return Error{fmt::format("{}: {}", file.string(), series.error().message)};
  into = *std::move(series);
  return {};
}

/// Puts a recording together, entry by entry.
class Reader {
 public:
  Reader(Recording& into, Rows rows) : into_(into), rows_(rows) {}
  void next_segment() { fresh_ = true; }

  /// @returns what is wrong with the entry.
  Result<void> take(const v1::RecordingEntry& entry) {
    const bool first = std::exchange(fresh_, false);
    if (folded_) return take_folded(entry);
    if (entry.has_run() == started_)
      return Error{started_ ? "a second beginning" : "this is no recording of a run"};
    if (entry.has_resumption() != (first && !entry.has_run()))
      return Error{"a run is gone on with at the beginning of a segment, and only there"};
    switch (entry.entry_case()) {
      case v1::RecordingEntry::kRun:
        return start(entry.run());
      case v1::RecordingEntry::kBatch:
        return merge(entry.batch());
      case v1::RecordingEntry::kWindow: {
        const auto window = from_message(entry.window(), cells_);
        if (!window) return window.error();
        if (rows_ == Rows::kMeasured)
          into_.rows.push_back(measure_step(into_.timeline, into_.plan, into_.cells[window->cell], *window));
        // As the run did, so that hours take little memory here, too.
        if (!into_.windows.empty() && into_.windows.back().grain > 1) {
          const StepWindow& past = into_.windows.back();
          into_.timeline.fold(past.begin, past.end, past.grain);
        }
        into_.windows.push_back(*window);
        return {};
      }
      case v1::RecordingEntry::kJoin:
        return join(entry.join());
      case v1::RecordingEntry::kLoss:
        return lose(entry.loss());
      case v1::RecordingEntry::kDecision: {
        auto decision = from_message(entry.decision());
        if (!decision) return decision.error();
        into_.decisions.push_back(*std::move(decision));
        return {};
      }
      case v1::RecordingEntry::kResumption:
        return resume(entry.resumption());
      case v1::RecordingEntry::kEnd:
        return end(entry.end());
      case v1::RecordingEntry::kFold:
        return take_fold(entry.fold());
      case v1::RecordingEntry::kSecond:
        return Error{"a merged second of a run that is not folded"};
      case v1::RecordingEntry::ENTRY_NOT_SET:
        return {};  // of a later version: what it adds is not needed here
    }
    return {};
  }

  bool started() const { return started_; }
  bool ended() const { return ended_; }
  bool folded() const { return folded_; }

 private:
  /// What it is made of is whole already.
  Result<void> take_folded(const v1::RecordingEntry& entry) {
    switch (entry.entry_case()) {
      case v1::RecordingEntry::kSecond: {
        auto second = from_message(entry.second(), cells_);
        if (!second) return second.error();
        into_.timeline.restore(second->number, std::move(second->merged), second->replica_names);
        return {};
      }
      case v1::RecordingEntry::kWindow: {
        const auto window = from_message(entry.window(), cells_);
        if (!window) return window.error();
        into_.windows.push_back(*window);
        return {};
      }
      case v1::RecordingEntry::kEnd:
        return end(entry.end());
      case v1::RecordingEntry::ENTRY_NOT_SET:
        return {};
      default:
        return Error{"a folded run has nothing but merged seconds, windows and an end"};
    }
  }

  Result<void> take_fold(const v1::RecordedFold& message) {
    if (!into_.timeline.seconds().empty() || !into_.windows.empty())
      return Error{"a run is folded from its beginning on"};
    auto fold = from_message(message);
    if (!fold) return fold.error();
    into_.facts.agents = std::move(fold->agents);
    into_.facts.resumed = std::move(fold->resumed);
    into_.timeline.restore(std::move(fold->coverage));
    folded_ = true;
    return {};
  }

  Result<void> end(const v1::RecordedEnd& message) {
    from_message(message, into_.facts);
    ended_ = true;
    return {};
  }

  Result<void> start(const v1::RecordedRun& run) {
    auto begun = from_message(run);
    if (!begun) return begun.error();
    into_.plan = std::move(begun->plan);
    into_.cells = std::move(begun->cells);
    into_.facts = std::move(begun->facts);
    into_.zero_at = begun->zero_at;
    cells_ = into_.cells.size();
    join(std::exchange(into_.facts.agents, {}));
    started_ = true;
    return {};
  }

  Result<void> resume(const v1::RecordedResumption& message) {
    const auto start = from_message(message);
    if (!start) return start.error();
    if (start->run_id != into_.facts.run_id)
      return Error{fmt::format("it goes on with run {}, not with {}", start->run_id, into_.facts.run_id)};
    if (start->windows > into_.windows.size() || start->decisions > into_.decisions.size())
      return Error{"it keeps more than there was"};
    into_.windows.resize(start->windows);
    into_.rows.resize(std::min(into_.rows.size(), start->windows));
    into_.decisions.resize(start->decisions);
    into_.timeline.resume(start->at);
    from_message(v1::RecordedEnd(), into_.facts);  // whatever ended it, it went on
    ended_ = false;
    into_.facts.resumed.push_back(start->told());
    join(start->agents);
    return {};
  }

  void join(const std::vector<RunFacts::Agent>& agents) {
    places_ = join_agents(into_.facts.agents, agents);
    for (std::uint32_t agent = 0; agent < places_.size(); ++agent) into_.timeline.add_agent(agent, 0);
  }

  Result<void> join(const v1::RecordedJoin& join) {
    RunFacts::Agent agent = from_message(join.agent());
    agent.presence.from = std::max<std::int64_t>(0, join.from());
    into_.timeline.add_agent(static_cast<std::uint32_t>(places_.size()), agent.presence.from);
    places_.push_back(into_.facts.agents.size());
    into_.facts.agents.push_back(std::move(agent));
    return {};
  }

  Result<void> lose(const v1::RecordedLoss& loss) {
    if (loss.agent() >= places_.size()) return Error{"loss.agent: there is no such agent"};
    // Earlier versions did not say, and went no further: all that it had not handed over is missing.
    const std::int64_t until =
        loss.has_until() ? std::max<std::int64_t>(0, loss.until()) : Presence::kOpen - 1;
    into_.timeline.lose_agent(loss.agent(), until);
    into_.facts.agents[places_[loss.agent()]].presence.until = until;
    if (!loss.has_until()) into_.facts.fleet_failure = "an agent was lost";
    return {};
  }

  Result<void> merge(const v1::RecordedBatch& recorded) {
    if (recorded.agent() >= places_.size()) return Error{"batch.agent: there is no such agent"};
    const auto batch = batch_of(batch_from_bytes(recorded.batch()), cells_);
    if (!batch) return Error{"batch: " + batch.error().message};
    into_.timeline.add(recorded.agent(), *batch);
    return {};
  }

  Recording& into_;
  const Rows rows_;
  std::size_t cells_ = 0;
  std::vector<std::size_t> places_;  // in the facts, of the present coordinator's agents
  bool fresh_ = true;                // nothing of the segment has been read
  bool started_ = false, ended_ = false, folded_ = false;
};

}  // namespace

std::size_t segment_count(const std::filesystem::path& directory) {
  std::size_t last = 1;
  std::error_code none;
  for (std::filesystem::directory_iterator at(directory, none), end; !none && at != end; at.increment(none)) {
    const std::string name = at->path().filename().string();
    for (const std::string_view file : {kRecordingFile, kTelemetryFile})
      last = std::max(last, segment_number(name, file).value_or(1));
  }
  return last;
}

bool has_recording(const std::filesystem::path& directory) {
  return first_entry(directory / kRecordingFile).has_run();
}

Result<void> check_nothing_lost(const std::filesystem::path& directory) {
  const std::filesystem::path first = segment_path(directory, kRecordingFile, 1);
  std::error_code none;
  // A coordinator that was killed as it began leaves an empty file, or a part of the first entry and nothing
  // else.
  const bool more = segment_count(directory) > 1 || std::filesystem::exists(directory / "report.json", none);
  const std::filesystem::path told = segment_path(directory, kTelemetryFile, 1);
  const bool left = std::filesystem::exists(told, none) && !std::filesystem::is_empty(told, none);
  if (!more && !left && !(std::filesystem::exists(first, none) && !begins_as_recording(first))) return {};
  return Error{fmt::format(
      "{}: a run lies there whose {} cannot be read; put that back, or give --out another directory",
      directory.string(), kRecordingFile)};
}

void clear_recording(const std::filesystem::path& directory) {
  std::error_code ignored;
  // The last first: what is left when this is cut off is still a row of segments.
  for (std::size_t last = segment_count(directory); last >= 1; --last) {
    std::filesystem::remove(segment_path(directory, kTelemetryFile, last), ignored);
    std::filesystem::remove(segment_path(directory, kRecordingFile, last), ignored);
  }
  std::filesystem::remove(directory / kFoldingFile, ignored);
}

Result<Recording> read_recording(const std::filesystem::path& directory, Rows rows) {
  const std::filesystem::path file = directory / kRecordingFile;
  Recording recording{.segments = segment_count(directory)};
  Reader reader(recording, rows);
  for (std::size_t segment = 1; segment <= recording.segments; ++segment) {
    // What is folded is in the first one, whole: a kill may have left others of which it was made.
    if (!reader.folded()) {
      reader.next_segment();
      const auto read = read_entries(segment_path(directory, kRecordingFile, segment),
                                     [&](const v1::RecordingEntry& entry) { return reader.take(entry); });
      if (!read) return read.error();
    }
    const auto told = read_telemetry(segment_path(directory, kTelemetryFile, segment), recording.telemetry);
    if (!told) return told.error();
  }
  if (!reader.started()) return Error{fmt::format("{}: this is no recording of a run", file.string())};
  if (!reader.ended()) {
    recording.facts.interrupted = recording.facts.unfinished = true;
    recording.facts.duration = std::chrono::seconds(recording.timeline.complete_through() + 1);
  }
  return recording;
}

}  // namespace kneepoint::coordinator
