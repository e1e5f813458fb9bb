// Clocks that drift apart while a run lasts.
#include <thread>
#include <vector>

#include "common/wire.h"
#include "coordinator/fleet/agent_link.h"
#include "kneepoint/v1/fleet.pb.h"
#include "tests/coordinator/fleet_fixture.h"
#include "tests/coordinator/raw_agent.h"
#include "tests/support/clock_reply.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

/// An agent whose clock runs fast by a hundredth, and that keeps what heartbeats say of the run's zero.
class FastAgent {
 public:
  explicit FastAgent(const std::string& address) : agent_(address) {
    agent_.send(RawAgent::hello("fast"));
    thread_ = std::thread([this] { run(); });
  }
  ~FastAgent() { thread_.join(); }

  std::vector<MonoTime> zeros() {
    const std::lock_guard lock(mutex_);
    return zeros_;
  }

 private:
  MonoTime clock() const {
    const MonoTime now = SystemClock().now();
    return now + (now - began_) / 100;
  }
  void run() {
    while (const auto message = agent_.next()) {
      if (message->has_clock_probe()) {
        v1::AgentMessage answer;
        *answer.mutable_clock_reply() = clock_reply(message->clock_probe(), clock());
        agent_.send(answer);
      } else if (message->has_assignment()) {
        {
          const std::lock_guard lock(mutex_);
          zeros_.emplace_back(Nanos(message->assignment().zero_nanos()));
        }
        v1::AgentMessage answer;
        answer.mutable_ready()->set_run_id("run-1");
        agent_.send(answer);
      } else if (message->has_heartbeat()) {
        {
          const std::lock_guard lock(mutex_);
          zeros_.emplace_back(Nanos(message->heartbeat().zero_nanos()));
        }
        v1::AgentMessage answer;
        *answer.mutable_heartbeat_reply() = clock_reply(message->heartbeat(), clock());
        agent_.send(answer);
      }
    }
  }

  RawAgent agent_;
  const MonoTime began_ = SystemClock().now();
  std::mutex mutex_;
  std::vector<MonoTime> zeros_;
  std::thread thread_;
};

TEST_F(FleetTest, HeartbeatsFollowAClockThatDrifts) {
  listen({.heartbeat = 20ms});
  FastAgent fast(tcp_address());
  assemble_and_start(1);
  const MonoTime began = SystemClock().now();
  EXPECT_TRUE(pump_until([&] { return fast.zeros().back() - fast.zeros().front() > 5ms; }));
  const Nanos moved = fast.zeros().back() - fast.zeros().front();
  EXPECT_GT(fleet_->agent(0).clock_drift, 5ms);
  EXPECT_LT(moved, (SystemClock().now() - began + 1s) / 100 + 5ms) << "no further than its clock has";
  fleet_->finish(true);
}

/// Welcomes one agent, gives it an assignment, and then says in every heartbeat that the zero lies an hour
/// later.
class MisledAgent {
 public:
  explicit MisledAgent(const Assignment& assignment) : assignment_(assignment) {
    auto server = LinkServer::listen({*parse_endpoint("127.0.0.1:0")},
                                     [this](LinkEvent event) { inbox_.push(std::move(event)); });
    EXPECT_TRUE(server);
    if (server) server_ = *std::move(server);
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(server_->ports().at(0)); }

  /// Until `enough` holds. @returns false when it does not within ten seconds.
  bool serve(const std::function<bool()>& enough) {
    const MonoTime until = SystemClock().now() + 10s;
    MonoTime beat_at = until;
    while (!enough() && SystemClock().now() < until) {
      if (const auto event = inbox_.pop_until(std::min(beat_at, SystemClock().now() + 10ms)))
        on(*event, beat_at);
      if (SystemClock().now() < beat_at) continue;
      beat_at = SystemClock().now() + 10ms;
      v1::CoordinatorMessage beat;
      beat.mutable_heartbeat()->set_zero_nanos((assignment_.zero + 1h).time_since_epoch().count());
      link_->send(beat);
    }
    return enough();
  }

 private:
  void on(const LinkEvent& event, MonoTime& beat_at) {
    const auto* message = std::get_if<std::shared_ptr<const v1::AgentMessage>>(&event.what);
    if (message == nullptr) return;
    v1::CoordinatorMessage answer;
    if ((*message)->has_hello()) {
      link_ = event.link;
      answer.mutable_welcome();
      link_->send(answer);
      to_wire(assignment_, *answer.mutable_assignment());
      link_->send(answer);
    } else if ((*message)->has_ready()) {
      beat_at = SystemClock().now();
    }
    event.link->processed();
  }

  const Assignment assignment_;
  EventQueue<LinkEvent> inbox_;
  std::shared_ptr<AgentLink> link_;
  std::unique_ptr<LinkServer> server_;
};

TEST_F(FleetTest, AnAgentFollowsItsZeroSlowlyWhateverItIsTold) {
  Assignment told = assignment();
  told.zero = SystemClock().now();
  MisledAgent coordinator(told);
  const MonoTime began = SystemClock().now();
  TestAgent agent(coordinator.address(), "a");
  ASSERT_TRUE(coordinator.serve([&] { return agent.log->read().zeros.size() >= 5; }));
  const auto zeros = agent.log->read().zeros;
  const Nanos passed = SystemClock().now() - began;
  MonoTime before = told.zero;
  for (const MonoTime zero : zeros) {
    EXPECT_GT(zero, before);
    before = zero;
  }
  EXPECT_LE(before - told.zero, passed / agent::RunClock::kPassedPerMove);
}

}  // namespace
}  // namespace kneepoint::coordinator
