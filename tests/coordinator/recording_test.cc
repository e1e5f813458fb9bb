#include "coordinator/recording/recording.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "coordinator/recording/recording_writer.h"
#include "coordinator/recording/results.h"
#include "coordinator/results/exit_code.h"
#include "coordinator/telemetry/telemetry_lines.h"
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
        batches_.emplace_back(agent, std::move(batch));
      }
    }
  }
  ~RecordingTest() override { fs::remove_all(folder_); }

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
    auto writer = RecordingWriter::create(file(), plan_, cells_of(plan_), begun());
    EXPECT_TRUE(writer) << writer.error().message;
    return *std::move(writer);
  }
  fs::path file() const { return folder_ / kRecordingFile; }

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
    timeline.add_agent(0);
    timeline.add_agent(1);
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
    ASSERT_TRUE(writer.agent_lost(1));
    ASSERT_TRUE(writer.end(ended()));
  }
  const auto recording = read_recording(folder_);
  ASSERT_TRUE(recording);
  EXPECT_EQ(recording->timeline.agents_lost(), 1u);
  EXPECT_TRUE(recording->facts.agents[1].lost);
  EXPECT_EQ(recording->facts.cut_short.at(0), "it took too long");
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
