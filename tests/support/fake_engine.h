#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/load/load_engine.h"

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

/// Pretends to carry out levels: each collection holds one started request, and a budget is done at once.
class FakeEngine final : public LoadEngine {
 public:
  FakeEngine(std::shared_ptr<EngineLog> log, Assignment assignment, std::vector<Keys> keys,
             std::function<void(LevelDone)> on_level_done)
      : log_(std::move(log)), on_level_done_(std::move(on_level_done)) {
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
    log_->change([&](auto& state) { state.zeros.push_back(zero); });
  }

  SnapshotBatch collect() override {
    SnapshotBatch batch;
    SecondSnapshot& second = batch.seconds.emplace_back();
    second.second = collected_++;
    second.series[{}].started = 1;
    // A second that the session takes for the last one, once nothing runs.
    batch.complete_through = idle() ? 1'000'000 : second.second;
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
  std::int64_t collected_ = 0;
};

}  // namespace kneepoint::agent
