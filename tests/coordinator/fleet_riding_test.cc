// A second of an agent takes one message each way: what can wait for the next message rides with it.
#include <thread>
#include <vector>

#include "common/wire.h"
#include "kneepoint/v1/fleet.pb.h"
#include "kneepoint/v1/measurement.pb.h"
#include "tests/coordinator/fleet_fixture.h"
#include "tests/coordinator/raw_agent.h"
#include "tests/support/clock_reply.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

/// Joins, and then hands over one batch for each level that it is sent; keeps what it hears.
class Listener {
 public:
  Listener(const std::string& address, bool more) : agent_(address), more_(more) {
    agent_.send(RawAgent::hello("listener"));
    thread_ = std::thread([this] { run(); });
  }
  ~Listener() { thread_.join(); }

  std::vector<v1::CoordinatorMessage> heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  void run() {
    while (const auto message = agent_.next()) {
      v1::AgentMessage answer;
      answer.set_run_id("run-1");
      if (message->has_clock_probe()) {
        *answer.mutable_clock_reply() = clock_reply(message->clock_probe(), SystemClock().now());
        agent_.send(answer);
      } else if (message->has_assignment()) {
        answer.mutable_ready()->set_run_id("run-1");
        agent_.send(answer);
      } else if (message->has_level()) {
        SnapshotBatch batch{.sequence = ++sequence_, .complete_through = 0};
        batch.seconds.emplace_back().series[{}].started = 1;
        v1::SnapshotBatch sent;
        to_wire(batch, sent);
        answer.set_batch(sent.SerializeAsString());
        answer.set_more(more_);
        agent_.send(answer);
      }
      const std::lock_guard lock(mutex_);
      heard_.push_back(*message);
    }
  }

  RawAgent agent_;
  const bool more_;
  std::uint64_t sequence_ = 0;
  mutable std::mutex mutex_;
  std::vector<v1::CoordinatorMessage> heard_;
  std::thread thread_;
};

bool alone(const v1::CoordinatorMessage& message) {
  return message.has_ack() && message.message_case() == v1::CoordinatorMessage::MESSAGE_NOT_SET;
}
bool acknowledges(const v1::CoordinatorMessage& message) {
  return message.has_ack() && message.ack().sequence() == 1;
}

class Riding : public FleetTest {
 protected:
  /// What one agent heard until its only batch was acknowledged as recorded.
  std::vector<v1::CoordinatorMessage> heard_with(bool more) {
    listen({.heartbeat = 20ms});
    Listener listener(tcp_address(), more);
    assemble_and_start(1);
    fleet_->send({.epoch = 1, .concurrency = 1});
    EXPECT_TRUE(pump_until([&] {
      const auto heard = listener.heard();
      return std::any_of(heard.begin(), heard.end(), acknowledges);
    }));
    auto heard = listener.heard();
    fleet_->finish(true);
    return heard;
  }
};

TEST_F(Riding, AnAcknowledgementComesWithAHeartbeat) {
  for (const v1::CoordinatorMessage& message : heard_with(false)) {
    EXPECT_FALSE(alone(message)) << message.ShortDebugString();
    EXPECT_EQ(message.has_ack(), message.has_heartbeat()) << message.ShortDebugString();
  }
}

TEST_F(Riding, ItComesAtOnceToAnAgentThatHoldsBatchesBack) {
  const auto heard = heard_with(true);
  EXPECT_TRUE(std::any_of(heard.begin(), heard.end(), alone));
}

/// The agent's end of a link; what is sent stays here.
class FakeLink final : public agent::CoordinatorLink {
 public:
  explicit FakeLink(std::vector<v1::AgentMessage>& sent) : sent_(sent) {}
  void send(v1::AgentMessage message) override { sent_.push_back(std::move(message)); }
  void processed() override {}
  void finish() override {}

 private:
  std::vector<v1::AgentMessage>& sent_;
};

class RidingBack : public testing::Test {
 protected:
  /// An agent that has joined and, where it is given a run, measures. @param period of its batches.
  void join(Nanos period, bool with_run = true, agent::BatchOutbox::Limits outbox = {}) {
    agent::AgentSession::Options options;
    options.outbox = outbox;
    options.coordinator = *parse_endpoint("127.0.0.1:1");
    options.collect_period = period;
    options.collect_delay = 0ms;
    options.dial = [this](std::uint64_t id, agent::CoordinatorLink::Sink sink) {
      say_ = [id, sink = std::move(sink)](v1::CoordinatorMessage message) {
        sink({id, SystemClock().now(), std::make_shared<const v1::CoordinatorMessage>(std::move(message))});
      };
      return std::make_unique<FakeLink>(sent_);
    };
    session_.emplace(options, agent::FakeEngine::factory(std::make_shared<agent::EngineLog>()));
    session_->begin();
    v1::CoordinatorMessage welcome;
    welcome.mutable_welcome();
    hears(welcome);
    if (!with_run) return;
    v1::CoordinatorMessage message;
    to_wire(small_assignment("run-1", SystemClock().now()), *message.mutable_assignment());
    hears(message);
    // Not the last one where this process had to wait: the first period may be over by then.
    ASSERT_TRUE(std::any_of(sent_.begin(), sent_.end(), [](auto& each) { return each.has_ready(); }));
  }
  void hears(const v1::CoordinatorMessage& message) {
    say_(message);
    session_->turn(SystemClock().now());
  }
  void hears_heartbeat(std::uint32_t id) {
    v1::CoordinatorMessage message;
    message.mutable_heartbeat()->set_id(id);
    hears(message);
  }
  /// The ids of the heartbeats that have been answered, and whether each answer came with a batch.
  std::vector<std::pair<std::uint32_t, bool>> answered() const {
    std::vector<std::pair<std::uint32_t, bool>> answers;
    for (const v1::AgentMessage& message : sent_) {
      if (message.has_heartbeat_reply())
        answers.emplace_back(message.heartbeat_reply().id(), message.has_batch());
    }
    return answers;
  }
  using Answers = std::vector<std::pair<std::uint32_t, bool>>;

  std::vector<v1::AgentMessage> sent_;
  std::function<void(v1::CoordinatorMessage)> say_;
  std::optional<agent::AgentSession> session_;
};

TEST_F(RidingBack, AHeartbeatIsAnsweredWithTheNextBatch) {
  join(1ms);
  hears_heartbeat(7);
  while (answered().empty()) session_->turn(session_->next_deadline());
  EXPECT_EQ(answered(), (Answers{{7, true}}));
}

TEST_F(RidingBack, ItDoesNotWaitForOneThatIsFar) {
  join(1h);
  hears_heartbeat(7);
  EXPECT_EQ(answered(), (Answers{{7, false}}));
}

TEST_F(RidingBack, ItDoesNotWaitForOneThatIsHeldBack) {
  join(1ms, true, {.bytes_on_the_way = 1});
  const auto batches = [&] {
    return std::count_if(sent_.begin(), sent_.end(), [](auto& message) { return message.has_batch(); });
  };
  while (batches() == 0) session_->turn(session_->next_deadline());
  // Nothing is acknowledged, so that no other batch goes.
  hears_heartbeat(7);
  hears_heartbeat(8);
  EXPECT_EQ(answered(), (Answers{{8, false}}));
}

TEST_F(RidingBack, WhoHasNoBatchToComeAnswersAtOnce) {
  join(1h, false);
  hears_heartbeat(7);
  EXPECT_EQ(answered(), (Answers{{7, false}}));
}

}  // namespace
}  // namespace kneepoint::coordinator
