// What waits at either end of a link is bounded, whatever the other end sends.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "agent/session/coordinator_link.h"
#include "common/batch_bytes.h"
#include "common/wire.h"
#include "coordinator/fleet/agent_link.h"
#include "coordinator/fleet/strangers.h"
#include "kneepoint/v1/fleet.pb.h"
#include "kneepoint/v1/measurement.pb.h"
#include "tests/coordinator/raw_agent.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr int kSent = 300;
constexpr int kMostWaiting = 64;

/// Counts what comes over a link, and how much of it waited at most.
struct Tally {
  std::atomic<int> came = 0, dealt = 0, most = 0;

  void count() {
    const int waiting = ++came - dealt;
    int before = most;
    while (waiting > before && !most.compare_exchange_weak(before, waiting)) {
    }
  }
  /// False when `many` do not come within ten seconds.
  bool wait_for(int many) const {
    const MonoTime until = SystemClock().now() + 10s;
    while (came < many) {
      if (SystemClock().now() > until) return false;
      std::this_thread::yield();
    }
    return true;
  }
  /// Deals with all that are to come, one after the other.
  bool deal_with_all(const std::function<void()>& processed) {
    for (int i = 0; i < kSent; ++i) {
      if (!wait_for(i + 1)) return false;
      ++dealt;
      processed();
    }
    return true;
  }
};

TEST(FleetBounds, NeitherEndReadsFurtherThanItIsDealtWith) {
  Tally at_coordinator, at_agent;
  std::shared_ptr<AgentLink> agent;
  std::atomic<bool> greeted = false;
  auto server = LinkServer::listen({*parse_endpoint("127.0.0.1:0")}, [&](const LinkEvent& event) {
    if (std::holds_alternative<LinkClosed>(event.what)) return;
    if (!greeted) {
      agent = event.link;
      agent->processed();
      greeted = true;
      return;
    }
    at_coordinator.count();
  });
  ASSERT_TRUE(server);
  const std::string address = "127.0.0.1:" + std::to_string((*server)->ports().at(0));
  const auto link =
      agent::CoordinatorLink::dial(*parse_endpoint(address), 1, [&](const agent::LinkEvent& event) {
        if (!std::holds_alternative<agent::LinkClosed>(event.what)) at_agent.count();
      });
  link->send(RawAgent::hello("a"));
  const MonoTime until = SystemClock().now() + 10s;
  while (!greeted && SystemClock().now() < until) std::this_thread::yield();
  ASSERT_TRUE(greeted);
  for (int i = 0; i < kSent; ++i) {
    v1::AgentMessage up;
    up.mutable_heartbeat_reply();
    link->send(up);
    v1::CoordinatorMessage down;
    down.mutable_ack();
    agent->send(down);
  }
  ASSERT_TRUE(at_coordinator.wait_for(kMostWaiting));
  ASSERT_TRUE(at_agent.wait_for(kMostWaiting));
  EXPECT_TRUE(at_coordinator.deal_with_all([&] { agent->processed(); }));
  EXPECT_TRUE(at_agent.deal_with_all([&] { link->processed(); }));
  EXPECT_EQ(at_coordinator.most, kMostWaiting);
  EXPECT_EQ(at_agent.most, kMostWaiting);
}

/// Where one message holds much, few of them wait.
TEST(FleetBounds, WhatWaitsIsBoundedInMemory) {
  SnapshotBatch batch{.sequence = 1, .complete_through = 0};
  SecondSnapshot& second = batch.seconds.emplace_back();
  for (std::uint32_t turn = 0; turn < 2000; ++turn) second.series[{.turn = turn}].started = 1;
  v1::SnapshotBatch message;
  to_wire(batch, message);
  const std::size_t held = held_bytes(batch);
  constexpr std::size_t kMostHeld = std::size_t{32} << 20;
  const int most = static_cast<int>(kMostHeld / held) + 1;
  ASSERT_LT(most, kMostWaiting);

  Tally came;
  std::shared_ptr<AgentLink> agent;
  std::atomic<bool> greeted = false;
  auto server = LinkServer::listen({*parse_endpoint("127.0.0.1:0")}, [&](const LinkEvent& event) {
    if (std::holds_alternative<LinkClosed>(event.what)) return;
    if (greeted) return came.count();
    agent = event.link;
    agent->processed();
    greeted = true;
  });
  ASSERT_TRUE(server);
  RawAgent sender("127.0.0.1:" + std::to_string((*server)->ports().at(0)));
  sender.send(RawAgent::hello("a"));
  for (int i = 0; i < kSent; ++i) {
    v1::AgentMessage up;
    up.set_batch(message.SerializeAsString());
    sender.send(up);
  }
  EXPECT_TRUE(came.deal_with_all([&] { agent->processed(); }));
  EXPECT_LE(came.most, most);
  EXPECT_GT(came.most, 0);
}

TEST(FleetBounds, ALinkThatIsReadNoFurtherCanBeLeft) {
  std::shared_ptr<AgentLink> agent;
  std::atomic<bool> greeted = false;
  Tally at_agent;
  auto server = LinkServer::listen({*parse_endpoint("127.0.0.1:0")}, [&](const LinkEvent& event) {
    if (greeted || std::holds_alternative<LinkClosed>(event.what)) return;
    agent = event.link;
    greeted = true;
  });
  ASSERT_TRUE(server);
  auto link =
      agent::CoordinatorLink::dial(*parse_endpoint("127.0.0.1:" + std::to_string((*server)->ports().at(0))),
                                   1, [&](const agent::LinkEvent& event) {
                                     if (!std::holds_alternative<agent::LinkClosed>(event.what))
                                       at_agent.count();
                                   });
  link->send(RawAgent::hello("a"));
  const MonoTime until = SystemClock().now() + 10s;
  while (!greeted && SystemClock().now() < until) std::this_thread::yield();
  ASSERT_TRUE(greeted);
  for (int i = 0; i < kSent; ++i) agent->send(v1::CoordinatorMessage());
  ASSERT_TRUE(at_agent.wait_for(kMostWaiting));
  link.reset();
  EXPECT_EQ(at_agent.came, kMostWaiting);
}

/// A connection as the kernel knows it; closed on destruction.
class Connection {
 public:
  Connection() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()), 0); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    for (const int end : ends_) close(end);
  }
  int end() const { return ends_[0]; }

 private:
  std::array<int, 2> ends_{};
};

TEST(FleetBounds, StrangersAreBoundedInNumber) {
  Strangers strangers(2);
  const Connection first, second, third;
  EXPECT_TRUE(strangers.admit(first.end(), MonoTime(1s)));
  EXPECT_TRUE(strangers.admit(second.end(), MonoTime(1s)));
  EXPECT_FALSE(strangers.admit(third.end(), MonoTime(2s)));
  strangers.greeted();
  EXPECT_TRUE(strangers.admit(third.end(), MonoTime(3s))) << "who has said its name is no stranger";
  EXPECT_FALSE(strangers.admit(first.end(), MonoTime(4s)));
  EXPECT_TRUE(strangers.admit(first.end(), MonoTime(1s) + Strangers::kLongest)) << "none stays for longer";
}

TEST(FleetBounds, StrangersThatHaveGoneMakeRoomAndAFloodOfThemLocksNobodyOut) {
  Strangers strangers(2);
  for (int i = 0; i < 100; ++i) {
    const Connection passing;
    EXPECT_TRUE(strangers.admit(passing.end(), MonoTime(i * 1s))) << i;
  }
  const Connection first, second, third;
  EXPECT_TRUE(strangers.admit(first.end(), MonoTime(101s)));
  EXPECT_TRUE(strangers.admit(second.end(), MonoTime(102s)));
  EXPECT_FALSE(strangers.admit(third.end(), MonoTime(103s))) << "these are still there";
}

}  // namespace
}  // namespace kneepoint::coordinator
