#include "agent/stream/lease.h"

#include "engine_fixture.h"

namespace kneepoint::agent {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kZero(100s);

TEST(Lease, AllowsLoadFromTheFirstHeartbeatOnForItsLength) {
  Lease lease(8s);
  EXPECT_FALSE(lease.allows(kZero)) << "no run";
  lease.heartbeat(1s, kZero + 1s);
  EXPECT_FALSE(lease.allows(kZero + 1s)) << "a heartbeat before the run";
  lease.begin(kZero);
  EXPECT_FALSE(lease.allows(kZero)) << "a run, and no heartbeat";
  lease.heartbeat(1s, kZero + 1s);
  EXPECT_TRUE(lease.allows(kZero + 1s));
  EXPECT_EQ(lease.until(), kZero + 9s);
  lease.heartbeat(3s, kZero + 3s);
  EXPECT_TRUE(lease.allows(kZero + 11s - 1ns));
  EXPECT_FALSE(lease.allows(kZero + 11s));
}

TEST(Lease, AHeartbeatThatWasReadLateIsNoYounger) {
  Lease lease(8s);
  lease.begin(kZero);
  // Sent at second 1, and read at second 6: the process had been stopped, or the network.
  lease.heartbeat(1s, kZero + 6s);
  EXPECT_EQ(lease.until(), kZero + 9s);
  // A clock that runs ahead, or a peer that lies, allows no more than its arrival does.
  lease.heartbeat(500s, kZero + 7s);
  EXPECT_EQ(lease.until(), kZero + 15s);
  lease.heartbeat(2s, kZero + 8s);
  EXPECT_EQ(lease.until(), kZero + 15s) << "an older one takes nothing away";
}

TEST(Lease, WhatHasEndedStaysEndedUntilTheNextRun) {
  Lease lease(8s);
  lease.begin(kZero);
  lease.heartbeat(0s, kZero);
  EXPECT_FALSE(lease.allows(kZero + 8s));
  lease.heartbeat(9s, kZero + 9s);
  EXPECT_FALSE(lease.allows(kZero + 9s)) << "a thread has ended its load already";
  lease.begin(kZero + 10s);
  lease.heartbeat(0s, kZero + 10s);
  EXPECT_TRUE(lease.allows(kZero + 10s));
  lease.end();
  EXPECT_FALSE(lease.allows(kZero + 10s));
}

TEST(Lease, AHeartbeatThatIsReadAfterItsEndRevivesNothingThoughNoThreadHasLookedYet) {
  Lease lease(8s);
  lease.begin(kZero);
  lease.heartbeat(0s, kZero);
  // The process was stopped from second 1 to 9; what was sent at second 5 lay in a buffer, and would allow
  // load until second 13.
  lease.heartbeat(5s, kZero + 9s);
  EXPECT_FALSE(lease.allows(kZero + 9s));
  EXPECT_FALSE(lease.allows(kZero + 7s)) << "final, for every thread that asks";
}

TEST(Lease, AHeartbeatThatIsReadJustBeforeItsEndExtendsIt) {
  Lease lease(8s);
  lease.begin(kZero);
  lease.heartbeat(0s, kZero);
  lease.heartbeat(5s, kZero + 8s - 1ns);
  EXPECT_EQ(lease.until(), kZero + 13s);
}

/// Load under a lease of its own length.
class Leased : public EngineTest {
 protected:
  explicit Leased(Nanos length) : lease_(std::make_shared<Lease>(length)) {
    lease_->begin(assignment_.zero);
    lease_->heartbeat(elapsed(), mono_now());
  }
  void start_leased(unsigned threads) {
    controller_ = std::make_unique<RunController>(
        assignment_, std::vector<Keys>{}, RunController::Options{.threads = threads, .lease = lease_});
  }
  std::shared_ptr<Lease> lease_;
};

/// The lease ends while a request is under way, and no timer of the thread has told it: the thread was
/// stopped, and what came meanwhile is what it sees first.
class LeaseThatEndedUnnoticed : public Leased {
 protected:
  LeaseThatEndedUnnoticed() : Leased(60s) {}
  void run_against(ScriptedServer& server) {
    target().urls = {server.url()};
    start_leased(1);
    controller_->apply({.epoch = 1, .concurrency = 1, .effective_at = elapsed()});
    collect_until([&] { return controller_->idle(); });
  }
};

TEST_F(LeaseThatEndedUnnoticed, WritesNoRequestAgainOnANewConnection) {
  ScriptedServer server([this](ScriptedServer::Peer& peer, int connection) {
    // The kept-alive connection closes under the second request, which would be sent once more.
    peer.read_request();
    peer.send(answer(1));
    if (connection > 0) return;
    peer.read_request();
    lease_->end();
  });
  run_against(server);
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(LeaseThatEndedUnnoticed, AsksNoQuestionOnceMoreWithoutUsage) {
  ScriptedServer server([this](ScriptedServer::Peer& peer, int) {
    while (!peer.read_request().empty()) {
      lease_->end();
      peer.send(response("400 Bad", R"({"error":"unknown field stream_options"})"));
    }
  });
  run_against(server);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(LeaseThatEndedUnnoticed, BeginsNoNextRequest) {
  ScriptedServer server([this](ScriptedServer::Peer& peer, int) {
    while (!peer.read_request().empty()) {
      lease_->end();
      peer.send(answer(1));
    }
  });
  run_against(server);
  EXPECT_EQ(server.requests().size(), 1u);
}

/// Load against a host that answers at once.
class LeasedLoad : public Leased {
 protected:
  LeasedLoad() : Leased(1s), server_(always(answer(2))) { target().urls = {server_.url()}; }
  std::uint64_t ended() const {
    std::uint64_t sum = 0;
    for (const auto& [key, stats] : series_) sum += stats.ended();
    return sum;
  }

  ScriptedServer server_;
};

TEST_F(LeasedLoad, EndsWithItsLeaseOnEveryThreadThoughNobodySaysSo) {
  start_leased(2);
  lease_->heartbeat(elapsed(), mono_now());
  controller_->apply({.epoch = 1, .concurrency = 4, .effective_at = elapsed()});
  collect_until([&] { return ended() > 20; });
  const MonoTime until = lease_->until();
  // No call into the controller but these, which change nothing.
  collect_until([&] { return controller_->idle(); });
  EXPECT_GE(mono_now(), until) << "not before its end";
  const std::size_t requests = server_.requests().size();
  lease_->heartbeat(elapsed(), mono_now());
  controller_->apply({.epoch = 2, .concurrency = 4, .effective_at = elapsed()});
  collect_until([&] { return controller_->idle(); });
  EXPECT_EQ(server_.requests().size(), requests) << "no load without a lease";
}

TEST_F(LeasedLoad, GoesOnWhileItIsExtended) {
  start_leased(1);
  lease_->heartbeat(elapsed(), mono_now());
  const MonoTime first = lease_->until();
  controller_->apply({.epoch = 1, .concurrency = 2, .effective_at = elapsed()});
  collect_until([&] {
    lease_->heartbeat(elapsed(), mono_now());
    return mono_now() > first + 300ms;
  });
  EXPECT_FALSE(controller_->idle());
}

TEST_F(LeasedLoad, AnOpenLoopEndsWithItsLeaseToo) {
  start_leased(2);
  lease_->heartbeat(elapsed(), mono_now());
  controller_->apply({.epoch = 1,
                      .concurrency = 64,
                      .effective_at = elapsed(),
                      .arrivals = ArrivalProcess{.kind = ArrivalProcess::Kind::kConstant, .rate = 200}});
  collect_until([&] { return ended() > 20; });
  collect_until([&] { return controller_->idle(); });
  EXPECT_FALSE(lease_->allows(mono_now()));
}

}  // namespace
}  // namespace kneepoint::agent
