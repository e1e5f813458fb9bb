// Many agents that load nothing, in one process: each speaks the whole protocol over a connection of its own
// and hands over, once a second, a second that was made up before. What is left is the coordinator's part.
// Prints one JSON object when the run is over.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/session/coordinator_link.h"
#include "common/build_identity.h"
#include "common/descriptor_limit.h"
#include "common/event_queue.h"
#include "common/whole_seconds.h"
#include "common/wire.h"
#include "kneepoint/v1/fleet.pb.h"
#include "kneepoint/v1/measurement.pb.h"
#include "tests/bench/synthetic_second.h"
#include "tests/support/clock_reply.h"

namespace {

using namespace kneepoint;
using agent::CoordinatorLink;
using agent::LinkClosed;
using agent::LinkEvent;

constexpr Nanos kSecond = std::chrono::seconds(1);
/// As an agent: just after a second has ended.
constexpr Nanos kCollectDelay = std::chrono::milliseconds(100);
/// Different seconds that take turns.
constexpr std::uint64_t kTemplates = 32;

MonoTime mono_now() {
  return SystemClock().now();
}

struct SimulatedAgent {
  std::unique_ptr<CoordinatorLink> link;
  std::string run_id;
  MonoTime zero{};
  std::map<std::int64_t, LoadLevel> levels;  // by the second from which each is in force
  std::optional<v1::ClockReply> heartbeat_reply;
  std::uint64_t sequence = 0;
  std::int64_t collected = -1;  // the last second
  bool ready = false, drained = false, complete = false;
};

class SimulatedAgents {
 public:
  SimulatedAgents(const Endpoint& coordinator, std::uint64_t count)
      : coordinator_(coordinator), agents_(count) {
    for (std::uint64_t seed = 0; seed < kTemplates; ++seed) {
      SnapshotBatch batch{.in_flight = kSyntheticStreams, .active_slots = kSyntheticStreams};
      batch.seconds.push_back(synthetic_second(seed, 0, 0));
      to_wire(batch, templates_.emplace_back());
    }
  }

  /// @returns whether every agent heard that the run is complete.
  bool run() {
    begun_ = mono_now();
    for (std::uint64_t i = 0; i < agents_.size(); ++i) dial(i);
    while (open_ > 0) {
      if (const auto event = inbox_.pop_until(next_collection())) on(*event);
      if (mono_now() >= next_collection()) collect();
    }
    return std::all_of(agents_.begin(), agents_.end(), [](const auto& agent) { return agent.complete; });
  }

  std::string json() const {
    return fmt::format(R"({{"assembled_seconds": {:.2f}, "batches": {}, "batch_bytes": {}}})",
                       to_seconds(loaded_at_ - begun_), batches_, batches_ == 0 ? 0 : bytes_ / batches_);
  }

 private:
  void dial(std::uint64_t number) {
    agents_[number].link = CoordinatorLink::dial(coordinator_, number,
                                                 [this](LinkEvent event) { inbox_.push(std::move(event)); });
    ++open_;
    v1::AgentMessage message;
    v1::Hello& hello = *message.mutable_hello();
    hello.set_name(fmt::format("agent-{:04}", number));
    hello.set_boot_id(fmt::format("boot-{}", number));
    hello.set_version(build_identity());
    hello.set_threads(1);
    hello.set_cpus(1);
    agents_[number].link->send(std::move(message));
  }

  void on(const LinkEvent& event) {
    SimulatedAgent& agent = agents_[event.link];
    if (const auto* closed = std::get_if<LinkClosed>(&event.what)) {
      if (!agent.complete) fmt::print(stderr, "agent {}: {}\n", event.link, closed->reason);
      --open_;
      return;
    }
    agent.link->processed();
    const v1::CoordinatorMessage& message = *std::get<0>(event.what);
    if (message.has_clock_probe()) {
      v1::AgentMessage answer;
      *answer.mutable_clock_reply() = clock_reply(message.clock_probe(), event.at);
      answer.mutable_clock_reply()->set_sent_at_nanos(mono_now().time_since_epoch().count());
      agent.link->send(std::move(answer));
    } else if (message.has_heartbeat()) {
      if (agent.drained) return;
      agent.heartbeat_reply = clock_reply(message.heartbeat(), event.at);
    } else if (message.has_assignment()) {
      agent.run_id = message.assignment().run_id();
      agent.zero = MonoTime(Nanos(message.assignment().zero_nanos()));
      zero_ = agent.zero;
      agent.ready = true;
      v1::AgentMessage answer;
      answer.mutable_ready()->set_run_id(agent.run_id);
      agent.link->send(std::move(answer));
    } else if (message.has_level()) {
      if (auto level = from_wire(message.level()))
        agent.levels[second_of(level->effective_at)] = *std::move(level);
      loaded_at_ = std::max(loaded_at_, agent.levels.size() == 1 ? event.at : loaded_at_);
    } else if (message.has_drain() && !agent.drained) {
      agent.drained = true;
      v1::AgentMessage answer;
      answer.set_run_id(agent.run_id);
      answer.mutable_drained()->set_last_sequence(agent.sequence);
      agent.link->send(std::move(answer));
    } else if (message.has_finish()) {
      agent.complete = message.finish().complete();
      agent.link->finish();
    } else if (message.has_rejected()) {
      fmt::print(stderr, "agent {}: {}\n", event.link, message.rejected().reason());
    }
  }

  MonoTime next_collection() const {
    if (!zero_) return mono_now() + kSecond;
    return *zero_ + (collected_ + 2) * kSecond + kCollectDelay;
  }

  void collect() {
    if (!zero_) return;
    ++collected_;
    for (std::uint64_t i = 0; i < agents_.size(); ++i) {
      SimulatedAgent& agent = agents_[i];
      if (agent.ready && !agent.drained) send_second(agent, i);
    }
  }

  void send_second(SimulatedAgent& agent, std::uint64_t number) {
    const auto after = agent.levels.upper_bound(collected_);
    const LoadLevel level = after == agent.levels.begin() ? LoadLevel{} : std::prev(after)->second;
    v1::AgentMessage message;
    message.set_run_id(agent.run_id);
    v1::SnapshotBatch batch;
    if (level.concurrency > 0) {
      batch = templates_[(number + static_cast<std::uint64_t>(collected_)) % kTemplates];
      for (v1::SecondSnapshot& second : *batch.mutable_seconds()) {
        second.set_second(collected_);
        for (v1::SeriesSecond& series : *second.mutable_series()) series.set_epoch(level.epoch);
      }
    }
    batch.set_sequence(++agent.sequence);
    batch.set_complete_through(collected_);
    batch.SerializeToString(message.mutable_batch());
    if (agent.heartbeat_reply) {
      *message.mutable_heartbeat_reply() = *std::exchange(agent.heartbeat_reply, std::nullopt);
      message.mutable_heartbeat_reply()->set_sent_at_nanos(mono_now().time_since_epoch().count());
    }
    ++batches_;
    bytes_ += message.ByteSizeLong();
    agent.link->send(std::move(message));
  }

  const Endpoint coordinator_;
  std::vector<v1::SnapshotBatch> templates_;
  EventQueue<LinkEvent> inbox_;
  std::size_t open_ = 0;
  MonoTime begun_{}, loaded_at_{};
  std::optional<MonoTime> zero_;
  std::int64_t collected_ = -1;
  std::uint64_t batches_ = 0, bytes_ = 0;
  std::vector<SimulatedAgent> agents_;  // last: their links push into the inbox
};

}  // namespace

int main(int argc, char** argv) {
  std::string coordinator;
  std::uint64_t agents = 10;
  CLI::App app{"Agents that load nothing and report a busy second every second."};
  app.add_option("--coordinator", coordinator)->required();
  app.add_option("--agents", agents)->check(CLI::Range(1, 10'000))->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const auto endpoint = parse_endpoint(coordinator);
  if (!endpoint) return 2;
  raise_descriptor_limit();
  SimulatedAgents simulated(*endpoint, agents);
  const bool complete = simulated.run();
  fmt::print("{}\n", simulated.json());
  return complete ? 0 : 1;
}
