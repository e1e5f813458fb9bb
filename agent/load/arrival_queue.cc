#include "agent/load/arrival_queue.h"

#include <utility>

namespace kneepoint::agent {
namespace {

/// What may wait, of one thread: 60 MB. More are let in as these are served, each with the instant at which
/// it was due; a level that has come so far has long been found to be past the host.
constexpr std::size_t kMostWaiting = std::size_t{1} << 20;
/// How often there is a look whether there is room again.
constexpr Nanos kFullPause = std::chrono::milliseconds(10);

}  // namespace

ArrivalQueue::ArrivalQueue(Timers& timers, Recorder& recorder, std::function<void()> on_due)
    : recorder_(recorder),
      on_due_(std::move(on_due)),
      timer_(
          timers, [](void* self) { static_cast<ArrivalQueue*>(self)->fire(); }, this) {}

void ArrivalQueue::follow(Level level) {
  if (level_ && level_->key.cell != level.key.cell) stop();
  // A late thread still owes the arrivals of the level before.
  if (level_) admit(level.begin);
  level_ = std::move(level);
  index_ = 0;
  advance();
  fire();
}

void ArrivalQueue::stop() {
  timer_.disarm();
  level_.reset();
  next_.reset();
  while (!waiting_.empty()) take();
}

Arrival ArrivalQueue::take() {
  const Arrival arrival = waiting_.front();
  waiting_.pop_front();
  if (arrival.waits) recorder_.end_backlog(arrival.level, mono_now());
  return arrival;
}

/// Lets in what is due before `until`.
void ArrivalQueue::admit(MonoTime until) {
  while (next_ && next_->at < until && waiting_.size() < kMostWaiting) {
    recorder_.arrived(next_->level, next_->at);
    waiting_.push_back(*next_);
    advance();
  }
}

void ArrivalQueue::advance() {
  next_.reset();
  while (const auto due = level_->schedule.next()) {
    const std::uint64_t index = index_++;
    if (!level_->mine(index)) continue;
    next_ =
        Arrival{.index = index, .at = level_->begin + *due, .level = level_->key, .attempt = level_->attempt};
    return;
  }
}

void ArrivalQueue::fire() {
  admit(mono_now() + Nanos(1));
  on_due_();
  // The newest are at the end.
  for (auto arrival = waiting_.rbegin(); arrival != waiting_.rend() && !arrival->waits; ++arrival) {
    arrival->waits = true;
    recorder_.begin_backlog(arrival->level, arrival->at);
  }
  if (next_) timer_.arm(waiting_.size() < kMostWaiting ? next_->at : mono_now() + kFullPause);
}

}  // namespace kneepoint::agent
