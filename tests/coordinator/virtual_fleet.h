#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "coordinator/run/run_loop.h"

namespace kneepoint::coordinator::scenes {

using namespace std::chrono_literals;

/// A fleet in virtual time: every wait moves the clock, every second each agent hands over one batch in which
/// its slots have each completed two requests of half a second.
class VirtualFleet final : public LoadFleet {
 public:
  /// @param begun how far the run's time has come when the load begins.
  explicit VirtualFleet(std::uint32_t agents, Nanos begun = Nanos(0))
      : agents_(agents), live_(agents), now_(begun - 500ms) {
    std::iota(live_.begin(), live_.end(), 0);
  }

  std::size_t agents() const override { return live_.size(); }
  bool gathering() const override { return now_ >= gathers_from_ && now_ < gathers_until_; }
  Nanos now() const override { return now_; }

  std::optional<FleetEvent> wait(Nanos timeout) override {
    if (!events_.empty()) {
      FleetEvent event = std::move(events_.front());
      events_.pop_front();
      return event;
    }
    const auto before = std::chrono::floor<std::chrono::seconds>(now_);
    now_ += timeout;
    if (level_ && now_ >= level_->effective_at) {
      running_ = *level_;
      sharing_ = level_sharing_;
    }
    const auto after = std::chrono::floor<std::chrono::seconds>(now_);
    if (after > before) end_second(before.count());
    if (join_at_ && now_ >= *join_at_) {
      join_at_.reset();
      live_.push_back(agents_);
      events_.push_back(AgentJoined{.agent = agents_++, .from = second_of(now_) + 1});
    }
    if (!losses_.empty() && now_ >= losses_.front().at) {
      const std::uint32_t lost = live_.back();
      live_.pop_back();
      const Nanos load_until = std::max(now_, losses_.front().load_until);
      events_.push_back(AgentLost{
          .agent = lost, .reason = "killed", .until = second_of(load_until) + 1, .load_until = load_until});
      losses_.pop_front();
    }
    return std::nullopt;
  }

  void send(const LoadLevel& level) override {
    level_ = level;
    level_sharing_ = static_cast<std::uint32_t>(live_.size());
    sent.push_back(level);
  }

  void drain(Nanos) override {
    drained_second_ = second_of(now_);
    running_ = LoadLevel{};
    level_.reset();
  }

  /// The last batches come with the end of the second in which the load ended.
  bool drained() const override {
    return drained_second_ && events_.empty() && second_of(now_) > *drained_second_;
  }

  /// The last agent that is left is lost, after the others that are to be lost. Its load may go on for a
  /// while.
  void lose_one_at(Nanos at, Nanos load_until = Nanos(0)) { losses_.push_back({at, load_until}); }
  /// One more agent is ready.
  void add_one_at(Nanos at) { join_at_ = at; }
  /// From then on, until, those that were lost are on their way back.
  void gather(Nanos from, Nanos until) { gathers_from_ = from, gathers_until_ = until; }
  /// Nothing is taken, and nobody looks, for so long: the coordinator is stopped, the agents go on.
  void stop_coordinator(Nanos length) {
    for (const Nanos until = now_ + length; now_ < until;) {
      const auto before = std::chrono::floor<std::chrono::seconds>(now_);
      now_ += 50ms;
      if (std::chrono::floor<std::chrono::seconds>(now_) > before) end_second(before.count());
    }
  }
  /// From then on every request is refused a connection.
  void host_dies_at(Nanos at) { dies_at_ = at; }

  std::vector<LoadLevel> sent;

 private:
  static std::int64_t second_of(Nanos t) { return std::chrono::floor<std::chrono::seconds>(t).count(); }

  void end_second(std::int64_t second) {
    for (std::uint32_t rank = 0; rank < live_.size(); ++rank) {
      const std::uint32_t agent = live_[rank];
      SecondSnapshot part{.second = second};
      const std::uint32_t slots = rank >= sharing_ ? 0
                                                   : running_.concurrency / sharing_ +
                                                         (rank < running_.concurrency % sharing_ ? 1 : 0);
      SeriesStats& stats = part.series[SeriesKey{.cell = running_.cell, .epoch = running_.epoch}];
      if (dies_at_ && now_ > *dies_at_) {
        stats.outcomes[static_cast<std::size_t>(Outcome::kConnect)] = slots;
      } else {
        stats.outcomes[0] = 2 * slots;
        stats.e2e.record(500ms, 2 * slots);
        stats.in_flight = slots;
      }
      events_.push_back(BatchArrived{
          agent,
          SnapshotBatch{
              .complete_through = second, .seconds = {part}, .in_flight = slots, .active_slots = slots}});
      if (running_.budget && running_.epoch != done_epoch_) {
        events_.push_back(LevelFinished{agent, running_.epoch, running_.effective_at + 700ms});
        if (rank + 1 == live_.size()) done_epoch_ = running_.epoch;
      }
    }
  }

  std::uint32_t agents_;  // that there ever were
  std::vector<std::uint32_t> live_;
  Nanos gathers_from_ = Nanos::max(), gathers_until_ = Nanos::max();
  std::uint32_t sharing_ = 1, level_sharing_ = 1;  // how many agents share the level
  Nanos now_;
  std::optional<LoadLevel> level_;
  LoadLevel running_;
  std::uint64_t done_epoch_ = 0;
  std::optional<std::int64_t> drained_second_;
  struct Loss {
    Nanos at, load_until;
  };
  std::deque<Loss> losses_;
  std::optional<Nanos> join_at_, dies_at_;
  std::deque<FleetEvent> events_;
};

inline Plan plan_of(std::vector<Ramp> ramps) {
  Plan plan;
  plan.targets = {{.name = "host"}};
  for (Ramp& ramp : ramps) plan.scenarios.push_back({.name = "s", .ramp = std::move(ramp)});
  return plan;
}

struct VirtualRun {
  VirtualRun(Plan the_plan, std::uint32_t agents, std::size_t the_least = 1)
      : plan(std::move(the_plan)), fleet(agents), least(the_least) {}

  RunLoop& go(RunLoop::Hooks hooks = {}) {
    hooks.on_step = [this](const StepWindow& window, const Step&) { reported.push_back(window); };
    loop.emplace(plan, cells, fleet, std::move(hooks), RunLoop::Setup{.least_agents = least});
    EXPECT_TRUE(loop->run());
    return *loop;
  }

  Plan plan;
  std::vector<Cell> cells = cells_of(plan);
  VirtualFleet fleet;
  std::size_t least;
  std::vector<StepWindow> reported;
  std::optional<RunLoop> loop;
};

/// Two targets that take turns over two scenarios.
inline Plan plan_of_turns() {
  Plan plan = plan_of({{.steps = {2, 4}, .warmup = 1s, .hold = 3s}, {.steps = {3}, .requests = 10}});
  plan.targets.push_back({.name = "other"});
  for (std::size_t i = 0; i < plan.scenarios.size(); ++i) {
    plan.scenarios[i].name += std::to_string(i);
    plan.scenarios[i].targets = {"host", "other"};
  }
  plan.alternate = true;
  return plan;
}

}  // namespace kneepoint::coordinator::scenes
