// What agents say that no agent of ours would: each costs its own agent, and nobody else anything.
#include <algorithm>
#include <thread>

#include "common/wire.h"
#include "kneepoint/v1/fleet.pb.h"
#include "kneepoint/v1/measurement.pb.h"
#include "tests/coordinator/fleet_fixture.h"
#include "tests/coordinator/raw_agent.h"
#include "tests/support/clock_reply.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

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

/// Else it would try again until its time is over, and say that there is no coordinator.
TEST_F(FleetTest, WhoseHelloIsInvalidHearsWhy) {
  listen();
  for (const std::string& name : {std::string(), std::string(201, 'x'), std::string("a\nb")}) {
    RawAgent odd(unix_address());
    odd.send(RawAgent::hello(name));
    const auto answer = odd.next();
    ASSERT_TRUE(answer && answer->has_rejected()) << name;
    EXPECT_THAT(answer->rejected().reason(), HasSubstr("hello.name: an agent's name"));
  }
}

TEST_F(FleetTest, BeforeTheAssignmentNothingIsOfTheRun) {
  listen();
  RawAgent eager(unix_address());
  eager.send(RawAgent::hello("eager"));
  ASSERT_TRUE(fleet_->assemble({1}, kLimit));
  v1::AgentMessage word;
  word.mutable_ready();
  eager.send(word);
  word.mutable_drained();
  eager.send(word);
  std::thread answering([&] {
    while (const auto message = eager.next()) {
      v1::AgentMessage answer;
      if (message->has_clock_probe()) {
        *answer.mutable_clock_reply() = clock_reply(message->clock_probe(), SystemClock().now());
      } else if (message->has_assignment()) {
        answer.mutable_refused()->set_reason("it was not ready");
      } else {
        continue;
      }
      eager.send(answer);
    }
  });
  const auto started = fleet_->start(assignment());
  fleet_->finish(false);
  answering.join();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("it was not ready"));
}

/// One that makes itself ready has no number yet: its word counted as that of agent 0.
TEST_F(FleetTest, ALatecomerEndsNobodysBudget) {
  listen();
  TestAgent good(unix_address(), "good");
  while (!fleet_->assemble({.expected = 2, .least = 1}, 1ms)) {
  }
  ASSERT_TRUE(fleet_->start(assignment()));
  fleet_->send({.epoch = 1, .concurrency = 1});
  RawAgent late(unix_address());
  late.send(RawAgent::hello("late"));
  std::thread answering([&] {
    while (const auto message = late.next()) {
      v1::AgentMessage answer;
      if (message->has_clock_probe()) {
        *answer.mutable_clock_reply() = clock_reply(message->clock_probe(), SystemClock().now());
        late.send(answer);
      } else if (message->has_assignment()) {
        answer.set_run_id("run-1");
        answer.mutable_level_done()->set_epoch(1);
        late.send(answer);
        answer.mutable_ready()->set_run_id("run-1");
        late.send(answer);
      }
    }
  });
  EXPECT_TRUE(pump_until([&] { return !joined_.empty(); }));
  EXPECT_TRUE(finished_.empty());
  fleet_->finish(true);
  answering.join();
}

/// It answers every heartbeat, and no row would ever be complete with it.
TEST_F(FleetTest, OneWhoseSecondsStandStillIsLost) {
  listen({.still_limit = 200ms, .heartbeat = 20ms});
  RawAgent still(unix_address());
  still.send(RawAgent::hello("still"));
  ASSERT_TRUE(fleet_->assemble({1}, kLimit));
  std::thread answering([&] {
    std::uint64_t sequence = 0;
    while (const auto message = still.next()) {
      v1::AgentMessage answer;
      if (message->has_clock_probe()) {
        *answer.mutable_clock_reply() = clock_reply(message->clock_probe(), SystemClock().now());
      } else if (message->has_assignment()) {
        answer.mutable_ready()->set_run_id("run-1");
      } else if (message->has_heartbeat()) {
        v1::SnapshotBatch batch;
        batch.set_sequence(++sequence);
        batch.set_complete_through(0);
        answer.set_run_id("run-1");
        answer.set_batch(batch.SerializeAsString());
      } else {
        continue;
      }
      still.send(answer);
    }
  });
  ASSERT_TRUE(fleet_->start(assignment()));
  const MonoTime until = SystemClock().now() + kLimit;
  while (lost_.empty() && SystemClock().now() < until) {
    auto event = fleet_->wait(10ms);
    if (const auto* lost = event ? std::get_if<AgentLost>(&*event) : nullptr) lost_.push_back(*lost);
  }
  ASSERT_EQ(lost_.size(), 1u);
  EXPECT_THAT(lost_[0].reason, HasSubstr("has measured nothing for 0.2 s"));
  fleet_->finish(true);
  answering.join();
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
        *answer.mutable_clock_reply() = clock_reply(message->clock_probe(), SystemClock().now());
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
        *answer.mutable_clock_reply() = clock_reply(message->clock_probe(), SystemClock().now());
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
    SnapshotBatch batch{.sequence = 1, .complete_through = 0};
    batch.seconds.emplace_back().series[{.cell = cell, .epoch = epoch}].started = 1;
    return handed_over(batch, run);
  }
  static v1::AgentMessage handed_over(const SnapshotBatch& batch, const std::string& run = "run-1") {
    v1::AgentMessage word;
    word.set_run_id(run);
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

TEST_F(OddWords, ASecondThatLiesFarAheadIsNoMeasurement) {
  SnapshotBatch batch{.sequence = 1, .complete_through = 0};
  batch.seconds.push_back({.second = 30'000'000});
  EXPECT_THAT(lost_for(handed_over(batch)), HasSubstr("its second 30000000 lies ahead"));
}

TEST_F(OddWords, NorIsWhatIsSaidToBeCompleteFarAhead) {
  EXPECT_THAT(lost_for(handed_over({.sequence = 1, .complete_through = 31'000'000})),
              HasSubstr("its second 31000000 lies ahead"));
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
