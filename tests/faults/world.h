#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/waitable_clock.h"

/// A world in virtual time and from a seed, in which the production code of coordinator and agents lives:
/// what happens in it happens on one thread, in an order that depends on nothing else.
namespace kneepoint::faults {

/// The run does not end.
struct Stuck : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What is to happen, and when. Nothing happens but in step().
class World {
 public:
  /// @param limit nothing goes on for longer.
  explicit World(Nanos limit) : end_(start() + limit) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() {
    for (const auto& happens : last_) happens();
  }

  MonoTime now() const { return now_; }
  Nanos elapsed() const { return now_ - start(); }
  void at(MonoTime when, std::function<void()> happens) {
    events_.emplace(std::max(when, now_), std::move(happens));
  }
  void after(Nanos wait, std::function<void()> happens) { at(now_ + wait, std::move(happens)); }
  /// What happens when the world ends.
  void at_last(std::function<void()> happens) { last_.push_back(std::move(happens)); }
  /// The next thing happens that is due by `until`; where there is none, time passes until then.
  void step(MonoTime until) {
    if (events_.empty() || events_.begin()->first > until) {
      now_ = std::max(now_, until);
    } else {
      const auto next = events_.extract(events_.begin());
      now_ = next.key();
      next.mapped()();
    }
    if (now_ > end_) throw Stuck("the run does not end");
  }
  void pass(Nanos span) {
    for (const MonoTime until = now_ + span; now_ < until;) step(until);
  }

 private:
  /// Not 0, which is a special instant to nobody.
  static MonoTime start() { return MonoTime(std::chrono::hours(1)); }
  const MonoTime end_;
  MonoTime now_ = start();
  std::multimap<MonoTime, std::function<void()>> events_;  // of the same instant in the order of at()
  std::vector<std::function<void()>> last_;
};

/// A process: what is to run in it waits, in order, while it is frozen, and never runs once it is dead.
class Process {
 public:
  explicit Process(World& world) : world_(&world) {
    // What waits in it holds on to it.
    world.at_last([weak = std::weak_ptr<State>(state_)] {
      if (const auto state = weak.lock()) auto gone = std::move(state->waiting);
    });
  }
  void run_at(MonoTime when, std::function<void()> what) const {
    world_->at(when, [state = state_, what = std::move(what), world = world_]() mutable {
      if (!state->alive) return;
      if (world->now() < state->frozen_until || !state->waiting.empty()) {
        state->waiting.push_back(std::move(what));
      } else {
        what();
      }
    });
  }
  void run_after(Nanos wait, std::function<void()> what) const {
    run_at(world_->now() + wait, std::move(what));
  }
  void kill() { state_->alive = false; }
  void freeze(Nanos span) {
    state_->frozen_until = std::max(state_->frozen_until, world_->now() + span);
    world_->at(state_->frozen_until, [state = state_, world = world_] {
      if (world->now() < state->frozen_until) return;
      for (; state->alive && !state->waiting.empty(); state->waiting.pop_front())
        std::function<void()>(state->waiting.front())();
    });
  }
  bool alive() const { return state_->alive; }
  bool frozen() const { return world_->now() < state_->frozen_until; }
  MonoTime frozen_until() const { return state_->frozen_until; }

 private:
  struct State {
    bool alive = true;
    MonoTime frozen_until{};
    std::deque<std::function<void()>> waiting;
  };
  World* world_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// The clocks of one machine. Who waits by them lets the world go on.
class MachineClock final : public WaitableClock {
 public:
  /// @param offset of its monotonic clock against the world's. @param process that waits.
  MachineClock(World& world, Nanos offset, Process process)
      : world_(world), offset_(offset), process_(std::move(process)) {}
  MonoTime now() const override { return world_.now() + offset_; }
  RealTime real_now() const override { return RealTime(now().time_since_epoch() + kEpoch + stepped_); }
  void wait(std::unique_lock<std::mutex>& lock, std::condition_variable&, MonoTime deadline) override {
    lock.unlock();
    world_.step(world_time(deadline));
    while (process_.frozen()) world_.step(process_.frozen_until());
    lock.lock();
  }
  MonoTime world_time(MonoTime own) const { return own == MonoTime::max() ? own : own - offset_; }
  void step_wall(Nanos by) { stepped_ += by; }

 private:
  static constexpr Nanos kEpoch = std::chrono::hours(500'000);
  World& world_;
  const Nanos offset_;
  Process process_;
  Nanos stepped_{0};
};

}  // namespace kneepoint::faults
