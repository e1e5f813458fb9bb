#include "agent/load/lease.h"

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

/// Load under a lease, against a host that answers at once.
class LeasedLoad : public EngineTest {
 protected:
  LeasedLoad() : server_(always(answer(2))) {
    target().urls = {server_.url()};
    lease_ = std::make_shared<Lease>(1s);
    lease_->begin(assignment_.zero);
  }
  void start_leased(unsigned threads) {
    controller_ =
        std::make_unique<RunController>(assignment_, std::vector<std::string>{""},
                                        RunController::Options{.threads = threads, .lease = lease_});
  }
  std::uint64_t ended() const {
    std::uint64_t sum = 0;
    for (const auto& [key, stats] : series_) sum += stats.ended();
    return sum;
  }

  ScriptedServer server_;
  std::shared_ptr<Lease> lease_;
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
