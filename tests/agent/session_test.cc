// An agent's session against a coordinator that says what no coordinator should, in time that the test moves.
#include "agent/session/agent_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "common/wire.h"
#include "common/wire_check.h"
#include "kneepoint/v1/fleet.pb.h"
#include "tests/support/fake_engine.h"
#include "tests/support/levels.h"
#include "tests/support/manual_clock.h"
#include "tests/support/small_assignment.h"

namespace kneepoint::agent {
namespace {

using namespace std::chrono_literals;

/// Nobody waits by it: a turn whose deadline is now takes what is there.
class TestClock final : public WaitableClock {
 public:
  MonoTime now() const override { return clock_.now(); }
  RealTime real_now() const override { return clock_.real_now(); }
  void wait(std::unique_lock<std::mutex>&, std::condition_variable&, MonoTime deadline) override {
    clock_.set(deadline.time_since_epoch());
  }
  void move_to(MonoTime at) { clock_.set(at.time_since_epoch()); }

 private:
  ManualClock clock_;
};

/// A session, and the coordinator's end of whatever it dials.
class Talk {
 public:
  explicit Talk(std::uint64_t seed = 1) {
    AgentSession::Options options;
    options.name = "a";
    options.seed = seed;
    options.clock = &clock_;
    options.dial = [this](std::uint64_t id, CoordinatorLink::Sink sink) {
      dialled_.push_back(clock_.now());
      link_ = id;
      sink_ = std::move(sink);
      return std::make_unique<Link>();
    };
    session_ = std::make_unique<AgentSession>(options, FakeEngine::factory(log_));
    session_->begin();
  }

  void tell(v1::CoordinatorMessage message) {
    hear({link_, clock_.now(), std::make_shared<const v1::CoordinatorMessage>(std::move(message))});
  }
  void break_link() { hear({link_, clock_.now(), LinkClosed{"the coordinator is gone"}}); }
  void pass(Nanos time) { clock_.move_to(clock_.now() + time); }
  /// What is due next happens.
  void pass_time() {
    const MonoTime due = session_->next_deadline();
    if (due > clock_.now()) clock_.move_to(due);
    turn();
  }
  /// Welcome, an assignment, and a level that runs.
  void begin_load() {
    v1::CoordinatorMessage welcome;
    welcome.mutable_welcome();
    tell(welcome);
    v1::CoordinatorMessage message;
    to_wire(small_assignment("run", clock_.now()), *message.mutable_assignment());
    tell(message);
    beat(clock_.now().time_since_epoch().count());
    v1::CoordinatorMessage level;
    to_wire(part_of({.epoch = 1, .concurrency = 4}, 0, 1), *level.mutable_level());
    tell(level);
  }
  void beat(std::int64_t zero_nanos) {
    v1::CoordinatorMessage message;
    message.mutable_heartbeat()->set_zero_nanos(zero_nanos);
    tell(message);
  }
  void drain(std::int64_t limit_nanos) {
    v1::CoordinatorMessage message;
    message.mutable_drain()->set_limit_nanos(limit_nanos);
    tell(message);
  }

  const std::vector<MonoTime>& dialled() const { return dialled_; }
  EngineLog::State engine() { return log_->read(); }
  AgentSession& session() { return *session_; }

 private:
  class Link final : public CoordinatorLink {
   public:
    void send(v1::AgentMessage) override {}
    void processed() override {}
    void finish() override {}
  };
  void hear(LinkEvent event) {
    sink_(std::move(event));
    turn();
  }
  void turn() {
    while (session_->turn(clock_.now())) {
    }
  }

  TestClock clock_;
  const std::shared_ptr<EngineLog> log_ = std::make_shared<EngineLog>();
  std::vector<MonoTime> dialled_;
  std::uint64_t link_ = 0;
  CoordinatorLink::Sink sink_;
  std::unique_ptr<AgentSession> session_;
};

constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
constexpr auto kMost = std::numeric_limits<std::int64_t>::max();

TEST(AgentSession, ADrainMayLastForNoLongerThanANumberThatCanBeAdded) {
  for (const auto& [asked, given] : {std::pair{kMost, Nanos(wire::kMaxDuration)}, std::pair{kLeast, Nanos(0)},
                                     std::pair{std::int64_t{-1}, Nanos(0)}}) {
    Talk talk;
    talk.begin_load();
    ASSERT_EQ(talk.engine().levels.size(), 1u);
    talk.drain(asked);
    EXPECT_THAT(talk.engine().drains, testing::ElementsAre(given));
  }
}

TEST(AgentSession, AZeroThatCannotBeIsNotFollowed) {
  Talk talk;
  talk.begin_load();
  ASSERT_EQ(talk.engine().made, 1);
  talk.pass(1s);
  for (const auto zero : {kLeast, kMost, (std::int64_t{1} << 61) + 1, -(std::int64_t{1} << 61) - 1})
    talk.beat(zero);
  EXPECT_THAT(talk.engine().zeros, testing::IsEmpty());
  EXPECT_THAT(talk.engine().drains, testing::IsEmpty()) << "the load goes on";
  talk.beat(5'000'000);
  EXPECT_THAT(talk.engine().zeros, testing::ElementsAre(MonoTime(500us))) << "slowly";
}

/// When a session that loses its coordinator dials again, time after time.
std::vector<MonoTime> redials(std::uint64_t seed, std::size_t times) {
  Talk talk(seed);
  talk.begin_load();
  while (talk.dialled().size() <= times) {
    const std::size_t before = talk.dialled().size();
    talk.break_link();
    while (talk.dialled().size() == before && !talk.session().ended()) talk.pass_time();
    if (talk.session().ended()) break;
  }
  return talk.dialled();
}

TEST(AgentSession, ThoseThatLoseACoordinatorTogetherDoNotComeBackTogether) {
  std::set<MonoTime> first, third;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto at = redials(seed, 3);
    ASSERT_EQ(at.size(), 4u);
    first.insert(at[1]);
    third.insert(at[3]);
  }
  EXPECT_GT(first.size(), 90u);
  EXPECT_GT(third.size(), 90u);
  EXPECT_GT(*third.rbegin() - *third.begin(), 20ms) << "spread, the wider the longer it takes";
}

}  // namespace
}  // namespace kneepoint::agent
