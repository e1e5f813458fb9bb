#include "agent/net/poller.h"

#include <gtest/gtest.h>

namespace kneepoint::agent {
namespace {

TEST(Poller, ATimerThatBecomesDueDuringATurnFiresBeforeTheNextPoll) {
  Poller poller;
  bool fired = false;
  Timer timer(
      poller.timers(), [](void* flag) { *static_cast<bool*>(flag) = true; }, &fired);
  // The turn has begun when its work runs: what that arms for now was not due at its begin.
  poller.post([&] { timer.arm(mono_now()); });
  poller.run([&](Nanos, MonoTime) {
    EXPECT_TRUE(fired) << "before the first poll";
    poller.stop();
  });
}

TEST(Poller, ATimerThatArmsItselfForNowLeavesTheTurnToOthers) {
  struct Chain {
    explicit Chain(Poller& poller)
        : timer(
              poller.timers(), [](void* self) { static_cast<Chain*>(self)->fire(); }, this) {}
    void fire() {
      ++times;
      timer.arm(mono_now());
    }
    int times = 0;
    Timer timer;
  };
  Poller poller;
  Chain chain(poller);
  chain.timer.arm(mono_now());
  int turns = 0;
  poller.run([&](Nanos, MonoTime) {
    EXPECT_LE(chain.times, ++turns) << "once a turn";
    if (turns == 3) poller.stop();
  });
}

}  // namespace
}  // namespace kneepoint::agent
