#include "coordinator/recording/recording.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>

#include "common/version.h"
#include "common/wire.h"
#include "coordinator/recording/folded.h"
#include "coordinator/recording/recording_writer.h"
#include "coordinator/recording/results.h"
#include "coordinator/recording/resume.h"
#include "coordinator/results/exit_code.h"
#include "coordinator/telemetry/telemetry_lines.h"
#include "kneepoint/v1/recording.pb.h"
#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::BatchingHost;
using testing::KnownRun;
using testing::simple_plan;

std::string content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class RecordingTest : public ::testing::Test {
 protected:
  RecordingTest() : folder_(fs::temp_directory_path() / ("kneepoint-recording-" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
    plan_ = simple_plan({{SloMetric::kTtft, 0.95, 500ms}});
    plan_.source_text = "kneepoint: 1\n";
    plan_.scenarios[0].workload.dataset = DatasetUse{.hash = std::string(64, 'a'), .bytes = 1};
    KnownRun run(plan_.scenarios[0].slo);
    const BatchingHost host{.a = 0.012, .c = 0.0002, .cap = 22, .length_spread = 0.3};
    for (const std::uint32_t n : {8u, 32u}) {
      const double begin = static_cast<double>(seconds_);
      host.run(run, begin, begin + 10, n, {.epoch = n}, 0.5);
      windows_.push_back({.concurrency = n,
                          .epoch = n,
                          .level_at = std::chrono::seconds(seconds_) + 3ns,
                          .begin = seconds_ + 2,
                          .end = seconds_ + 10,
                          .moving = n == 32});
      seconds_ += 20;
    }
    for (std::int64_t s = 0; s < seconds_; ++s) {
      // In two parts from two agents, whose sums depend on their order.
      for (std::uint32_t agent : {1u, 0u}) {
        SnapshotBatch batch{.sequence = static_cast<std::uint64_t>(s) + 1, .complete_through = s};
        if (agent == s % 2) batch.seconds.push_back(run.second(s));
        if (agent == s % 2) add_failures_and_rows(batch.seconds.back());
        batches_.emplace_back(agent, std::move(batch));
      }
    }
  }
  ~RecordingTest() override { fs::remove_all(folder_); }

  /// Refusals in every second, and a row of each of 40 requests.
  static void add_failures_and_rows(SecondSnapshot& second) {
    for (auto& [key, stats] : second.series) {
      stats.outcomes[static_cast<std::size_t>(Outcome::kRejected)] += 3;
      *stats.failures.of({Outcome::kRejected, 429}) = {
          .count = 2, .said = "at " + std::to_string(second.second), .request_id = "host-1"};
      *stats.failures.of({Outcome::kRejected, 503}) = {.count = 1};
    }
    for (std::uint32_t slot = 0; slot < 40; ++slot) {
      const Nanos sent = std::chrono::seconds(second.second);
      second.requests.push_back(
          {.key = {.epoch = 8}, .slot = slot, .sent = sent, .first = sent + slot * 1ms});
    }
  }

  RunFacts begun() const {
    return {.run_id = "r1",
            .version = "0.1.0",
            .started_at = RealTime(1'700'000'000'123'456'789ns),
            .agents = {{.name = "a", .clock_round_trip = 80us}, {.name = "b"}},
            .workloads = {{0, {.id = "abc", .summary = "1 prompt"}}},
            .datasets = {{0, {.file = "chats.jsonl", .sha256 = "5891b5b522d5df08", .entries = 2}}},
            .load_seconds = {{0, 61.5}},
            .seed = plan_.seed};
  }
  RunFacts ended() const {
    RunFacts facts = begun();
    facts.duration = 41s + 7ns;
    facts.cut_short[0] = "it took too long";
    facts.stopped_by = "guard rail: errors above 5 %";
    return facts;
  }
  RecordingWriter begin() const {
    auto writer = RecordingWriter::create(file(), plan_, cells_of(plan_), begun(), begun().started_at + 3s);
    EXPECT_TRUE(writer) << writer.error().message;
    return *std::move(writer);
  }
  fs::path file(std::size_t segment = 1) const { return segment_path(folder_, kRecordingFile, segment); }

  /// Another coordinator, with one agent of the two, goes on in second 10 with the second window.
  void record_in_two(const std::function<void(RecordingWriter&)>& end = [](auto&) {}) const {
    {
      auto first = begin();
      ASSERT_TRUE(first.decision({.load = 8}));
      record(first, 11);
      ASSERT_TRUE(first.decision({.rows = 1, .load = 32}));
      ASSERT_TRUE(first.agent_lost(1, 40));
    }
    auto second = RecordingWriter::resume(file(2), {.run_id = "r1",
                                                    .wall = begun().started_at + 15s,
                                                    .at = 12,
                                                    .gap = 1,
                                                    .windows = 1,
                                                    .decisions = 1,
                                                    .agents = {{.name = "b", .clock_round_trip = 100us}}});
    ASSERT_TRUE(second) << second.error().message;
    for (const auto& [agent, batch] : batches_) {
      if (agent != 0 || batch.complete_through < 12) continue;
      ASSERT_TRUE(second->batch(0, batch));
    }
    ASSERT_TRUE(second->decision({.rows = 1, .elapsed = 12s, .cycle = 3s, .load = 32}));
    ASSERT_TRUE(second->window(windows_[1]));
    end(*second);
  }

  /// A queue in the engine, second by second, written as a run writes it.
  TelemetrySeries telemetry() const {
    TelemetrySeries series;
    std::ofstream lines(folder_ / kTelemetryFile);
    for (std::int64_t s = 0; s < seconds_; ++s) {
      const TelemetrySample sample{.second = s,
                                   .target = "host",
                                   .source = "http://127.0.0.1:8000/metrics",
                                   .values = {{Signal::kWaiting, 0.1 * static_cast<double>(s)}}};
      lines << telemetry_line(sample) << "\n";
      series.add(sample);
    }
    return series;
  }

  /// Everything up to `until` seconds, with the windows that are complete by then.
  Timeline record(RecordingWriter& writer, std::int64_t until) const {
    Timeline timeline;
    timeline.add_agent(0, 0);
    timeline.add_agent(1, 0);
    std::size_t next = 0;
    for (const auto& [agent, batch] : batches_) {
      if (batch.complete_through >= until) break;
      timeline.add(agent, batch);
      EXPECT_TRUE(writer.batch(agent, batch));
      while (next < windows_.size() && timeline.complete_through() + 1 >= windows_[next].end)
        EXPECT_TRUE(writer.window(windows_[next++]));
    }
    return timeline;
  }

  fs::path folder_;
  Plan plan_;
  std::vector<StepWindow> windows_;
  std::vector<std::pair<std::uint32_t, SnapshotBatch>> batches_;
  std::int64_t seconds_ = 0;
};

TEST_F(RecordingTest, ReplayWritesTheSameBytes) {
  auto writer = begin();
  const Timeline timeline = record(writer, seconds_);
  const RunFacts facts = ended();
  const TelemetrySeries said = telemetry();
  ASSERT_TRUE(writer.end(facts));
  const auto live = RunDirectory::create(folder_ / "live", "sweep", facts.started_at);
  const Measured measured{
      .plan = plan_, .timeline = timeline, .windows = windows_, .facts = facts, .telemetry = said};
  ASSERT_TRUE(write_results(*live, measured, analyse(measured)).empty());

  const Report report = analyse(measured);
  ASSERT_FALSE(report.results.empty());
  ASSERT_FALSE(report.results[0].steps.empty());
  const Step& step = report.results[0].steps[0];
  ASSERT_EQ(step.requests.failures.size(), 2u);
  EXPECT_EQ(step.requests.failures[0].said, "at 2") << "the first of the window";
  ASSERT_EQ(step.slowest.size(), 10u);
  EXPECT_EQ(step.slowest[0].request_id, "r1-0-8-39-0");

  const auto recording = read_recording(folder_);
  ASSERT_TRUE(recording) << recording.error().message;
  const auto again = RunDirectory::create(folder_ / "again", "sweep", facts.started_at);
  const Measured read{.plan = recording->plan,
                      .timeline = recording->timeline,
                      .windows = recording->windows,
                      .facts = recording->facts,
                      .telemetry = recording->telemetry};
  ASSERT_TRUE(write_results(*again, read, analyse(read)).empty());
  for (const char* name : {"report.json", "report.txt", "report.md", "steps.csv", "report.html"}) {
    EXPECT_FALSE(content(folder_ / "live" / name).empty()) << name;
    EXPECT_TRUE(content(folder_ / "live" / name) == content(folder_ / "again" / name)) << name;
  }
}

/// What a run directory says, file by file.
std::map<std::string, std::string> results_of(const Recording& recording, const fs::path& out) {
  const auto directory = RunDirectory::create(out, "sweep", recording.facts.started_at);
  const Measured measured{.plan = recording.plan,
                          .timeline = recording.timeline,
                          .windows = recording.windows,
                          .facts = recording.facts,
                          .telemetry = recording.telemetry};
  EXPECT_TRUE(write_results(*directory, measured, analyse(measured)).empty());
  std::map<std::string, std::string> results;
  for (const char* name : {"report.json", "report.txt", "report.md", "steps.csv", "report.html"})
    results[name] = content(out / name);
  return results;
}

TEST_F(RecordingTest, FoldedItReplaysToTheSameBytes) {
  record_in_two([this](RecordingWriter& second) { ASSERT_TRUE(second.end(ended())); });
  telemetry();
  const auto whole = read_recording(folder_);
  ASSERT_TRUE(whole) << whole.error().message;
  const auto before = results_of(*whole, folder_ / "before");
  ASSERT_GT(before.at("report.html").size(), 10'000u);
  const std::string second_segment = content(file(2));
  const auto size = fs::file_size(file()) + fs::file_size(file(2));

  ASSERT_TRUE(fold_recording(folder_, whole->timeline, whole->windows, whole->facts));
  EXPECT_FALSE(fs::exists(file(2))) << "it is in the first one";
  EXPECT_LT(fs::file_size(file()), size);
  const auto folded = read_recording(folder_, Rows::kMeasured);
  ASSERT_TRUE(folded) << folded.error().message;
  EXPECT_TRUE(is_over(*folded));
  EXPECT_EQ(folded->zero_at, whole->zero_at);
  EXPECT_EQ(folded->timeline.coverage(), whole->timeline.coverage());
  EXPECT_TRUE(results_of(*folded, folder_ / "after") == before);

  // Killed before what it was made of had been removed.
  std::ofstream(file(2), std::ios::binary) << second_segment;
  const auto left = read_recording(folder_);
  ASSERT_TRUE(left) << left.error().message;
  EXPECT_TRUE(results_of(*left, folder_ / "left") == before);
  // Once more, of what was read back.
  ASSERT_TRUE(fold_recording(folder_, left->timeline, left->windows, left->facts));
  const auto again = read_recording(folder_);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(results_of(*again, folder_ / "again") == before);
}

/// A kill while it is written leaves what it was made of, and so does a disk that refuses.
TEST_F(RecordingTest, AFoldThatWasCutOffIsNone) {
  {
    auto writer = begin();
    record(writer, seconds_);
    ASSERT_TRUE(writer.end(ended()));
  }
  const std::string whole = content(file());
  const auto recording = read_recording(folder_);
  ASSERT_TRUE(recording);
  const auto before = results_of(*recording, folder_ / "before");
  std::ofstream(folder_ / kFoldingFile) << whole.substr(0, 1000);
  EXPECT_EQ(content(file()), whole);
  const auto cut = read_recording(folder_);
  ASSERT_TRUE(cut);
  EXPECT_TRUE(results_of(*cut, folder_ / "cut") == before);

  fs::remove(folder_ / kFoldingFile);
  fs::create_directories(folder_ / kFoldingFile / "in the way");
  EXPECT_FALSE(fold_recording(folder_, cut->timeline, cut->windows, cut->facts));
  EXPECT_EQ(content(file()), whole);
}

TEST_F(RecordingTest, OfAFoldedRunNothingElseIsTaken) {
  {
    auto writer = begin();
    record(writer, seconds_);
    ASSERT_TRUE(writer.end(ended()));
  }
  const auto recording = read_recording(folder_);
  ASSERT_TRUE(recording);
  const auto beginning = first_entry(file());
  auto writer = RecordingWriter::fold(file(), beginning, recording->facts, recording->timeline.coverage());
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->batch(0, batches_[0].second));
  const auto mixed = read_recording(folder_);
  ASSERT_FALSE(mixed);
  EXPECT_NE(mixed.error().message.find("entry 3: a folded run has nothing but merged seconds"),
            std::string::npos)
      << mixed.error().message;
}

TEST_F(RecordingTest, WithoutAnEndItTellsWhatWasComplete) {
  {
    auto writer = begin();
    record(writer, 25);
  }  // gone before the run was over
  const auto recording = read_recording(folder_);
  ASSERT_TRUE(recording) << recording.error().message;
  EXPECT_TRUE(recording->facts.unfinished);
  EXPECT_EQ(recording->facts.duration, 25s);
  ASSERT_EQ(recording->windows.size(), 1u);
  const Report report =
      build_report(recording->plan, recording->timeline, recording->windows, recording->facts);
  EXPECT_EQ(exit_code(report), kInterrupted);
  ASSERT_EQ(report.results.at(0).steps.size(), 1u);
  EXPECT_TRUE(report.results[0].steps[0].valid);
  EXPECT_NE(report.verdict.reasons().at(0).find("recording ends after 25.0 s"), std::string::npos)
      << report.verdict.reasons()[0];
}

/// Wherever a kill cuts the file, what was flushed before can be read.
TEST_F(RecordingTest, CutOffAnywhereItIsReadableUpToThere) {
  {
    auto writer = begin();
    record(writer, seconds_);
    ASSERT_TRUE(writer.end(ended()));
  }
  const std::string whole = content(file());
  std::int64_t through = -1;
  for (std::size_t size = 2000; size < whole.size(); size += 211) {
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    const auto recording = read_recording(folder_);
    ASSERT_TRUE(recording) << size << ": " << recording.error().message;
    EXPECT_TRUE(recording->facts.unfinished) << size;
    EXPECT_GE(recording->timeline.complete_through(), through);
    through = recording->timeline.complete_through();
  }
  EXPECT_GT(through, 30);
}

TEST_F(RecordingTest, LostAgentsAreKnown) {
  {
    auto writer = begin();
    record(writer, seconds_);
    ASSERT_TRUE(writer.agent_lost(1, 20));
    RunFacts end = ended();
    end.fleet_failure = "no agent was left";
    ASSERT_TRUE(writer.end(end));
  }
  const auto recording = read_recording(folder_);
  ASSERT_TRUE(recording);
  EXPECT_TRUE(recording->timeline.complete(15, 21)) << "it handed over all that it measured";
  EXPECT_TRUE(recording->timeline.complete(20, 21)) << "nothing is expected from it any more";
  EXPECT_FALSE(recording->timeline.complete(seconds_ - 1, seconds_ + 1)) << "of the other one more is";
  EXPECT_EQ(recording->facts.fleet_failure, "no agent was left");
  EXPECT_EQ(recording->facts.agents[1].presence, (Presence{.until = 20}));
  EXPECT_EQ(recording->facts.cut_short.at(0), "it took too long");
}

TEST_F(RecordingTest, AgentsThatJoinedLaterAreKnown) {
  {
    auto writer = begin();
    record(writer, seconds_);
    ASSERT_TRUE(writer.agent_joined({.name = "c", .presence = {.from = 30}, .clock_round_trip = 90us}));
    ASSERT_TRUE(writer.batch(2, {.sequence = 1, .complete_through = 34}));
    ASSERT_TRUE(writer.end(ended()));
  }
  const auto recording = read_recording(folder_);
  ASSERT_TRUE(recording);
  ASSERT_EQ(recording->facts.agents.size(), 3u);
  EXPECT_EQ(recording->facts.agents[2].name, "c");
  EXPECT_EQ(recording->facts.agents[2].clock_round_trip, 90us);
  EXPECT_EQ(recording->facts.agents[2].presence, (Presence{.from = 30}));
  EXPECT_TRUE(recording->timeline.complete(5, 30)) << "nothing is expected from it before";
  EXPECT_FALSE(recording->timeline.complete(30, 36));
}

TEST(JoinAgents, OneThatWasThereBeforeCountsOnceAsWhatItWasLast) {
  std::vector<RunFacts::Agent> all = {
      {.name = "a", .presence = {.until = 20}}, {.name = "b"}, {.name = "a", .presence = {.from = 30}}};
  const auto places = join_agents(all, {{.name = "a", .presence = {.until = 50}}, {.name = "c"}});
  EXPECT_EQ(places, (std::vector<std::size_t>{2, 3}));
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].presence.until, 20) << "its first loss stays";
  EXPECT_EQ(all[2].presence.until, 50);
  EXPECT_EQ(all[3].name, "c");
}

TEST_F(RecordingTest, SegmentsAreOneRun) {
  record_in_two([this](RecordingWriter& second) { ASSERT_TRUE(second.end(ended())); });
  const auto recording = read_recording(folder_, Rows::kMeasured);
  ASSERT_TRUE(recording) << recording.error().message;
  EXPECT_EQ(recording->segments, 2u);
  EXPECT_EQ(recording->zero_at, begun().started_at + 3s);
  EXPECT_FALSE(recording->facts.unfinished);
  EXPECT_EQ(recording->windows.size(), 2u);
  EXPECT_EQ(recording->rows.size(), 2u);
  ASSERT_EQ(recording->decisions.size(), 2u) << "what was ahead of a row that never came is decided again";
  EXPECT_EQ(recording->decisions[1].elapsed, 12s);
  EXPECT_EQ(recording->decisions[1].cycle, 3s);
  ASSERT_EQ(recording->facts.resumed.size(), 1u);
  EXPECT_EQ(recording->facts.resumed[0].at, begun().started_at + 15s);
  EXPECT_EQ(recording->facts.resumed[0].at_seconds, 12);
  EXPECT_EQ(recording->facts.resumed[0].gap_seconds, 1);
  ASSERT_EQ(recording->facts.agents.size(), 2u) << "who comes back is no third one";
  EXPECT_TRUE(recording->facts.agents[1].presence.over());
  EXPECT_EQ(recording->facts.agents[1].clock_round_trip, 100us);
  EXPECT_EQ(recording->timeline.from(), 12);
  EXPECT_EQ(recording->timeline.complete_through(), seconds_ - 1);
  const Report report =
      build_report(recording->plan, recording->timeline, recording->windows, recording->facts);
  ASSERT_EQ(report.resumed.size(), 1u);
  EXPECT_TRUE(report.verdict.has("resumed"));
}

/// Wherever a kill cuts the last segment: what is complete is there, and nothing of it is taken for another
/// thing.
TEST_F(RecordingTest, ALastSegmentThatIsCutAnywhereReadsToItsLastCompleteEntry) {
  record_in_two();
  const std::string whole = content(file(2));
  std::int64_t through = -1;
  std::size_t windows = 0, grown = 0;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    std::ofstream(file(2), std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    const auto recording = read_recording(folder_);
    ASSERT_TRUE(recording) << size << ": " << recording.error().message;
    EXPECT_TRUE(recording->facts.unfinished);
    ASSERT_GE(recording->timeline.complete_through(), through) << size;
    grown += recording->timeline.complete_through() > through ? 1 : 0;
    through = recording->timeline.complete_through();
    ASSERT_GE(recording->windows.size(), std::max<std::size_t>(windows, 1)) << size;
    windows = recording->windows.size();
  }
  EXPECT_EQ(through, seconds_ - 1);
  EXPECT_EQ(windows, 2u);
  EXPECT_GT(grown, 20u) << "second by second";
}

TEST_F(RecordingTest, ASegmentOfAnotherRunIsRefused) {
  {
    auto first = begin();
    record(first, 11);
  }
  ASSERT_TRUE(RecordingWriter::resume(file(2), {.run_id = "r2", .at = 12}));
  const auto recording = read_recording(folder_);
  ASSERT_FALSE(recording);
  EXPECT_NE(recording.error().message.find("it goes on with run r2, not with r1"), std::string::npos)
      << recording.error().message;
}

TEST_F(RecordingTest, ANewRunLeavesNothingOfAnEarlierOne) {
  record_in_two();
  telemetry();
  clear_recording(folder_);
  EXPECT_FALSE(fs::exists(file(2)));
  EXPECT_FALSE(fs::exists(folder_ / kTelemetryFile));
  EXPECT_FALSE(fs::exists(file()));
}

TEST_F(RecordingTest, FindsTheRunThatIsToBeGoneOnWith) {
  plan_.scenarios[0].workload.dataset.reset();
  RunFacts facts = begun();
  facts.version = std::string(version());
  facts.datasets.clear();
  facts.workloads = {{0, {.id = workload_id(plan_.scenarios[0].workload), .summary = "1 prompt"}}};
  std::vector<Cell> cells = cells_of(plan_);
  cells[0].usage = UsageOption::kFinal;
  const auto write = [&] {
    auto writer = RecordingWriter::create(file(), plan_, cells, facts, begun().started_at);
    ASSERT_TRUE(writer);
    record(*writer, 15);
  };
  const auto nothing = find_run(folder_, plan_);
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing) << "it is begun";
  write();
  auto found = find_run(folder_, plan_);
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_TRUE(*found);
  Recording& recording = **found;
  EXPECT_FALSE(is_over(recording));
  std::vector<Cell> again = cells_of(plan_);
  adopt_calibration(recording, again);
  EXPECT_EQ(again, cells);

  const Continuation on = continue_run(recording, begun().started_at + 100s);
  EXPECT_EQ(on.start.at, 100);
  EXPECT_EQ(on.start.gap, 85);
  EXPECT_EQ(on.past.windows.size(), 1u);
  EXPECT_EQ(on.past.timeline.complete_through(), 99);

  Plan other = plan_;
  other.source_text += "# another\n";
  const auto refused = find_run(folder_, other);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("holds a run of another plan"), std::string::npos);
  Plan changed = plan_;
  changed.scenarios[0].workload.classes[0].prompts.push_back("one more");
  const auto prompts = find_run(folder_, changed);
  ASSERT_FALSE(prompts);
  EXPECT_NE(prompts.error().message.find("prompts or datasets of its run have changed"), std::string::npos);
  {
    auto writer = RecordingWriter::create(file(), plan_, cells, facts, begun().started_at);
    ASSERT_TRUE(writer);
    const auto going_on = find_run(folder_, plan_);
    ASSERT_FALSE(going_on);
    EXPECT_NE(going_on.error().message.find("its coordinator is still there"), std::string::npos);
  }
  facts.version = "0.0.1";
  write();
  const auto old = find_run(folder_, plan_);
  ASSERT_FALSE(old);
  EXPECT_NE(old.error().message.find("was begun by version 0.0.1"), std::string::npos);
}

TEST_F(RecordingTest, ARunGoesOnBehindWhatWasMeasuredWhateverTheClockSays) {
  {
    auto first = begin();
    record(first, 11);
  }
  auto recording = read_recording(folder_, Rows::kMeasured);
  ASSERT_TRUE(recording);
  const Continuation on = continue_run(*recording, begun().started_at - 1h);
  EXPECT_EQ(on.start.at, 12);
  EXPECT_EQ(on.start.gap, 1);
}

TEST_F(RecordingTest, RefusesWhatIsNone) {
  EXPECT_NE(read_recording(folder_).error().message.find("cannot be read"), std::string::npos);
  std::ofstream(file()) << "hello";
  EXPECT_NE(read_recording(folder_).error().message.find("no recording"), std::string::npos);
}

TEST_F(RecordingTest, AWindowOfNoCellIsRefusedByName) {
  {
    auto writer = begin();
    ASSERT_TRUE(writer.window({.cell = 7}));
  }
  const auto recording = read_recording(folder_);
  ASSERT_FALSE(recording);
  EXPECT_NE(recording.error().message.find("entry 2: cell: there is no cell 7"), std::string::npos)
      << recording.error().message;
}

}  // namespace
}  // namespace kneepoint::coordinator
