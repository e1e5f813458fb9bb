#include <algorithm>

#include "common/wire.h"
#include "kneepoint/v1/fleet.pb.h"
#include "kneepoint/v1/measurement.pb.h"
#include "tests/coordinator/fleet_fixture.h"
#include "tests/coordinator/raw_agent.h"
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
  void begin(const agent::AgentSession::Options& options = {}, Fleet::Options fleet = {}) {
    listen(std::move(fleet));
    relay_ = std::make_unique<Relay>(parse_endpoint(tcp_address())->port);
    agent_ = std::make_unique<TestAgent>("127.0.0.1:" + std::to_string(relay_->port()), "a", options);
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

TEST_F(FleetTest, AnotherVersionIsTurnedAway) {
  listen();
  RawAgent old(unix_address());
  old.send(RawAgent::hello("old", "0.0.0-other"));
  std::shared_ptr<const v1::CoordinatorMessage> answer;
  EXPECT_FALSE(fleet_->assemble({1}, kLimit, [&]() -> Result<void> {
    answer = old.next(1ms);
    return answer ? Result<void>(Error{"answered"}) : Result<void>();
  }));
  ASSERT_TRUE(answer && answer->has_rejected());
  EXPECT_THAT(answer->rejected().reason(), HasSubstr("0.0.0-other"));
}

TEST_F(FleetTest, AnInvalidBatchLosesItsAgentOnly) {
  listen();
  TestAgent good(unix_address(), "good");
  RawAgent bad(unix_address());
  bad.send(RawAgent::hello("bad"));
  ASSERT_TRUE(fleet_->assemble({2}, kLimit));
  // Answers probes and the assignment like any agent.
  std::thread answering([&] {
    while (const auto message = bad.next()) {
      v1::AgentMessage answer;
      if (message->has_clock_probe()) {
        answer.mutable_clock_reply()->set_id(message->clock_probe().id());
        answer.mutable_clock_reply()->set_probe_sent_at_nanos(message->clock_probe().sent_at_nanos());
        const auto now = SystemClock().now().time_since_epoch().count();
        answer.mutable_clock_reply()->set_received_at_nanos(now);
        answer.mutable_clock_reply()->set_sent_at_nanos(now);
        bad.send(answer);
      } else if (message->has_assignment()) {
        answer.mutable_ready()->set_run_id("run-1");
        bad.send(answer);
        answer.set_run_id("run-1");
        v1::SnapshotBatch batch;
        batch.set_sequence(1);
        batch.add_seconds()->set_second(-5);
        answer.set_batch(batch.SerializeAsString());
        bad.send(answer);
      }
    }
  });
  const auto started = fleet_->start(assignment());
  // The batch may overtake the end of the start.
  if (started) {
    ASSERT_TRUE(pump_until([&] { return !lost_.empty(); }));
    EXPECT_EQ(lost_[0].agent, 0u);
    EXPECT_THAT(lost_[0].reason, HasSubstr("seconds[0].second"));
    ASSERT_TRUE(pump_until([&] { return batches_[1].size() >= 3; }));
  } else {
    EXPECT_THAT(started.error().message, HasSubstr("seconds[0].second"));
  }
  answering.join();
}

/// Joins, answers probes and the assignment as any agent does, and then says `word`.
class OddAgent {
 public:
  OddAgent(const std::string& address, v1::AgentMessage word) : agent_(address), word_(std::move(word)) {
    agent_.send(RawAgent::hello("odd"));
    thread_ = std::thread([this] { run(); });
  }
  ~OddAgent() { thread_.join(); }

 private:
  void run() {
    while (const auto message = agent_.next()) {
      v1::AgentMessage answer;
      if (message->has_clock_probe()) {
        const auto now = SystemClock().now().time_since_epoch().count();
        answer.mutable_clock_reply()->set_id(message->clock_probe().id());
        answer.mutable_clock_reply()->set_probe_sent_at_nanos(message->clock_probe().sent_at_nanos());
        answer.mutable_clock_reply()->set_received_at_nanos(now);
        answer.mutable_clock_reply()->set_sent_at_nanos(now);
        agent_.send(answer);
      } else if (message->has_assignment()) {
        answer.mutable_ready()->set_run_id("run-1");
        agent_.send(answer);
      } else if (message->has_level()) {
        agent_.send(word_);
      }
    }
  }

  RawAgent agent_;
  const v1::AgentMessage word_;
  std::thread thread_;
};

class OddWords : public FleetTest {
 protected:
  /// Why the agent that said `word` is lost; empty where it is not.
  std::string lost_for(const v1::AgentMessage& word) {
    listen();
    OddAgent odd(unix_address(), word);
    assemble_and_start(1);
    fleet_->send({.epoch = 1, .concurrency = 1, .budget = 5});
    pump_until([&] { return !lost_.empty() || !finished_.empty() || !batches_.empty(); });
    const std::string reason = lost_.empty() ? "" : lost_[0].reason;
    fleet_->finish(true);
    return reason;
  }
  static v1::AgentMessage done(std::int64_t finished_at, std::uint64_t epoch = 1) {
    v1::AgentMessage word;
    word.set_run_id("run-1");
    word.mutable_level_done()->set_epoch(epoch);
    word.mutable_level_done()->set_finished_at_nanos(finished_at);
    return word;
  }
  static v1::AgentMessage measured(std::uint32_t cell, std::uint64_t epoch,
                                   const std::string& run = "run-1") {
    v1::AgentMessage word;
    word.set_run_id(run);
    SnapshotBatch batch{.sequence = 1, .complete_through = 0};
    batch.seconds.emplace_back().series[{.cell = cell, .epoch = epoch}].started = 1;
    v1::SnapshotBatch message;
    to_wire(batch, message);
    word.set_batch(message.SerializeAsString());
    return word;
  }
};

TEST_F(OddWords, AnEndThatLiesFarAheadIsNoEnd) {
  EXPECT_THAT(lost_for(done(3'600'000'000'000)), HasSubstr("level 1 has ended"));
}

TEST_F(OddWords, AnEndBeforeTheRunIsNoEnd) {
  EXPECT_THAT(lost_for(done(-5)), HasSubstr("level_done.finished_at_nanos"));
}

TEST_F(OddWords, AnEndInTimeIsOne) {
  EXPECT_EQ(lost_for(done(1)), "");
}

TEST_F(OddWords, ACellThatTheRunDoesNotHaveIsNoMeasurement) {
  EXPECT_THAT(lost_for(measured(7, 1)), HasSubstr("cell 7 of 1"));
}

TEST_F(OddWords, ALevelThatWasNeverSentIsNoMeasurement) {
  EXPECT_THAT(lost_for(measured(0, 99)), HasSubstr("level 99 of 1"));
}

TEST_F(OddWords, AnInstantThatCannotBeSubtractedIsRefused) {
  v1::AgentMessage word;
  word.mutable_heartbeat_reply()->set_received_at_nanos(INT64_MIN);
  EXPECT_THAT(lost_for(word), HasSubstr("heartbeat_reply.received_at_nanos"));
}

TEST_F(OddWords, NorIsItTakenWhereItRidesWithABatch) {
  v1::AgentMessage word = measured(0, 1);
  word.mutable_heartbeat_reply()->set_sent_at_nanos(INT64_MAX);
  EXPECT_THAT(lost_for(word), HasSubstr("heartbeat_reply.sent_at_nanos"));
}

TEST_F(OddWords, WhatARecordingCouldNotReadAgainIsRefused) {
  v1::AgentMessage word = measured(0, 1);
  std::string deep = word.batch();
  for (int i = 0; i < 99; ++i) deep += static_cast<char>(15 << 3 | 3);  // a group that nobody knows begins
  for (int i = 0; i < 99; ++i) deep += static_cast<char>(15 << 3 | 4);  // and ends
  word.set_batch(deep);
  EXPECT_THAT(lost_for(word), HasSubstr("an invalid batch: it cannot be read"));
}

TEST_F(OddWords, WhatIsNoBatchIsRefused) {
  v1::AgentMessage word;
  word.set_run_id("run-1");
  word.set_batch("no batch at all");
  EXPECT_THAT(lost_for(word), HasSubstr("an invalid batch: it cannot be read"));
}

TEST_F(FleetTest, AStreamThatDoesNotBeginWithAHelloIsBroken) {
  listen();
  RawAgent rude(unix_address());
  v1::AgentMessage ready;
  ready.mutable_ready()->set_run_id("x");
  rude.send(ready);
  EXPECT_EQ(rude.next(), nullptr);
}

}  // namespace
}  // namespace kneepoint::coordinator
