#include "coordinator/recording/folded.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "coordinator/recording/resume.h"
#include "kneepoint/v1/recording.pb.h"
#include "tests/coordinator/recording_fixture.h"

namespace kneepoint::coordinator {
namespace {

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
  ASSERT_TRUE(writer->settle());
  const auto mixed = read_recording(folder_);
  ASSERT_FALSE(mixed);
  EXPECT_NE(mixed.error().message.find("entry 3: a folded run has nothing but merged seconds"),
            std::string::npos)
      << mixed.error().message;
}

}  // namespace
}  // namespace kneepoint::coordinator
