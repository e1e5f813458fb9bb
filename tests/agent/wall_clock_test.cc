// A binary of its own: it replaces clock_gettime with one whose wall clock the tests set.
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "engine_fixture.h"

namespace {
std::atomic<time_t> set_forward{0};  // seconds
}

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const long result = syscall(SYS_clock_gettime, clock, now);
  if (clock == CLOCK_REALTIME) now->tv_sec += set_forward;
  return static_cast<int>(result);
}

namespace kneepoint::agent {
namespace {

class WallClock : public EngineTest {
 protected:
  ~WallClock() override { set_forward = 0; }
  /// The kernel's stamps keep to the old time: as if every byte had come before the clock was set.
  void set_clock_before_the_answer(time_t forward) {
    server_ = std::make_unique<ScriptedServer>([forward](ScriptedServer::Peer& peer, int) {
      peer.read_request();
      set_forward = forward;
      peer.send(kStreamHead + chunked(delta("a")));
      peer.send(chunked(delta("b") + kFinishEvent + kDoneEvent) + kLastChunk);
      peer.wait_for_close();
    });
    target().urls = {server_->url()};
    assignment_.records = true;
    stats_ = run();
  }
  std::unique_ptr<ScriptedServer> server_;
  SeriesStats stats_;
};

TEST_F(WallClock, ReceiptsNeverPrecedeTheirRequestWhenItIsSetForward) {
  set_clock_before_the_answer(3'600);
  EXPECT_EQ(stats_.completed(), 1u);
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_GT(rows_[0].first.value(), rows_[0].sent);
  EXPECT_GE(rows_[0].last.value(), rows_[0].first.value());
  EXPECT_EQ(generator_.unstamped_reads, generator_.reads) << "and it is said that they are read times";
}

TEST_F(WallClock, ReceiptsNeverComeAfterTheirReadingWhenItIsSetBack) {
  set_clock_before_the_answer(-3'600);
  EXPECT_EQ(stats_.completed(), 1u);
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_GT(rows_[0].first.value(), rows_[0].sent);
  EXPECT_LE(rows_[0].ended, elapsed());
}

}  // namespace
}  // namespace kneepoint::agent
