#include "agent/session/coordinator_link.h"
#include "common/event_queue.h"
#include "common/version.h"
#include "kneepoint/v1/fleet.pb.h"
#include "tests/coordinator/fleet_fixture.h"
#include "tests/support/relay.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using agent::ExitCode;
using testing::HasSubstr;

/// A fleet of one agent behind a relay, with load applied and batches flowing.
class RelayedFleetTest : public FleetTest {
 protected:
  void begin(const agent::AgentSession::Options& options = {}, Nanos silence_limit = 5s) {
    listen(silence_limit);
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

  std::unique_ptr<Relay> relay_;
  std::unique_ptr<TestAgent> agent_;
};

TEST_F(RelayedFleetTest, ACutLinkLosesTheAgentButNoSecond) {
  begin();
  // Nothing is taken while these arrive: they are sent again after the cut, though they had been received.
  const int before = agent_->log->read().collected;
  ASSERT_TRUE(agent_->log->wait_for([&](const auto& state) { return state.collected >= before + 5; }));
  relay_->cut();
  EXPECT_TRUE(load_stopped());
  ASSERT_TRUE(pump_until([&] { return !lost_.empty(); }));
  EXPECT_EQ(lost_[0].agent, 0u);

  // The same process dials again and hands over the rest; the run is over for it.
  fleet_->drain(0s);
  ASSERT_TRUE(pump_until([&] { return batches_[0].size() > 10 && fleet_->drained(); }));
  for (std::size_t i = 0; i < batches_[0].size(); ++i)
    ASSERT_EQ(batches_[0][i], i + 1) << "each once, in order";
  EXPECT_EQ(requests_[0], batches_[0].size());
  EXPECT_EQ(lost_.size(), 1u);
  fleet_->finish(true);
  EXPECT_EQ(agent_->end().code, ExitCode::kDone);
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
  ASSERT_TRUE(collects(3));
  ASSERT_TRUE(pump_until([&] { return agent_->ended(); }));
  EXPECT_TRUE(pump_until([&] { return batches_[0].size() >= before; }));
  for (std::size_t i = 0; i < batches_[0].size(); ++i)
    ASSERT_EQ(batches_[0][i], i + 1) << "each once, in order";
  EXPECT_EQ(agent_->end().code, ExitCode::kInterrupted);
}

TEST_F(RelayedFleetTest, AnAgentThatFallsSilentIsLost) {
  begin({}, 300ms);
  relay_->freeze();
  ASSERT_TRUE(pump_until([&] { return !lost_.empty(); }));
  EXPECT_THAT(lost_[0].reason, HasSubstr("nothing came from it"));
}

TEST_F(RelayedFleetTest, AFrozenCoordinatorStopsTheLoad) {
  begin({.silence_limit = 200ms});
  relay_->freeze();
  EXPECT_TRUE(pump_until([&] { return !agent_->log->read().drains.empty(); }));
  EXPECT_EQ(agent_->log->read().drains[0], 0ns);
}

TEST_F(RelayedFleetTest, ACoordinatorThatTakesNothingStopsTheLoad) {
  // The connection is alive, but the thread that decides is not: nothing is acknowledged.
  begin({.silence_limit = 200ms});
  EXPECT_TRUE(load_stopped());
}

TEST_F(RelayedFleetTest, ALostCoordinatorStopsTheLoadAndThenTheAgent) {
  begin({.join_timeout = 200ms});
  relay_->shut();
  EXPECT_TRUE(load_stopped());
  const auto end = agent_->end();
  EXPECT_EQ(end.code, ExitCode::kFleet);
}

/// Speaks the protocol by hand, as no real agent would.
class RawAgent {
 public:
  explicit RawAgent(const std::string& address)
      : link_(*parse_endpoint(address), 1,
              [this](agent::LinkEvent event) { inbox_.push(std::move(event)); }) {}

  static v1::AgentMessage hello(const std::string& name,
                                const std::string& version = std::string(kneepoint::version())) {
    v1::AgentMessage message;
    message.mutable_hello()->set_name(name);
    message.mutable_hello()->set_boot_id("boot-" + name);
    message.mutable_hello()->set_version(version);
    return message;
  }
  void send(v1::AgentMessage message) { link_.send(std::move(message)); }
  /// The next message, or null when the stream has ended or nothing comes for a while.
  std::shared_ptr<const v1::CoordinatorMessage> next(Nanos limit = 10s) {
    auto event = inbox_.pop_until(SystemClock().now() + limit);
    if (!event || std::holds_alternative<agent::LinkClosed>(event->what)) return nullptr;
    return std::get<0>(event->what);
  }

 private:
  EventQueue<agent::LinkEvent> inbox_;
  agent::CoordinatorLink link_;
};

TEST_F(FleetTest, AnotherVersionIsTurnedAway) {
  listen();
  RawAgent old(unix_address());
  old.send(RawAgent::hello("old", "0.0.0-other"));
  std::shared_ptr<const v1::CoordinatorMessage> answer;
  EXPECT_FALSE(fleet_->assemble(1, kLimit, [&]() -> Result<void> {
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
  ASSERT_TRUE(fleet_->assemble(2, kLimit));
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
        answer.mutable_batch()->set_sequence(1);
        answer.mutable_batch()->add_seconds()->set_second(-5);
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
