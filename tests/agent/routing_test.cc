#include <map>

#include "engine_fixture.h"

namespace kneepoint::agent {
namespace {

class RoutingTest : public EngineTest {
 protected:
  RoutingTest() : first_(always(answer(1))), second_(always(answer(1))) {
    target().urls = {first_.url(), second_.url()};
  }
  std::uint64_t completed_by(std::uint32_t replica) const {
    std::uint64_t sum = 0;
    for (const auto& [key, stats] : series_) sum += key.replica == replica ? stats.completed() : 0;
    return sum;
  }

  ScriptedServer first_, second_;
};

TEST_F(RoutingTest, PinnedSlotsKeepToOneReplica) {
  run(30, 3);
  EXPECT_EQ(completed_by(0), 20u) << "slots 0 and 2";
  EXPECT_EQ(completed_by(1), 10u);
  EXPECT_EQ(first_.connections(), 2);
  EXPECT_EQ(second_.connections(), 1);
}

TEST_F(RoutingTest, RoundRobinTakesTurnsOnKeptConnections) {
  target().routing = Routing::kRoundRobin;
  const SeriesStats stats = run(30, 1);
  EXPECT_EQ(completed_by(0), 15u);
  EXPECT_EQ(completed_by(1), 15u);
  EXPECT_EQ(first_.requests().size(), 15u);
  EXPECT_EQ(first_.connections(), 1);
  EXPECT_EQ(second_.connections(), 1);
  EXPECT_EQ(stats.reconnects, 0u);
}

TEST_F(RoutingTest, LeastInFlightAvoidsABusyReplica) {
  Gate answered;
  ScriptedServer slow(once_open(answered, answer(1)));
  target().urls = {slow.url(), second_.url()};
  target().routing = Routing::kLeastInFlight;
  start();
  controller_->apply({.epoch = 1, .concurrency = 4, .effective_at = elapsed()});
  collect_until([&] { return completed_by(1) >= 100; });
  EXPECT_LE(slow.requests().size(), 3u) << "each slot but one at most, as many as the other replica has";
  answered.open();
  controller_->apply({.epoch = 2, .concurrency = 0, .effective_at = elapsed()});
  collect_until([&] { return controller_->idle(); });
  const SeriesStats stats = collect_all();
  EXPECT_EQ(stats.started, stats.completed());
}

TEST_F(RoutingTest, AConnectionPerRequest) {
  target().urls = {first_.url()};
  target().connection = ConnectionUse::kPerRequest;
  const SeriesStats stats = run(10, 2);
  EXPECT_EQ(stats.completed(), 10u);
  EXPECT_EQ(first_.connections(), 10);
  EXPECT_EQ(stats.reconnects, 0u) << "as the plan asks";
  EXPECT_EQ(generator_.connect.count(), 10u);
  EXPECT_NE(first_.requests().at(0).find("Connection: close\r\n"), std::string::npos);
}

TEST_F(RoutingTest, UsersThinkBetweenRequests) {
  target().urls = {first_.url()};
  workload().think_time = 0.05;
  start();
  const Nanos begin = elapsed();
  controller_->apply({.epoch = 1, .concurrency = 2, .effective_at = begin, .budget = 12});
  const LevelDone done = wait_for_level(1);
  const SeriesStats stats = collect_all();
  EXPECT_EQ(stats.completed(), 12u);
  EXPECT_GE(done.finished_at - begin, std::chrono::milliseconds(250)) << "five pauses each";
  EXPECT_GE(stats.thinking, 0.4999) << "ten pauses, in slot-seconds";
}

TEST_F(RoutingTest, AHeaderNamesTheReplicaBehindAnAddress) {
  // As behind a balancer of connections: each stays with one replica.
  ScriptedServer service([](ScriptedServer::Peer& peer, int connection) {
    const std::string name = connection % 2 == 0 ? "X-Replica: even\r\n" : "X-Replica: odd\r\n";
    const std::string body = delta("t") + kFinishEvent + kDoneEvent;
    while (!peer.read_request().empty()) peer.send(response("200 OK", body, name));
  });
  target().urls = {service.url()};
  target().replica_header = "x-REPLICA";
  const SeriesStats stats = run(20, 2);
  EXPECT_EQ(stats.completed(), 20u);
  EXPECT_EQ(stats.replica_changes, 0u);
  EXPECT_EQ(completed_by(named_replica("even")), 10u);
  EXPECT_EQ(completed_by(named_replica("odd")), 10u);
  EXPECT_EQ(gauges_.replica_names.size(), 2u);
  EXPECT_EQ(gauges_.replica_names.at(named_replica("odd")), "odd");
}

TEST_F(RoutingTest, AReplicaThatChangesOnAConnectionIsCounted) {
  ScriptedServer service([](ScriptedServer::Peer& peer, int) {
    const std::string body = delta("t") + kFinishEvent + kDoneEvent;
    for (int i = 0; !peer.read_request().empty(); ++i)
      peer.send(response("200 OK", body, i % 2 == 0 ? "X-Replica: a\r\n" : "X-Replica: b\r\n"));
  });
  target().urls = {service.url()};
  target().replica_header = "X-Replica";
  EXPECT_EQ(run(5).replica_changes, 4u);
}

}  // namespace
}  // namespace kneepoint::agent
