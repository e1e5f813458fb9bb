#include "coordinator/recording/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>

#include "coordinator/report/gzip_file.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A disk that refuses until it is told otherwise.
struct Disk {
  std::atomic<bool> full = false;
  std::atomic<int> asked = 0;
  Journal::Settle settle() {
    return [this] {
      ++asked;
      return full ? Result<void>(Error{"file: cannot be written: no space"}) : Result<void>();
    };
  }
};

bool never() {
  return false;
}

TEST(Journal, WhatIsSafeIsSaidInOrderAndNotBeforeTheDiskHasIt) {
  Disk disk;
  disk.full = true;
  std::vector<int> written, safe;
  std::mutex mutex;
  Journal journal;
  journal.watch(disk.settle());
  for (int i = 0; i < 3; ++i) {
    journal.post(
        1, [&written, i] { written.push_back(i); },
        [&, i] {
          const std::lock_guard lock(mutex);
          safe.push_back(i);
        });
  }
  EXPECT_FALSE(journal.flush([&] { return disk.asked > 1; })) << "asked again, and still full";
  {
    const std::lock_guard lock(mutex);
    EXPECT_TRUE(safe.empty()) << "nothing may be acknowledged that a kill would lose";
  }
  EXPECT_THAT(journal.take_notices(), ElementsAre(HasSubstr("no space; trying again")));
  disk.full = false;
  EXPECT_TRUE(journal.flush(never));
  EXPECT_THAT(written, ElementsAre(0, 1, 2));
  EXPECT_THAT(safe, ElementsAre(0, 1, 2));
  EXPECT_THAT(journal.take_notices(), ElementsAre(HasSubstr("again: nothing is missing")));
}

TEST(Journal, PostingNeverWaitsForTheDisk) {
  std::promise<void> stuck;
  Journal journal;
  journal.post(1, [&] { stuck.get_future().wait(); });
  std::atomic<int> written = 0;
  for (int i = 0; i < 1000; ++i) journal.post(1, [&] { ++written; });
  EXPECT_EQ(written, 0);
  stuck.set_value();
  EXPECT_TRUE(journal.flush(never));
  EXPECT_EQ(written, 1000);
}

TEST(Journal, WhatWaitsIsBoundedAndTheEndIsSaid) {
  Disk disk;
  disk.full = true;
  Journal journal(100);
  journal.watch(disk.settle());
  int safe = 0;
  for (int i = 0; i < 20; ++i)
    journal.post(
        10, [] {}, [&safe] { ++safe; });
  disk.full = false;
  EXPECT_FALSE(journal.flush(never)) << "not everything is there";
  EXPECT_EQ(safe, 10);
  EXPECT_THAT(journal.take_notices(), testing::Contains(HasSubstr("nothing more is recorded")));
}

TEST(Journal, EndsThoughTheDiskNeverTakesAnything) {
  Disk disk;
  disk.full = true;
  Journal journal;
  journal.watch(disk.settle());
  journal.post(
      1, [] {}, [] { FAIL() << "nothing is safe"; });
  EXPECT_FALSE(journal.flush([&] { return disk.asked > 0; }));
}

TEST(GzipFile, WhatWasSettledCanBeReadThoughTheProcessIsKilled) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("kneepoint-gzip-" + std::to_string(getpid()));
  auto file = GzipFile::create(path);
  ASSERT_TRUE(file);
  const std::string large(200'000, 'x');
  ASSERT_TRUE(file->append("first "));
  ASSERT_TRUE(file->append(large));
  ASSERT_TRUE(file->settle());
  ASSERT_TRUE(file->settle()) << "with nothing new";
  ASSERT_TRUE(file->append(" last"));
  ASSERT_TRUE(file->settle());
  ASSERT_TRUE(file->append(" of which nobody was told that it is safe"));
  // It is still open, as it is when a coordinator is killed.
  gzFile reader = gzopen(path.c_str(), "rb");
  std::string text(300'000, '\0');
  text.resize(static_cast<std::size_t>(gzread(reader, text.data(), static_cast<unsigned>(text.size()))));
  gzclose(reader);
  EXPECT_THAT(text, testing::StartsWith("first " + large + " last"));
  std::filesystem::remove(path);
}

TEST(GrowingFile, ADiskThatRefusesIsAskedAgainAndNothingIsMissing) {
  // A pipe stands for the disk: it is full until it has been read.
  const std::string path =
      std::filesystem::temp_directory_path() / ("kneepoint-full-" + std::to_string(getpid()));
  auto file = GrowingFile::create("/dev/full");
  ASSERT_TRUE(file);
  const auto refused = file->append("one ");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("/dev/full: cannot be written: No space left"));
  EXPECT_FALSE(file->append("two"));
  EXPECT_EQ(file->kept(), 7u) << "kept, in order";
  EXPECT_FALSE(file->settle());

  auto link = std::filesystem::path(path);
  std::filesystem::create_symlink("/tmp/elsewhere", link);
  EXPECT_FALSE(GrowingFile::create(link)) << "no link that somebody laid there is followed";
  std::filesystem::remove(link);
}

}  // namespace
}  // namespace kneepoint::coordinator
