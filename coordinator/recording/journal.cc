#include "coordinator/recording/journal.h"

#include <chrono>
#include <utility>

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

/// How often a disk that refuses is asked again.
constexpr auto kRetry = 500ms;

}  // namespace

Journal::Journal(std::size_t limit)
    : limit_(limit), thread_([this](const std::stop_token& stop) { run(stop); }) {}

Journal::~Journal() = default;

void Journal::watch(Settle settle) {
  const std::lock_guard lock(mutex_);
  settles_.push_back(std::move(settle));
}

void Journal::post(std::size_t bytes, Job write, Job safe) {
  const std::lock_guard lock(mutex_);
  if (!overrun_ && bytes_ + bytes > limit_ && bytes_ > 0) {
    overrun_ = true;
    notices_.push_back("the disk has refused for too long: nothing more is recorded");
  }
  if (overrun_) return;
  bytes_ += bytes;
  waiting_.push_back({.bytes = bytes, .write = std::move(write), .safe = std::move(safe)});
  changed_.notify_all();
}

bool Journal::flush(const std::function<bool()>& give_up) {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, 100ms, [this] { return waiting_.empty() && !writing_; })) {
    if (give_up()) return false;
  }
  return !overrun_;
}

std::vector<std::string> Journal::take_notices() {
  const std::lock_guard lock(mutex_);
  return std::exchange(notices_, {});
}

void Journal::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, stop, [this] { return !waiting_.empty(); });
    if (waiting_.empty()) return;  // told to stop
    const std::deque<Entry> group = std::exchange(waiting_, {});
    writing_ = true;
    lock.unlock();
    for (const Entry& entry : group) entry.write();
    const bool safe = settle_all(stop);
    for (const Entry& entry : group) {
      if (safe && entry.safe) entry.safe();
    }
    lock.lock();
    for (const Entry& entry : group) bytes_ -= entry.bytes;
    writing_ = false;
    changed_.notify_all();
    if (!safe) return;
  }
}

/// False when told to stop before the disk took everything.
bool Journal::settle_all(const std::stop_token& stop) {
  bool refused = false;
  std::unique_lock lock(mutex_);
  const std::vector<Settle> settles = settles_;
  for (;;) {
    lock.unlock();
    Result<void> settled;
    for (const Settle& settle : settles) {
      if (auto result = settle(); !result && settled) settled = result;
    }
    lock.lock();
    if (settled) break;
    if (!std::exchange(refused, true)) {
      notices_.push_back(settled.error().message + "; trying again, and the run goes on");
    }
    if (stop.stop_requested()) return false;
    changed_.wait_for(lock, stop, kRetry, [] { return false; });
  }
  if (refused) notices_.push_back("the disk takes what is recorded again: nothing is missing");
  return true;
}

}  // namespace kneepoint::coordinator
