#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "common/version.h"
#include "common/wire.h"
#include "coordinator/recording/recording.h"
#include "coordinator/recording/resume.h"
#include "coordinator/recording/segment.h"
#include "kneepoint/v1/recording.pb.h"
#include "tests/coordinator/recording_fixture.h"

namespace kneepoint::coordinator {
namespace {

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

/// Whatever bit of it turns: nobody takes a number from it that was not measured.
TEST_F(RecordingTest, AnEntryThatWasDamagedIsRefusedOrLeftOut) {
  record_in_two();
  const auto whole = read_recording(folder_, Rows::kMeasured);
  ASSERT_TRUE(whole) << whole.error().message;
  const std::string bytes = content(file(2));
  std::size_t refused = 0;
  for (std::size_t at = 10; at < bytes.size(); at += 7) {  // behind gzip's own header
    std::string turned = bytes;
    turned[at] = static_cast<char>(turned[at] ^ (1 << at % 8));
    std::ofstream(file(2), std::ios::binary | std::ios::trunc) << turned;
    const auto recording = read_recording(folder_, Rows::kMeasured);
    if (!recording) {
      ++refused;
      continue;
    }
    ASSERT_LE(recording->rows.size(), whole->rows.size());
    for (std::size_t row = 0; row < recording->rows.size(); ++row) {
      ASSERT_EQ(recording->rows[row].output_tokens_per_second.value,
                whole->rows[row].output_tokens_per_second.value)
          << "byte " << at;
      ASSERT_EQ(recording->rows[row].e2e_seconds.mean, whole->rows[row].e2e_seconds.mean) << "byte " << at;
    }
  }
  EXPECT_GT(refused, 0u);
}

TEST_F(RecordingTest, ARecordingWithoutChecksumsIsReadAsBefore) {
  {
    auto writer = begin();
    record(writer, 11);
  }
  std::string plain;
  {
    google::protobuf::io::StringOutputStream stream(&plain);
    (void)read_entries(file(), [&](v1::RecordingEntry entry) -> Result<void> {
      entry.clear_checksum();
      google::protobuf::util::SerializeDelimitedToZeroCopyStream(entry, &stream);
      return {};
    });
  }
  const auto before = read_recording(folder_);
  ASSERT_TRUE(before) << before.error().message;
  std::ofstream(file(), std::ios::binary | std::ios::trunc) << plain;  // gzip's reader takes it as it is
  const auto recording = read_recording(folder_);
  ASSERT_TRUE(recording) << recording.error().message;
  EXPECT_EQ(recording->timeline.coverage(), before->timeline.coverage());
}

/// What comes behind would be taken for what follows on what comes before.
TEST_F(RecordingTest, ASegmentThatIsMissingIsSaid) {
  record_in_two();
  fs::rename(file(2), file(3));
  const auto recording = read_recording(folder_);
  ASSERT_FALSE(recording);
  EXPECT_NE(recording.error().message.find(file(2).string()), std::string::npos) << recording.error().message;
}

/// A run that begins removes what lies there.
TEST_F(RecordingTest, WhatIsLeftOfARunIsNotTakenForNothing) {
  const auto refused = [&] {
    const auto found = find_run(folder_, plan_);
    return !found && found.error().message.find("cannot be read; put that back") != std::string::npos;
  };
  std::ofstream(file(), std::ios::binary) << "\x1f\x8b\x08";
  EXPECT_FALSE(refused()) << "killed as it began";
  std::ofstream(file(), std::ios::binary | std::ios::trunc) << "no recording";
  EXPECT_TRUE(refused());
  fs::remove(file());
  EXPECT_FALSE(refused()) << "an empty directory";
  for (const fs::path& left : {file(2), folder_ / kTelemetryFile, folder_ / "report.json"}) {
    std::ofstream(left) << "x";
    EXPECT_TRUE(refused()) << left;
    fs::remove(left);
  }
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

}  // namespace
}  // namespace kneepoint::coordinator
