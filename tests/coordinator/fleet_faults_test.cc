#include <algorithm>

#include "tests/coordinator/fleet_fixture.h"
#include "tests/support/levels.h"
#include "tests/support/relay.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using agent::ExitCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A fleet of one agent behind a relay, with load applied and batches flowing.
class RelayedFleetTest : public FleetTest {
 protected:
  void dial(const agent::AgentSession::Options& options = {}, Fleet::Options fleet = {}) {
    listen(std::move(fleet));
    relay_ = std::make_unique<Relay>(parse_endpoint(tcp_address())->port);
    agent_ = std::make_unique<TestAgent>("127.0.0.1:" + std::to_string(relay_->port()), "a", options);
  }
  void begin(const agent::AgentSession::Options& options = {}, Fleet::Options fleet = {}) {
    dial(options, std::move(fleet));
    assemble_and_start(1);
    fleet_->send({.epoch = 1, .concurrency = 5});
    ASSERT_TRUE(pump_until([&] { return batches_[0].size() >= 3; }));
  }
  bool load_stopped() {
    return agent_->log->wait_for(
        [](const auto& state) { return !state.drains.empty() && state.drains[0] == 0ns; });
  }
  void expect_each_batch_once_in_order() {
    for (std::size_t i = 0; i < batches_[0].size(); ++i) ASSERT_EQ(batches_[0][i], i + 1);
  }
  static std::shared_ptr<agent::Lease> lease(Nanos length) { return std::make_shared<agent::Lease>(length); }

  std::unique_ptr<Relay> relay_;
  std::unique_ptr<TestAgent> agent_;
};

TEST_F(RelayedFleetTest, ALinkThatBreaksForAMomentCostsNothing) {
  begin();
  for (int cut = 0; cut < 3; ++cut) {
    // Nothing is taken while these arrive: they are sent again after the cut, though they had been received.
    const int before = agent_->log->read().collected;
    ASSERT_TRUE(agent_->log->wait_for([&](const auto& state) { return state.collected >= before + 5; }));
    relay_->cut();
    const std::size_t had = batches_[0].size();
    ASSERT_TRUE(pump_until([&] { return batches_[0].size() > had + 10; }));
  }
  expect_each_batch_once_in_order();
  EXPECT_EQ(requests_[0], batches_[0].size());
  EXPECT_TRUE(lost_.empty());
  EXPECT_TRUE(agent_->log->read().drains.empty()) << "the load goes on";
  EXPECT_EQ(agent_->log->read().levels.size(), 1u) << "a level that is sent again is the same one";

  // What comes afterwards arrives as ever.
  fleet_->send({.epoch = 2, .concurrency = 7});
  EXPECT_TRUE(agent_->log->wait_for([](const auto& state) { return state.levels.size() == 2; }));
  fleet_->drain(0s);
  ASSERT_TRUE(pump_until([&] { return fleet_->drained(); }));
  fleet_->finish(true);
  EXPECT_EQ(agent_->end().code, ExitCode::kDone);
}

TEST_F(RelayedFleetTest, ALevelThatIsSentWhileTheLinkIsDownArrivesAfterwards) {
  begin();
  relay_->cut();
  fleet_->send({.epoch = 2, .concurrency = 7});
  EXPECT_TRUE(pump_until([&] { return agent_->log->read().levels.size() == 2; }));
  EXPECT_EQ(agent_->log->read().levels[1].concurrency, 7u);
}

TEST_F(RelayedFleetTest, TheEndOfABudgetIsToldAgainOverANewLinkAndCountsOnce) {
  begin();
  fleet_->send({.epoch = 2, .concurrency = 2, .budget = 10});
  ASSERT_TRUE(pump_until([&] { return finished_.size() == 1; }));
  relay_->cut();
  const std::size_t had = batches_[0].size();
  ASSERT_TRUE(pump_until([&] { return batches_[0].size() > had + 5; }));
  EXPECT_EQ(finished_.size(), 1u);
  // One that nobody has heard: the link is down when the engine says so.
  relay_->cut();
  fleet_->send({.epoch = 3, .concurrency = 2, .budget = 10});
  ASSERT_TRUE(pump_until([&] { return finished_.size() == 2; }));
  EXPECT_EQ(finished_[1].epoch, 3u);
  EXPECT_TRUE(lost_.empty());
}

TEST_F(RelayedFleetTest, AnAgentThatDoesNotComeBackIsLostWithItsReason) {
  begin({.redial_limit = 50ms}, {.return_limit = 200ms});
  relay_->shut();
  ASSERT_TRUE(pump_until([&] { return !lost_.empty(); }));
  EXPECT_EQ(lost_[0].agent, 0u);
  EXPECT_FALSE(lost_[0].reason.empty());
  EXPECT_TRUE(load_stopped());
}

TEST_F(RelayedFleetTest, AnAgentThatComesBackTooLateHandsOverWhatItMeasured) {
  begin({.redial_limit = 0ns}, {.return_limit = 10s});
  relay_->cut();
  EXPECT_TRUE(load_stopped());
  ASSERT_TRUE(pump_until([&] { return !lost_.empty(); }));
  EXPECT_THAT(lost_[0].reason, HasSubstr("stopped its load"));
  fleet_->drain(0s);
  ASSERT_TRUE(pump_until([&] { return fleet_->drained(); }));
  expect_each_batch_once_in_order();
  EXPECT_EQ(requests_[0], static_cast<std::uint64_t>(agent_->log->read().collected));
  EXPECT_EQ(lost_.size(), 1u);
}

TEST_F(RelayedFleetTest, AnAgentThatWasLostComesBackAsAnotherOnceItHasHandedOver) {
  begin({.redial_limit = 0ns}, {.return_limit = 10s});
  relay_->cut();
  ASSERT_TRUE(pump_until([&] { return !lost_.empty(); }));
  const int measured = agent_->log->read().collected;
  ASSERT_TRUE(pump_until([&] { return !joined_.empty(); }));
  EXPECT_EQ(joined_[0], 1u);
  EXPECT_EQ(fleet_->agents(), 1u);
  EXPECT_EQ(fleet_->agent(1).name, "a");
  EXPECT_TRUE(fleet_->agent(0).membership.presence().over());
  EXPECT_EQ(agent_->log->read().made, 2) << "it begins with nothing of what it was";
  expect_each_batch_once_in_order();
  EXPECT_GE(batches_[0].size(), static_cast<std::size_t>(measured)) << "all that it had measured";

  fleet_->send({.epoch = 2, .concurrency = 7});
  EXPECT_TRUE(agent_->log->wait_for([](const auto& state) { return state.levels.back().epoch == 2; }));
  ASSERT_TRUE(pump_until([&] { return batches_[1].size() >= 3; }));
  EXPECT_EQ(batches_[1].front(), 1u);
  EXPECT_EQ(lost_.size(), 1u);
}

class LateFleetTest : public FleetTest {
 protected:
  /// A fleet of two of which only "a" has come.
  void begin() {
    listen();
    first_ = std::make_unique<TestAgent>(unix_address(), "a");
    const Nanos patience = 300ms;
    auto assembled = fleet_->assemble({.expected = 2, .least = 1}, patience);
    while (!assembled) assembled = fleet_->assemble({.expected = 2, .least = 1}, patience);
    ASSERT_TRUE(fleet_->start(assignment()));
    fleet_->send({.epoch = 1, .concurrency = 5});
    ASSERT_TRUE(pump_until([&] { return batches_[0].size() >= 3; }));
  }
  std::unique_ptr<TestAgent> first_;
};

TEST_F(LateFleetTest, ALatecomerGetsLoadWithTheNextLevel) {
  begin();
  TestAgent late(unix_address(), "b");
  ASSERT_TRUE(pump_until([&] { return !joined_.empty(); }));
  EXPECT_EQ(fleet_->agents(), 2u);
  EXPECT_TRUE(late.log->read().levels.empty()) << "none of the level under way";
  EXPECT_GE(fleet_->agent(1).membership.presence().from, 0);
  fleet_->send({.epoch = 2, .concurrency = 4});
  ASSERT_TRUE(pump_until([&] { return !late.log->read().levels.empty(); }));
  // It has its part, and the other one keeps all that is not for it.
  const LoadLevel dealt = late.log->read().levels[0];
  EXPECT_EQ(slots_of(dealt).below(dealt.shares), dealt.shares / 2);
  ASSERT_TRUE(first_->log->wait_for([](const auto& state) { return state.levels.size() == 2; }));
  const auto levels = first_->log->read().levels;
  const auto had = slots_below(levels[0], dealt.shares), has = slots_below(levels[1], dealt.shares);
  EXPECT_TRUE(std::includes(had.begin(), had.end(), has.begin(), has.end()));
  EXPECT_THAT(slots_below(levels[1], 4), ElementsAre(0, 2));
  EXPECT_THAT(slots_below(dealt, 4), ElementsAre(1, 3));
  ASSERT_TRUE(pump_until([&] { return batches_[1].size() >= 3; }));

  TestAgent beyond(unix_address(), "c");
  ASSERT_TRUE(pump_until([&] { return beyond.ended(); }));
  EXPECT_THAT(beyond.end().reason, HasSubstr("the fleet of 2 agents is complete"));
}

TEST_F(LateFleetTest, AnotherProcessOfTheSameNameTakesThePlaceOfOneThatIsGone) {
  begin();
  TestAgent twin(unix_address(), "a");
  ASSERT_TRUE(pump_until([&] { return twin.ended(); }));
  EXPECT_THAT(twin.end().reason, HasSubstr("another agent has its name")) << "which is there";
  first_.reset();
  ASSERT_TRUE(pump_until([&] { return !lost_.empty(); }));
  TestAgent next(unix_address(), "a");
  ASSERT_TRUE(pump_until([&] { return !joined_.empty(); }));
  EXPECT_EQ(joined_[0], 1u);
  EXPECT_EQ(fleet_->agent(1).name, "a");
  fleet_->send({.epoch = 2, .concurrency = 4});
  ASSERT_TRUE(pump_until([&] { return !next.log->read().levels.empty(); }));
  EXPECT_EQ(next.log->read().levels[0].concurrency, 4u);
}

TEST_F(RelayedFleetTest, ACoordinatorThatWasAwayDoesNotTakeItsOwnAbsenceForTheirs) {
  begin({}, {.silence_limit = 1500ms});
  // Nothing reads the links' events meanwhile, as if this process had been stopped; the agent goes on.
  relay_->freeze();
  const auto back = std::chrono::steady_clock::now() + 1800ms;
  ASSERT_TRUE(agent_->log->wait_for([&](const auto&) { return std::chrono::steady_clock::now() > back; }));
  fleet_->wait(1ms);
  EXPECT_TRUE(lost_.empty());
  relay_->thaw();
  const std::size_t had = batches_[0].size();
  ASSERT_TRUE(pump_until([&] { return batches_[0].size() > had + 5; }));
  EXPECT_TRUE(lost_.empty());
}

TEST_F(RelayedFleetTest, WhatWaitsForAcknowledgementsIsHandedOverBeforeTheEnd) {
  begin({.outbox = {.bytes_on_the_way = 1}});
  const auto collected_by_now = [&] { return agent_->log->read().collected; };
  const auto collects = [&](int more) {
    return agent_->log->wait_for(
        [&, from = collected_by_now()](const auto& state) { return state.collected >= from + more; });
  };
  // Nothing is acknowledged meanwhile: one batch is on its way, the others wait.
  ASSERT_TRUE(collects(5));
  const auto before = static_cast<std::size_t>(collected_by_now());
  agent_->stop();
  ASSERT_TRUE(agent_->log->wait_for([](const auto& state) { return !state.drains.empty(); }));
  ASSERT_TRUE(pump_until([&] { return agent_->ended(); }));
  EXPECT_TRUE(pump_until([&] { return batches_[0].size() >= before; }));
  for (std::size_t i = 0; i < batches_[0].size(); ++i)
    ASSERT_EQ(batches_[0][i], i + 1) << "each once, in order";
  EXPECT_EQ(agent_->end().code, ExitCode::kInterrupted);
}

TEST_F(FleetTest, WhoLeavesBetweenTwoHeartbeatsIsToldWhatIsSafe) {
  listen({.heartbeat = 1h});
  TestAgent agent(unix_address(), "a", {.outbox = {.bytes_on_the_way = 1}});
  assemble_and_start(1);
  fleet_->send({.epoch = 1, .concurrency = 5});
  ASSERT_TRUE(pump_until([&] { return !batches_[0].empty(); }));
  // The next ones wait: that the first is safe would come with a heartbeat.
  ASSERT_TRUE(agent.log->wait_for([](const auto& state) { return state.collected >= 5; }));
  agent.stop();
  EXPECT_TRUE(pump_until([&] { return agent.ended(); }));
  EXPECT_TRUE(pump_until([&] { return batches_[0].size() >= 5; }));
}

TEST_F(RelayedFleetTest, AnAgentThatFallsSilentIsLost) {
  begin({}, {.silence_limit = 300ms, .heartbeat = 20ms});
  relay_->freeze();
  ASSERT_TRUE(pump_until([&] { return !lost_.empty(); }));
  EXPECT_THAT(lost_[0].reason, HasSubstr("nothing came from it"));
  EXPECT_GT(lost_[0].load_until, lease::kLength) << "its lease may still run";
}

TEST_F(RelayedFleetTest, AProcessThatIsKnownToBeDeadHasNoLoadToWaitFor) {
  begin();
  fleet_->process_ended("a", "its process was ended by signal 9");
  ASSERT_TRUE(pump_until([&] { return !lost_.empty(); }));
  EXPECT_LE(lost_[0].load_until, fleet_->now());
  EXPECT_EQ(fleet_->agents(), 0u);
}

TEST_F(RelayedFleetTest, AFrozenCoordinatorStopsTheLoad) {
  begin({.lease = lease(300ms)}, {.heartbeat = 10ms});
  relay_->freeze();
  EXPECT_TRUE(pump_until([&] { return !agent_->log->read().drains.empty(); }));
  EXPECT_EQ(agent_->log->read().drains[0], 0ns);
}

TEST_F(RelayedFleetTest, ACoordinatorThatTakesNothingStopsTheLoad) {
  // The connection is alive, but the thread that decides is not: there are no heartbeats.
  begin({.lease = lease(300ms)}, {.heartbeat = 10ms});
  EXPECT_TRUE(load_stopped());
}

TEST_F(RelayedFleetTest, ALostCoordinatorStopsTheLoadAndThenTheAgent) {
  begin({.join_timeout = 200ms, .redial_limit = 50ms});
  relay_->shut();
  EXPECT_TRUE(load_stopped());
  const auto end = agent_->end();
  EXPECT_EQ(end.code, ExitCode::kFleet);
}

TEST_F(RelayedFleetTest, ACoordinatorThatIsLostBeforeAnyLoadHadBeenFound) {
  dial({.join_timeout = 200ms});
  assemble_and_start(1);
  relay_->shut();
  const auto end = agent_->end();
  EXPECT_EQ(end.code, ExitCode::kFleet);
  EXPECT_THAT(end.reason, HasSubstr("no coordinator at 127.0.0.1:")) << "it was looked for again";
}

TEST_F(RelayedFleetTest, WhatSurvivesACoordinatorServesTheNextRunWithNothingOfTheLast) {
  begin();
  auto next = Fleet::listen({.listen = {"127.0.0.1:0"}});
  ASSERT_TRUE(next);
  relay_->retarget(parse_endpoint((*next)->addresses()[0])->port);
  relay_->cut();  // the first one is gone, as far as the agent can tell
  ASSERT_TRUE((*next)->assemble({1}, kLimit));
  const auto started = (*next)->start(assignment("run-2"));
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_EQ(agent_->log->read().made, 2);
  EXPECT_EQ(agent_->log->read().assignment.run_id, "run-2");
  (*next)->send({.epoch = 1, .concurrency = 3});
  std::vector<std::uint64_t> sequences;
  const auto deadline = SystemClock().now() + kLimit;
  while (sequences.size() < 5 && SystemClock().now() < deadline) {
    const auto event = (*next)->wait(10ms);
    if (event && std::holds_alternative<BatchArrived>(*event))
      sequences.push_back(std::get<BatchArrived>(*event).batch.sequence);
  }
  EXPECT_THAT(sequences, testing::ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(agent_->log->read().levels.back().concurrency, 3u)
      << "the first level of the new run is no old one";
}

}  // namespace
}  // namespace kneepoint::coordinator
