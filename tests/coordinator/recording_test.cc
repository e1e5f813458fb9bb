#include "coordinator/recording/recording.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "common/wire.h"
#include "coordinator/recording/entries.h"
#include "coordinator/recording/recording_writer.h"
#include "coordinator/recording/results.h"
#include "coordinator/report/gzip_file.h"
#include "coordinator/results/exit_code.h"
#include "tests/coordinator/recording_fixture.h"

namespace kneepoint::coordinator {
namespace {

TEST_F(RecordingTest, ReplayWritesTheSameBytes) {
  auto writer = begin();
  const Timeline timeline = record(writer, seconds_);
  const RunFacts facts = ended();
  const TelemetrySeries said = telemetry();
  ASSERT_TRUE(writer.end(facts));
  ASSERT_TRUE(writer.settle());
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

TEST_F(RecordingTest, ABatchAsItCameIsRecordedLikeOneThatWasRead) {
  SnapshotBatch batch = batches_.at(7).second;
  for (SecondSnapshot& second : batch.seconds) second.requests.clear();  // of which a recording keeps some
  v1::SnapshotBatch message;
  to_wire(batch, message);
  std::vector<std::string> entries;
  for (const bool as_it_came : {false, true}) {
    auto writer = begin();
    ASSERT_TRUE(as_it_came ? writer.batch(1, message.SerializeAsString()) : writer.batch(1, batch));
    ASSERT_TRUE(writer.settle());
    const auto read = read_entries(file(), [&](const v1::RecordingEntry& entry) -> Result<void> {
      if (entry.has_batch()) entries.push_back(entry.SerializeAsString());
      return {};
    });
    ASSERT_TRUE(read) << read.error().message;
  }
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0], entries[1]);
}

TEST_F(RecordingTest, ABatchIsReadHoweverDeepWhatNobodyKnowsInItIs) {
  v1::SnapshotBatch message;
  to_wire(batches_.at(0).second, message);
  std::string deep = message.SerializeAsString();
  for (int i = 0; i < 99; ++i) deep += static_cast<char>(15 << 3 | 3);  // a group that nobody knows begins
  for (int i = 0; i < 99; ++i) deep += static_cast<char>(15 << 3 | 4);  // and ends
  ASSERT_TRUE(batch_from_bytes(deep)) << "as it is taken from an agent";
  {
    auto writer = begin();
    ASSERT_TRUE(writer.batch(0, deep));
    ASSERT_TRUE(writer.end(ended()));
  }
  const auto read = read_recording(folder_);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_FALSE(read->facts.unfinished) << "what came behind it is there, too";
}

TEST_F(RecordingTest, AWholeEntryThatCannotBeReadIsNoEnd) {
  {
    auto writer = begin();
    ASSERT_TRUE(writer.batch(1, std::string("no batch at all")));
    ASSERT_TRUE(writer.end(ended()));
  }
  const auto read = read_recording(folder_);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("entry 2: batch: it cannot be read"), std::string::npos)
      << read.error().message;
  {
    auto odd = GzipFile::create(file());
    ASSERT_TRUE(odd);
    ASSERT_TRUE(odd->append("\x03\xff\xff\xff"));
  }
  const auto none = read_recording(folder_);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("entry 1: it is no entry of a recording"), std::string::npos)
      << none.error().message;
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
    ASSERT_TRUE(writer.batch(2, SnapshotBatch{.sequence = 1, .complete_through = 34}));
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

TEST_F(RecordingTest, AWindowThatItsGrainDoesNotDivideIsRefused) {
  {
    auto writer = begin();
    ASSERT_TRUE(writer.window({.begin = 2, .end = 9, .grain = 3}));
  }
  const auto recording = read_recording(folder_);
  ASSERT_FALSE(recording);
  EXPECT_NE(recording.error().message.find("grain: [2, 9) is not made of stretches of 3 s"),
            std::string::npos)
      << recording.error().message;
}

}  // namespace
}  // namespace kneepoint::coordinator
