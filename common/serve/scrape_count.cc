#include "common/serve/scrape_count.h"

#include <utility>

namespace kneepoint {

std::uint64_t ScrapeCount::begin() {
  const std::lock_guard lock(mutex_);
  return begun_++;
}

void ScrapeCount::end(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  ++done_;
  for (Waiter& waiter : waiters_) waiter.done += number >= waiter.first ? 1 : 0;
  changed_.notify_all();
}

std::uint64_t ScrapeCount::done() const {
  const std::lock_guard lock(mutex_);
  return done_;
}

bool ScrapeCount::wait(std::uint64_t count, MonoTime deadline, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  const auto waiter = waiters_.insert(waiters_.end(), Waiter{begun_, 0});
  changed_.wait_until(lock, std::move(stop), deadline, [&] { return closed_ || waiter->done >= count; });
  const bool enough = waiter->done >= count;
  waiters_.erase(waiter);
  return enough;
}

void ScrapeCount::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

}  // namespace kneepoint
