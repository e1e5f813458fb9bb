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
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, stop, [this] { return !waiting_.empty(); });
      if (waiting_.empty()) return;  // told to stop
    }
    while (!work()) {
      if (stop.stop_requested()) return;
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, kRetry, [] { return false; });
    }
  }
}

bool Journal::work() {
  if (group_.empty()) {
    {
      const std::lock_guard lock(mutex_);
      group_ = std::exchange(waiting_, {});
      writing_ = !group_.empty();
    }
    for (const Entry& entry : group_) entry.write();
  }
  if (const auto settled = settle_all(); !settled) {
    if (!std::exchange(refused_, true)) {
      const std::lock_guard lock(mutex_);
      notices_.push_back(settled.error().message + "; trying again, and the run goes on");
    }
    return false;
  }
  for (const Entry& entry : group_) {
    if (entry.safe) entry.safe();
  }
  const std::lock_guard lock(mutex_);
  if (std::exchange(refused_, false))
    notices_.push_back("the disk takes what is recorded again: nothing is missing");
  for (const Entry& entry : group_) bytes_ -= entry.bytes;
  group_.clear();
  writing_ = false;
  changed_.notify_all();
  return true;
}

Result<void> Journal::settle_all() {
  std::unique_lock lock(mutex_);
  const std::vector<Settle> settles = settles_;
  lock.unlock();
  Result<void> settled;
  for (const Settle& settle : settles) {
    if (auto result = settle(); !result && settled) settled = result;
  }
  return settled;
}

}  // namespace kneepoint::coordinator
