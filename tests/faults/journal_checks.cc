#include "tests/faults/journal_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "coordinator/recording/folded.h"
#include "coordinator/recording/recording.h"
#include "coordinator/recording/results.h"
#include "coordinator/recording/resume.h"
#include "coordinator/recording/segment.h"
#include "coordinator/report/json.h"
#include "coordinator/run/run_loop.h"
#include "kneepoint/v1/recording.pb.h"

namespace kneepoint::faults {
namespace {

namespace fs = std::filesystem;
using coordinator::kRecordingFile;
using coordinator::segment_path;

std::uint64_t started(const coordinator::Timeline& timeline) {
  std::uint64_t sum = 0;
  for (const auto& [second, merged] : timeline.seconds())
    for (const auto& [key, stats] : merged.series) sum += stats.started + stats.ended();
  return sum;
}

v1::SnapshotBatch batch_in(const v1::RecordingEntry& entry) {
  v1::SnapshotBatch batch;
  batch.ParseFromString(entry.batch().batch());
  return batch;
}

std::uint64_t started(const v1::SnapshotBatch& batch) {
  std::uint64_t sum = 0;
  for (const auto& second : batch.seconds()) {
    for (const auto& series : second.series()) {
      sum += series.started();
      for (const auto count : series.outcomes()) sum += count;
    }
  }
  return sum;
}

/// What a reader can be held to: how many entries of each kind came before a byte.
struct Contents {
  std::size_t windows = 0, decisions = 0;
  std::uint64_t requests = 0;
  bool operator==(const Contents&) const = default;
};

/// A fleet that has nobody, for a run that is stopped as soon as it has gone on.
class NoFleet final : public coordinator::LoadFleet {
 public:
  std::size_t agents() const override { return 4; }
  Nanos now() const override { return std::chrono::hours(24); }
  std::optional<coordinator::FleetEvent> wait(Nanos) override { return std::nullopt; }
  void send(const LoadLevel&) override {}
  void drain(Nanos) override {}
  bool drained() const override { return true; }
};

fs::path last_segment(const fs::path& directory) {
  return segment_path(directory, kRecordingFile, coordinator::segment_count(directory));
}

std::vector<std::string> check_cut(const fs::path& directory, std::uintmax_t bytes, const Cuts& cuts) {
  std::vector<std::string> broken;
  const auto say = [&](const std::string& what) {
    broken.push_back(fmt::format("(d) cut at byte {} of {}: {}", bytes,
                                 last_segment(directory).filename().string(), what));
  };
  const fs::path& scratch = cuts.scratch;
  fs::remove_all(scratch);
  fs::copy(directory, scratch);
  const fs::path segment = last_segment(scratch);
  fs::resize_file(segment, bytes);

  Contents whole;
  std::size_t entries = 0;  // of the last segment
  const auto count = [&](const v1::RecordingEntry& entry) -> Result<void> {
    ++entries;
    whole.windows += entry.has_window() ? 1 : 0;
    whole.decisions += entry.has_decision() ? 1 : 0;
    if (entry.has_resumption()) {
      whole.windows = entry.resumption().windows();
      whole.decisions = entry.resumption().decisions();
    }
    if (entry.has_batch()) whole.requests += started(batch_in(entry));
    return {};
  };
  for (std::size_t i = 1; i <= coordinator::segment_count(scratch); ++i) {
    entries = 0;
    if (const auto read = coordinator::read_entries(segment_path(scratch, kRecordingFile, i), count); !read)
      say(read.error().message);
  }
  const auto next = cuts.marks.upper_bound(bytes);
  const std::size_t least = next == cuts.marks.begin() ? 0 : std::prev(next)->second;
  if (entries < least || (next != cuts.marks.end() && entries > next->second))
    say(fmt::format("{} entries of at least {}", entries, least));
  if (coordinator::segment_count(scratch) == 1 && entries == 0) return broken;  // nothing had begun
  auto found = coordinator::find_run(scratch, cuts.plan);
  if (!found) {
    say(found.error().message);
    return broken;
  }
  if (!*found) {
    say("no run is found");
    return broken;
  }
  coordinator::Recording& recording = **found;
  const Contents read{recording.windows.size(), recording.decisions.size(), started(recording.timeline)};
  if (read != whole)
    say(fmt::format("{} rows, {} decisions and {} requests of {}, {} and {}", read.windows, read.decisions,
                    read.requests, whole.windows, whole.decisions, whole.requests));
  if (coordinator::is_over(recording)) return broken;
  auto on = coordinator::continue_run(recording, recording.zero_at);
  for (const std::string& line : check_rows(on.past.rows, cuts.rows)) say(line);
  NoFleet fleet;
  coordinator::RunLoop::Hooks hooks;
  hooks.interrupts = [] { return 2; };
  coordinator::RunLoop loop(cuts.plan, cuts.cells, fleet, std::move(hooks), {.past = std::move(on.past)});
  if (const auto gone_on = loop.run(); !gone_on) say("the run does not go on: " + gone_on.error().message);
  return broken;
}

}  // namespace

std::string text_of(const coordinator::Step& row) {
  return coordinator::render_json(coordinator::ScenarioResult{.steps = {row}});
}

std::vector<std::string> check_rows(const std::vector<coordinator::Step>& again,
                                    const std::vector<std::string>& rows) {
  std::vector<std::string> broken;
  for (std::size_t i = 0; i < again.size(); ++i) {
    if (i >= rows.size() || text_of(again[i]) != rows[i])
      broken.push_back(fmt::format("(f) row {} is another one after the resume", i));
  }
  return broken;
}

std::vector<std::string> check_batches(const fs::path& directory, const Ledger& ledger,
                                       const coordinator::Timeline* live) {
  std::vector<std::string> broken;
  std::map<EngineId, std::set<std::uint64_t>> recorded;
  std::uint64_t requests = 0;
  for (std::size_t segment = 1; segment <= coordinator::segment_count(directory); ++segment) {
    const auto read =
        coordinator::read_entries(segment_path(directory, kRecordingFile, segment),
                                  [&](const v1::RecordingEntry& entry) -> Result<void> {
                                    if (!entry.has_batch()) return {};
                                    const v1::SnapshotBatch batch = batch_in(entry);
                                    EngineId engine = 0;
                                    for (const auto& named : batch.replica_names())
                                      engine = static_cast<EngineId>(std::stoul(named.name()));
                                    requests += started(batch);
                                    if (!recorded[engine].insert(batch.sequence()).second)
                                      broken.push_back(fmt::format("(a) batch {} of engine {} is there twice",
                                                                   batch.sequence(), engine));
                                    return {};
                                  });
    if (!read) broken.push_back("(a) " + read.error().message);
  }
  for (const auto& [engine, through] : ledger.acknowledged()) {
    for (std::uint64_t sequence = 1; sequence <= through; ++sequence) {
      if (!recorded[engine].contains(sequence))
        broken.push_back(
            fmt::format("(a) batch {} of engine {} was acknowledged and is not there", sequence, engine));
    }
  }
  if (live == nullptr) return broken;
  const auto back = coordinator::read_recording(directory);
  if (!back) {
    broken.push_back("(a) " + back.error().message);
  } else if (started(back->timeline) != requests || started(*live) != requests) {
    broken.push_back(fmt::format("(a) {} begins and ends of requests recorded, {} read back, {} counted",
                                 requests, started(back->timeline), started(*live)));
  }
  return broken;
}

namespace {

const coordinator::TelemetrySeries kNothingTold;

coordinator::Measured measured(const coordinator::Recording& recording) {
  return {.plan = recording.plan,
          .timeline = recording.timeline,
          .windows = recording.windows,
          .facts = recording.facts,
          .telemetry = kNothingTold};
}

}  // namespace

std::vector<std::string> check_replay(const fs::path& directory, const coordinator::Report& live) {
  const auto recording = coordinator::read_recording(directory);
  if (!recording) return {"(f) " + recording.error().message};
  const coordinator::Report again = coordinator::analyse(measured(*recording));
  const std::string told = coordinator::render_json(live), replayed = coordinator::render_json(again);
  if (told == replayed) return {};
  const auto at = std::mismatch(told.begin(), told.end(), replayed.begin(), replayed.end()).first;
  const auto from = static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, at - told.begin() - 60));
  return {fmt::format("(f) the replay's report differs: …{}… is …{}…", told.substr(from, 120),
                      replayed.substr(std::min(from, replayed.size()), 120))};
}

std::vector<std::string> check_fold(const fs::path& directory) {
  const auto recording = coordinator::read_recording(directory);
  if (!recording || !coordinator::is_over(*recording)) return {};
  const coordinator::Report live = coordinator::analyse(measured(*recording));
  const auto folded =
      coordinator::fold_recording(directory, recording->timeline, recording->windows, recording->facts);
  if (!folded) return {"(f) " + folded.error().message};
  if (coordinator::segment_count(directory) != 1) return {"(f) segments are left of what was folded"};
  return check_replay(directory, live);
}

std::vector<std::string> check_cuts(const fs::path& directory, const Cuts& cuts, std::size_t count,
                                    method::Random& random) {
  std::vector<std::string> broken;
  const fs::path segment = last_segment(directory);
  if (!fs::exists(segment)) return broken;
  const std::uintmax_t size = fs::file_size(segment);
  const std::uintmax_t places = count == 0 ? size + 1 : count;
  for (std::uintmax_t i = 0; i < places; ++i) {
    auto wrong = check_cut(directory, count == 0 ? i : random.next() % (size + 1), cuts);
    std::move(wrong.begin(), wrong.end(), std::back_inserter(broken));
  }
  return broken;
}

}  // namespace kneepoint::faults
