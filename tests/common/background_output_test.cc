#include "common/background_output.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>

namespace kneepoint {
namespace {

using testing::HasSubstr;

/// A pipe that is read only when the test says so.
class Pipe {
 public:
  Pipe() {
    EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0);
    fcntl(ends_[1], F_SETPIPE_SZ, 4096);
  }
  ~Pipe() {
    close_reader();
    close(ends_[1]);
  }
  int writer() const { return ends_[1]; }
  /// At least so many bytes.
  std::string read(std::size_t least) {
    std::string text;
    std::array<char, 4096> part;
    while (text.size() < least) {
      const ssize_t got = ::read(ends_[0], part.data(), part.size());
      if (got <= 0) break;
      text.append(part.data(), static_cast<std::size_t>(got));
    }
    return text;
  }
  void close_reader() {
    if (ends_[0] >= 0) close(std::exchange(ends_[0], -1));
  }

 private:
  std::array<int, 2> ends_{};
};

bool never() {
  return false;
}

TEST(BackgroundOutput, WritesEverythingInOrder) {
  Pipe pipe;
  BackgroundOutput output(pipe.writer());
  for (int i = 0; i < 10; ++i) output.write(std::to_string(i));
  EXPECT_TRUE(output.flush(never));
  EXPECT_TRUE(output.idle());
  EXPECT_EQ(pipe.read(10), "0123456789");
}

TEST(BackgroundOutput, AReaderThatDoesNotReadHoldsNobodyUp) {
  Pipe pipe;
  BackgroundOutput output(pipe.writer(), 100'000);
  const std::string line(1000, 'x');
  // Far more than pipe and queue hold: were any of these to wait, this would never end.
  for (int i = 0; i < 1000; ++i) output.write(line + "\n");
  EXPECT_FALSE(output.idle());
  EXPECT_FALSE(output.flush([] { return true; }));
  // Whoever begins to read gets what was kept, and is told that it is not all.
  std::string text;
  while (text.find("left out") == std::string::npos) {
    const std::string more = pipe.read(1);
    ASSERT_FALSE(more.empty());
    text += more;
  }
  EXPECT_THAT(text, HasSubstr("lines left out: nothing was read here"));
}

TEST(BackgroundOutput, EndsThoughNobodyReads) {
  Pipe pipe;
  BackgroundOutput output(pipe.writer());
  output.write(std::string(100'000, 'x'));
}

TEST(BackgroundOutput, AReaderThatLeftIsNoReasonToWait) {
  signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  BackgroundOutput output(pipe.writer());
  pipe.close_reader();
  for (int i = 0; i < 100; ++i) output.write(std::string(10'000, 'x'));
  EXPECT_TRUE(output.flush(never));
}

}  // namespace
}  // namespace kneepoint
