#include "tests/faults/agents.h"

#include <algorithm>
#include <utility>

#include "kneepoint/v1/fleet.pb.h"

namespace kneepoint::faults {

Agent::Agent(World& world, Network& network, Host& host, Ledger& ledger, std::string name, std::uint64_t seed,
             unsigned threads)
    : world_(world),
      network_(network),
      host_(host),
      ledger_(ledger),
      name_(std::move(name)),
      random_(seed),
      threads_(threads),
      process_(world) {}

Agent::~Agent() {
  kill(false);
}

void Agent::boot() {
  if (alive()) return;
  process_ = Process(world_);
  const Nanos offset = from_seconds(3600 * random_.uniform());
  clock_ = std::make_unique<MachineClock>(world_, offset, process_);
  lease_ = std::make_shared<agent::Lease>();
  agent::AgentSession::Options options;
  options.name = name_;
  options.threads = threads_;
  options.lease = lease_;
  options.join_timeout = std::chrono::minutes(10);
  options.clock = clock_.get();
  options.seed = random_.next();
  options.dial = [this](std::uint64_t id, agent::CoordinatorLink::Sink sink) {
    return network_.dial(
        name_, id,
        [this, sink = std::move(sink)](agent::LinkEvent event) {
          sink(std::move(event));
          process_.run_after(Nanos(0), [this] { wake(); });
        },
        *clock_, process_);
  };
  session_ = std::make_unique<agent::AgentSession>(
      options,
      [this](Assignment assignment, const auto&, std::function<void(agent::LevelDone)> on_level_done) {
        auto engine = std::make_unique<Engine>(
            Engine::Options{.world = world_,
                            .host = host_,
                            .clock = *clock_,
                            .process = process_,
                            .lease = lease_,
                            .id = ledger_.new_engine()},
            std::move(assignment), [this, done = std::move(on_level_done)](agent::LevelDone level) {
              done(level);
              process_.run_after(Nanos(0), [this] { wake(); });
            });
        engine_ = engine.get();
        return engine;
      });
  process_.run_after(Nanos(0), [this] {
    session_->begin();
    wake();
  });
}

void Agent::wake() {
  while (session_->turn(clock_->now())) {
  }
  if (session_->ended()) {
    kill(false);
    if (on_exit) on_exit();
    return;
  }
  const std::uint64_t wake_up = ++wake_up_;
  process_.run_at(clock_->world_time(session_->next_deadline()), [this, wake_up] {
    if (wake_up == wake_up_) wake();
  });
}

void Agent::kill(bool silent) {
  if (!alive()) return;
  process_.kill();
  if (silent) network_.cut(name_, std::chrono::hours(1), true);
  engine_ = nullptr;
  session_.reset();
}

void Agent::note(const v1::CoordinatorMessage& message) {
  if (engine_ == nullptr) return;
  if (message.has_ack()) ledger_.acknowledged(engine_->id(), message.ack().sequence());
  if (message.has_welcome()) {
    if (message.welcome().resume()) {
      ledger_.acknowledged(engine_->id(), message.welcome().acked());
    } else {
      engine_ = nullptr;  // the session forgets it
    }
  }
}

}  // namespace kneepoint::faults
