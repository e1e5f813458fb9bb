#include "coordinator/report/run_directory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "coordinator/report/json.h"
#include "tests/coordinator/sample_report.h"

namespace kneepoint::coordinator {
namespace {

namespace fs = std::filesystem;

class RunDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "kneepoint-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    base_ = pattern;
  }
  void TearDown() override { fs::remove_all(base_); }

  static std::string content(const fs::path& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  fs::path base_;
  const RealTime now_{std::chrono::seconds(1795290355)};
};

TEST_F(RunDirectoryTest, ARunThatLiesThereIsRefusedAndCanBeCleared) {
  EXPECT_TRUE(RunDirectory::refuse_taken(base_ / "none"));
  const auto directory = RunDirectory::create(base_ / "mine", "plan", now_);
  ASSERT_TRUE(directory);
  EXPECT_TRUE(RunDirectory::refuse_taken(directory->path())) << "an empty one is free";
  ASSERT_TRUE(directory->write("timeline.binpb.gz", "x"));  // of one that was killed
  ASSERT_TRUE(directory->write("timeline-2.binpb.gz", "x"));
  ASSERT_TRUE(directory->write("timeline-old.binpb.gz", "mine"));
  ASSERT_TRUE(directory->write("notes.txt", "mine"));
  const auto refused = RunDirectory::refuse_taken(directory->path());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("--force"), std::string::npos) << refused.error().message;
  EXPECT_TRUE(directory->clear());
  EXPECT_TRUE(RunDirectory::refuse_taken(directory->path()));
  EXPECT_FALSE(fs::exists(directory->path() / "timeline-2.binpb.gz"));
  for (const char* name : {"notes.txt", "timeline-old.binpb.gz"})
    EXPECT_EQ(content(directory->path() / name), "mine") << "what is no run's stays";
}

TEST_F(RunDirectoryTest, OneCoordinatorWorksInItAtATime) {
  const auto another = [&] { return *RunDirectory::create(base_ / "mine", "plan", now_); };
  {
    RunDirectory mine = another();
    ASSERT_TRUE(mine.lock());
    RunDirectory theirs = another();
    const auto refused = theirs.lock();
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("another coordinator is at work there"), std::string::npos)
        << refused.error().message;
    ASSERT_TRUE(RunDirectory::create(base_ / "other", "plan", now_)->lock());
    const RunDirectory copy = mine;
    mine = another();
    EXPECT_FALSE(theirs.lock()) << "as long as a copy of it is there";
  }
  EXPECT_TRUE(fs::is_empty(base_ / "mine")) << "nothing of it is left";
  // A kill leaves the file, and no lock.
  std::ofstream(base_ / "mine" / ".coordinator");
  EXPECT_TRUE(another().lock());
}

TEST_F(RunDirectoryTest, ALockedOneThatLoadedNothingLeavesNothing) {
  auto directory = RunDirectory::create(base_ / "mine", "plan", now_);
  ASSERT_TRUE(directory);
  ASSERT_TRUE(directory->lock());
  ASSERT_TRUE(directory->write("plan.yaml", "kneepoint: 1\n"));
  directory->discard();
  EXPECT_FALSE(fs::exists(directory->path()));
}

TEST_F(RunDirectoryTest, IsNamedAfterTheTimeAndThePlan) {
  const auto first = RunDirectory::create(std::nullopt, "my plan/../x", now_, base_ / "runs");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->path().filename(), "20261121T194555Z-my-plan-..-x");
  const auto chinese = RunDirectory::create(std::nullopt, "长 上下文🚀", now_, base_ / "runs");
  ASSERT_TRUE(chinese) << chinese.error().message;
  EXPECT_EQ(chinese->path().filename(), "20261121T194555Z-长-上下文🚀");
  std::string longest;
  for (int i = 0; i < 64; ++i) longest += "长";
  const auto cut = RunDirectory::create(std::nullopt, longest, now_, base_ / "runs");
  ASSERT_TRUE(cut) << cut.error().message;
  EXPECT_EQ(cut->path().filename(), "20261121T194555Z-" + longest.substr(0, 63)) << "whole characters";
  EXPECT_FALSE(fs::exists(base_ / "runs" / "latest")) << "there is no report yet";
  ASSERT_TRUE(first->point_latest());
  EXPECT_EQ(fs::canonical(base_ / "runs" / "latest"), fs::canonical(first->path()));
  const auto second = RunDirectory::create(std::nullopt, "my plan/../x", now_, base_ / "runs");
  ASSERT_TRUE(second);
  EXPECT_NE(second->path(), first->path());
  EXPECT_EQ(fs::canonical(base_ / "runs" / "latest"), fs::canonical(first->path()));
  ASSERT_TRUE(second->point_latest());
  EXPECT_EQ(fs::canonical(base_ / "runs" / "latest"), fs::canonical(second->path()));
}

TEST_F(RunDirectoryTest, ARunThatLoadedNothingLeavesNothing) {
  const auto first = RunDirectory::create(std::nullopt, "plan", now_, base_ / "runs");
  const auto second = RunDirectory::create(std::nullopt, "plan", now_, base_ / "runs");
  ASSERT_TRUE(first && second);
  ASSERT_TRUE(first->write("plan.yaml", "a plan"));
  ASSERT_TRUE(second->write("plan.yaml", "a plan"));
  ASSERT_TRUE(second->write("timeline.binpb.gz", "measured"));
  first->discard();
  EXPECT_FALSE(fs::exists(first->path()));
  second->discard();
  EXPECT_TRUE(fs::exists(second->path() / "plan.yaml")) << "of one that has measured everything stays";
  fs::remove_all(second->path());
  const auto third = RunDirectory::create(std::nullopt, "plan", now_, base_ / "runs");
  ASSERT_TRUE(third);
  third->discard();
  EXPECT_FALSE(fs::exists(base_ / "runs"));
}

TEST_F(RunDirectoryTest, ARecordingThatNeverBeganIsNoRun) {
  const auto directory = RunDirectory::create(base_ / "mine", "plan", now_);
  ASSERT_TRUE(directory);
  ASSERT_TRUE(directory->write("timeline.binpb.gz", ""));
  EXPECT_TRUE(RunDirectory::refuse_taken(directory->path()));
  ASSERT_TRUE(directory->write("timeline.binpb.gz", "x"));
  EXPECT_FALSE(RunDirectory::refuse_taken(directory->path()));
}

TEST_F(RunDirectoryTest, WhoCouldNotLockADirectoryTakesNothingAwayFromWhoDid) {
  auto late = RunDirectory::create(base_ / "mine", "plan", now_);
  auto first = RunDirectory::create(base_ / "mine", "plan", now_);
  ASSERT_TRUE(late && first);
  ASSERT_TRUE(first->lock());
  ASSERT_TRUE(first->write("plan.yaml", "a plan"));
  ASSERT_FALSE(late->lock());
  late->discard();
  EXPECT_TRUE(fs::exists(first->path() / "plan.yaml"));
}

TEST_F(RunDirectoryTest, WhatWasThereBeforeStays) {
  fs::create_directories(base_ / "mine");
  const auto directory = RunDirectory::create(base_ / "mine", "plan", now_);
  ASSERT_TRUE(directory);
  ASSERT_TRUE(directory->write("plan.yaml", "a plan"));
  directory->discard();
  EXPECT_TRUE(fs::exists(base_ / "mine"));
  EXPECT_TRUE(directory->point_latest());
  EXPECT_FALSE(fs::exists(base_ / "latest")) << "only where the user named no directory";
}

TEST_F(RunDirectoryTest, TakesTheOneAskedFor) {
  const auto directory = RunDirectory::create(base_ / "a" / "b", "sweep", now_, base_ / "runs");
  ASSERT_TRUE(directory);
  EXPECT_TRUE(fs::is_directory(base_ / "a" / "b"));
  EXPECT_TRUE(fs::is_empty(base_ / "a" / "b"));
  EXPECT_FALSE(fs::exists(base_ / "runs"));
}

TEST_F(RunDirectoryTest, SaysInOneLineWhyItCannotBeWritten) {
  std::ofstream(base_ / "file") << "x";
  const auto directory = RunDirectory::create(base_ / "file" / "run", "sweep", now_);
  ASSERT_FALSE(directory);
  EXPECT_NE(directory.error().message.find((base_ / "file" / "run").string()), std::string::npos);
  EXPECT_EQ(directory.error().message.find('\n'), std::string::npos);

  if (::geteuid() == 0) return;  // root writes everywhere
  fs::create_directory(base_ / "closed");
  fs::permissions(base_ / "closed", fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_FALSE(RunDirectory::create(base_ / "closed", "sweep", now_));
}

TEST_F(RunDirectoryTest, WritesTheWholeReportAndNothingElse) {
  const auto directory = RunDirectory::create(base_ / "out", "sweep", now_);
  ASSERT_TRUE(directory);
  ASSERT_TRUE(directory->write("plan.yaml", "kneepoint: 1\n"));
  ASSERT_TRUE(directory->write_report(scenes::sample_report()).empty());
  ASSERT_TRUE(directory->write_report(scenes::sample_report()).empty());  // over the old one
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(base_ / "out")) names.insert(entry.path().filename());
  EXPECT_EQ(names,
            (std::set<std::string>{"plan.yaml", "report.json", "report.txt", "report.md", "steps.csv"}));
  EXPECT_EQ(content(base_ / "out" / "plan.yaml"), "kneepoint: 1\n");
  EXPECT_TRUE(parse_report_json(content(base_ / "out" / "report.json")));
}

TEST_F(RunDirectoryTest, AFailedWriteLeavesTheOldFile) {
  const auto directory = RunDirectory::create(base_ / "out", "sweep", now_);
  ASSERT_TRUE(directory);
  ASSERT_TRUE(directory->write("report.json", "old"));
  fs::create_directory(base_ / "out" / "steps.csv");  // cannot be replaced by a file
  EXPECT_FALSE(directory->write("steps.csv", "new"));
  EXPECT_EQ(content(base_ / "out" / "report.json"), "old");
}

TEST_F(RunDirectoryTest, AFileThatCannotBeWrittenTakesNoOtherWithIt) {
  const auto directory = RunDirectory::create(base_ / "out", "sweep", now_);
  ASSERT_TRUE(directory);
  fs::create_directory(base_ / "out" / "report.md");  // in its place: nothing can be renamed over it
  std::ofstream(base_ / "out" / "report.md" / "x") << "x";
  const auto failed = directory->write_report(scenes::sample_report());
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_NE(failed[0].find("report.md"), std::string::npos);
  for (const char* name : {"report.json", "report.txt", "steps.csv"}) {
    EXPECT_FALSE(content(base_ / "out" / name).empty()) << name;
  }
  for (const auto& entry : fs::directory_iterator(base_ / "out")) {
    EXPECT_NE(entry.path().filename().string()[0], '.') << "nothing half-written stays";
  }
}

}  // namespace
}  // namespace kneepoint::coordinator
