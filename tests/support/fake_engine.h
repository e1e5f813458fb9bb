#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/load/load_engine.h"
#include "common/clock.h"
#include "common/whole_seconds.h"

namespace kneepoint::agent {

/// What a FakeEngine was told, readable from the test's thread while the session drives it.
struct EngineLog {
  struct State {
    int made = 0;
    Assignment assignment;
    std::vector<Keys> keys;
    std::vector<LoadLevel> levels;
    std::vector<Nanos> drains;
    std::vector<MonoTime> zeros;  ///< After the assignment's.
    int collected = 0;
  };

  /// A copy of everything so far.
  State read() {
    const std::lock_guard lock(mutex);
    return state;
  }
  /// False when `condition` does not hold within ten seconds.
  template <class Condition>
  bool wait_for(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(10), [&] { return condition(std::as_const(state)); });
  }
  template <class Change>
  void change(Change make) {
    const std::lock_guard lock(mutex);
    make(state);
    changed.notify_all();
  }

  std::mutex mutex;
  std::condition_variable changed;
  State state;
};

/// Pretends to carry out levels: each collection holds one started request in the second under way, and a
/// budget is done at once.
class FakeEngine final : public LoadEngine {
 public:
  FakeEngine(std::shared_ptr<EngineLog> log, Assignment assignment, std::vector<Keys> keys,
             std::function<void(LevelDone)> on_level_done)
      : log_(std::move(log)), on_level_done_(std::move(on_level_done)), zero_(assignment.zero) {
    log_->change([&](auto& state) {
      ++state.made;
      state.assignment = std::move(assignment);
      state.keys = std::move(keys);
    });
  }

  void apply(const LoadLevel& level) override {
    slots_ = level.concurrency;
    log_->change([&](auto& state) { state.levels.push_back(level); });
    if (level.budget)
      on_level_done_(
          {.epoch = level.epoch, .finished_at = level.effective_at + std::chrono::milliseconds(100)});
  }

  void set_zero(MonoTime zero) override {
    zero_ = zero;
    log_->change([&](auto& state) { state.zeros.push_back(zero); });
  }

  SnapshotBatch collect() override {
    SnapshotBatch batch;
    SecondSnapshot& second = batch.seconds.emplace_back();
    // An agent may be told of its zero before that comes.
    second.second = std::max<std::int64_t>(0, second_of(SystemClock().now() - zero_));
    second.series[{}].started = 1;
    // Once nothing runs nothing is added to it: the session takes it for the last one.
    batch.complete_through = idle() ? second.second : second.second - 1;
    batch.active_slots = slots_;
    log_->change([](auto& state) { ++state.collected; });
    return batch;
  }

  void drain(Nanos limit) override {
    slots_ = 0;
    log_->change([&](auto& state) { state.drains.push_back(limit); });
  }
  bool idle() const override { return slots_ == 0; }

  static EngineFactory factory(std::shared_ptr<EngineLog> log) {
    return [log](Assignment assignment, std::vector<Keys> keys, std::function<void(LevelDone)> done) {
      return std::make_unique<FakeEngine>(log, std::move(assignment), std::move(keys), std::move(done));
    };
  }

 private:
  const std::shared_ptr<EngineLog> log_;
  const std::function<void(LevelDone)> on_level_done_;
  std::uint32_t slots_ = 0;
  MonoTime zero_;
};

}  // namespace kneepoint::agent
