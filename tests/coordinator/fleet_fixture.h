#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "agent/session/agent_session.h"
#include "coordinator/fleet/fleet.h"
#include "coordinator/fleet/local_agents.h"
#include "tests/support/fake_engine.h"
#include "tests/support/levels.h"
#include "tests/support/small_assignment.h"

namespace kneepoint::coordinator {

/// An agent session with a fake engine on a thread of its own.
class TestAgent {
 public:
  TestAgent(const std::string& address, const std::string& name, agent::AgentSession::Options options = {})
      : log(std::make_shared<agent::EngineLog>()) {
    options.coordinator = *parse_endpoint(address);
    options.name = name;
    options.collect_period = std::chrono::milliseconds(20);
    options.collect_delay = std::chrono::milliseconds(0);
    session_ = std::make_unique<agent::AgentSession>(options, agent::FakeEngine::factory(log));
    end_ = std::async(std::launch::async, [this] { return session_->run(); });
  }
  ~TestAgent() {
    // Twice: at once.
    session_->request_stop("the test is over");
    session_->request_stop("the test is over");
  }

  bool ended() const { return end_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }
  void stop() { session_->request_stop("told to stop"); }
  /// How the session ended; fails the test when it does not.
  agent::SessionEnd end() {
    if (end_.wait_for(std::chrono::seconds(10)) != std::future_status::ready) {
      ADD_FAILURE() << "the session goes on";
      return {};
    }
    return end_.get();
  }

  const std::shared_ptr<agent::EngineLog> log;

 private:
  std::unique_ptr<agent::AgentSession> session_;
  std::future<agent::SessionEnd> end_;
};

/// A real fleet over real gRPC, in this process.
class FleetTest : public testing::Test {
 protected:
  static constexpr std::chrono::seconds kLimit{10};

  /// Listens on a private Unix socket and on loopback TCP.
  void listen(Fleet::Options options = {}) {
    options.listen = {socket_.address(), "127.0.0.1:0"};
    auto fleet = Fleet::listen(options);
    ASSERT_TRUE(fleet) << fleet.error().message;
    fleet_ = *std::move(fleet);
  }
  const std::string& unix_address() const { return fleet_->addresses()[0]; }
  const std::string& tcp_address() const { return fleet_->addresses()[1]; }

  static Assignment assignment(const std::string& run_id = "run-1") { return small_assignment(run_id); }

  void assemble_and_start(std::size_t agents) {
    const auto assembled = fleet_->assemble({agents}, kLimit);
    ASSERT_TRUE(assembled) << assembled.error().message;
    const auto started = fleet_->start(assignment());
    ASSERT_TRUE(started) << started.error().message;
  }

  /// Takes events until `condition` holds; false when it does not within the limit.
  bool pump_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kLimit;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      if (auto event = fleet_->wait(std::chrono::milliseconds(10))) take(std::move(*event));
    }
    return true;
  }

  void take(FleetEvent event) {
    if (auto* batch = std::get_if<BatchArrived>(&event)) {
      batches_[batch->agent].push_back(batch->batch.sequence);
      fleet_->recorded(batch->agent, batch->batch.sequence);
      requests_[batch->agent] += batch->batch.seconds.at(0).series.begin()->second.started;
    } else if (auto* lost = std::get_if<AgentLost>(&event)) {
      lost_.push_back(*lost);
    } else if (auto* joined = std::get_if<AgentJoined>(&event)) {
      joined_.push_back(joined->agent);
    } else {
      finished_.push_back(std::get<LevelFinished>(event));
    }
  }

  PrivateSocket socket_ = *PrivateSocket::create();
  std::unique_ptr<Fleet> fleet_;
  std::map<std::uint32_t, std::vector<std::uint64_t>> batches_;  ///< Sequences by agent.
  std::map<std::uint32_t, std::uint64_t> requests_;
  std::vector<AgentLost> lost_;
  std::vector<std::uint32_t> joined_;
  std::vector<LevelFinished> finished_;
};

}  // namespace kneepoint::coordinator
