#include "agent/load/run_controller.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "agent/load/load_thread.h"
#include "agent/load/run_setup.h"
#include "agent/net/receive_stamps.h"

namespace kneepoint::agent {
namespace {

constexpr Nanos kCollectPatience = std::chrono::milliseconds(200);

}  // namespace

class RunController::Impl {
 public:
  Impl(Assignment assignment, const std::vector<Keys>& keys, Options options) {
    auto setup = prepare_run(std::move(assignment), keys, std::move(options.targets));
    if (!setup) throw std::invalid_argument(setup.error().message);
    const unsigned count = std::max(1u, options.threads);
    const auto on_done = [callback = std::move(options.on_level_done)](std::uint64_t epoch,
                                                                       Nanos finished_at) {
      if (callback) callback({.epoch = epoch, .finished_at = finished_at});
    };
    reports_.resize(count);
    for (unsigned i = 0; i < count; ++i)
      threads_.push_back(std::make_unique<LoadThread>(*setup, options.lease, i, on_done));
  }

  void apply(const LoadLevel& level) {
    LevelOrder order{.level = level, .slots = {}, .progress = nullptr};
    order.level.held.clear();  // what is another thread's is none of a thread's business
    if (level.budget)
      order.progress = std::make_shared<BudgetProgress>(static_cast<unsigned>(threads_.size()));
    const auto count = static_cast<std::uint32_t>(threads_.size());
    for (std::uint32_t i = 0; i < count; ++i) {
      order.slots = slots_of(level, i, count);
      threads_[i]->apply(order);
    }
  }

  void set_zero(MonoTime zero) {
    for (const auto& thread : threads_) thread->set_zero(zero);
  }

  SnapshotBatch collect() {
    std::unique_lock lock(mutex_);
    const std::uint64_t round = ++round_;
    for (std::size_t i = 0; i < threads_.size(); ++i) {
      threads_[i]->hand_over([this, i, round](ThreadReport report) { receive(i, round, std::move(report)); });
    }
    arrived_.wait_for(lock, kCollectPatience, [&] {
      return std::all_of(reports_.begin(), reports_.end(),
                         [&](const Held& held) { return held.round == round; });
    });

    SnapshotBatch batch;
    batch.complete_through = INT64_MAX;
    std::vector<RecordedSecond> parts;
    for (Held& held : reports_) {
      batch.complete_through = std::min(batch.complete_through, held.report.complete_through);
      batch.replica_names.insert(held.report.replica_names.begin(), held.report.replica_names.end());
      batch.in_flight += held.report.in_flight;
      batch.in_flight_beside += held.report.in_flight_beside;
      batch.backing_off += held.report.backing_off;
      batch.active_slots += held.report.active_slots;
      std::move(held.report.seconds.begin(), held.report.seconds.end(), std::back_inserter(parts));
      held.report.seconds.clear();
    }
    lock.unlock();

    std::map<std::int64_t, SecondSnapshot> seconds;
    for (RecordedSecond& part : parts) {
      const std::int64_t second = part.second;
      SecondSnapshot& merged = seconds[second];
      merged.second = second;
      merged.merge(std::move(part).resolve(scratch_));
    }
    for (auto& [second, snapshot] : seconds) batch.seconds.push_back(std::move(snapshot));
    return batch;
  }

  void drain(Nanos limit) {
    for (const auto& thread : threads_) thread->drain(limit);
  }

  bool idle() const {
    return std::all_of(threads_.begin(), threads_.end(), [](const auto& thread) { return thread->idle(); });
  }

 private:
  /// What a thread has handed over and no collection has taken yet.
  struct Held {
    std::uint64_t round = 0;  // of the last report
    ThreadReport report;
  };

  void receive(std::size_t thread, std::uint64_t round, ThreadReport report) {
    const std::lock_guard lock(mutex_);
    Held& held = reports_[thread];
    // A thread that was stalled may report twice before anybody takes it.
    std::move(held.report.seconds.begin(), held.report.seconds.end(), std::back_inserter(report.seconds));
    held = {.round = round, .report = std::move(report)};
    arrived_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::uint64_t round_ = 0;
  std::vector<Held> reports_;
  DenseHistogram scratch_;
  const ReceiveStamps stamps_;                        // before the first connection
  std::vector<std::unique_ptr<LoadThread>> threads_;  // last: they call back into the rest
};

RunController::RunController(Assignment assignment, std::vector<Keys> keys, Options options)
    : impl_(std::make_unique<Impl>(std::move(assignment), keys, std::move(options))) {}
RunController::~RunController() = default;

void RunController::apply(const LoadLevel& level) {
  impl_->apply(level);
}
void RunController::set_zero(MonoTime zero) {
  impl_->set_zero(zero);
}
SnapshotBatch RunController::collect() {
  return impl_->collect();
}
void RunController::drain(Nanos limit) {
  impl_->drain(limit);
}
bool RunController::idle() const {
  return impl_->idle();
}

}  // namespace kneepoint::agent
