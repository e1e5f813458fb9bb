#include "coordinator/report/record_writer.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <filesystem>

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

class RecordWriterTest : public testing::Test {
 protected:
  RecordWriterTest() {
    plan_.targets = {{.name = "host", .urls = {"http://a:1", "http://b:2"}}};
    plan_.scenarios = {{.name = "chat"}};
    cells_ = {Cell{.workload = {.classes = {{.name = "short"}, {.name = "long"}}}}};
    folder_ = std::filesystem::temp_directory_path() / ("kneepoint-records-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~RecordWriterTest() override { std::filesystem::remove_all(folder_); }

  std::string read() const {
    std::string text;
    std::array<char, 4096> part;
    gzFile file = gzopen((folder_ / "r.gz").c_str(), "rb");
    for (int n; (n = gzread(file, part.data(), part.size())) > 0;) text.append(part.data(), n);
    gzclose(file);
    return text;
  }

  SnapshotBatch batch(RequestRow row) const {
    SecondSnapshot second;
    second.requests.push_back(row);
    return {.seconds = {second}};
  }

  Plan plan_;
  std::vector<Cell> cells_;
  std::filesystem::path folder_;
};

TEST_F(RecordWriterTest, WritesOneLineARequestThatCanBeReadBeforeTheEnd) {
  auto writer = RecordWriter::create(folder_ / "r.gz", plan_, cells_, "run-1", RealTime(5s));
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->append("agent-0", batch({.key = {.epoch = 3, .replica = 1, .prompt_class = 1},
                                               .slot = 7,
                                               .k = 2,
                                               .scheduled = 1s,
                                               .sent = 1s + 5ns,
                                               .first = 1200ms,
                                               .first_answer = 1300ms,
                                               .last = 2s,
                                               .ended = 2s,
                                               .chunks = 9,
                                               .prompt_tokens = 4,
                                               .output_tokens = 10,
                                               .cached_tokens = 3,
                                               .audio_tokens = 2})));
  const std::string expected =
      "{\"schema\":\"kneepoint.records/1\",\"run_id\":\"run-1\",\"zero_unix_ns\":5000000000}\n"
      "{\"id\":\"run-1-0-3-7-2\",\"scenario\":\"chat\",\"target\":\"host\",\"replica\":\"b:2\",\"agent\":"
      "\"agent-0\","
      "\"class\":\"long\",\"turn\":0,\"epoch\":3,\"slot\":7,\"scheduled\":1.000000000,\"sent\":1.000000005,"
      "\"first\":1.200000000,\"first_answer\":1.300000000,\"last\":2.000000000,\"ended\":2.000000000,"
      "\"prompt_tokens\":4,\"cached_tokens\":3,\"output_tokens\":10,\"reasoning_tokens\":null,\"audio_prompt_"
      "tokens\":null,\"audio_tokens\":2,\"chunks\":9,"
      "\"outcome\":\"success\"}\n";
  ASSERT_TRUE(writer->settle());
  EXPECT_EQ(read(), expected) << "settled, though the writer is still open";
}

TEST_F(RecordWriterTest, WhatDidNotHappenIsNull) {
  auto writer = RecordWriter::create(folder_ / "r.gz", plan_, cells_, "run-1", RealTime(5s));
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->append("a", batch({.outcome = Outcome::kConnect})));
  ASSERT_TRUE(writer->settle());
  EXPECT_NE(read().find("\"first\":null,\"first_answer\":null,\"last\":null"), std::string::npos);
  EXPECT_NE(read().find("\"prompt_tokens\":null,\"cached_tokens\":null,\"output_tokens\":null,\"reasoning_"
                        "tokens\":null,\"audio_prompt_tokens\":null,\"audio_tokens\":null,\"chunks\":0,"
                        "\"outcome\":\"connect\""),
            std::string::npos);
}

TEST_F(RecordWriterTest, AFileThatCannotBeMadeIsAnErrorThatNamesIt) {
  const auto writer = RecordWriter::create(folder_ / "none" / "r.gz", plan_, cells_, "run-1", RealTime(5s));
  ASSERT_FALSE(writer);
  EXPECT_NE(writer.error().message.find("r.gz"), std::string::npos);
}

}  // namespace
}  // namespace kneepoint::coordinator
