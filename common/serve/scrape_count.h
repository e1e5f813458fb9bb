#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <stop_token>

#include "common/clock.h"

namespace kneepoint {

/// Counts the scrapes that were answered, for whoever waits until his figures have been taken. All members
/// may be called from any thread.
class ScrapeCount {
 public:
  /// @returns the scrape's number, for end().
  std::uint64_t begin();
  /// The answer was written out in full.
  void end(std::uint64_t number);
  std::uint64_t done() const;

  /// Waits until `count` more scrapes are complete that began after this call. @returns false at `deadline`,
  /// on a stop request, or after close().
  bool wait(std::uint64_t count, MonoTime deadline, std::stop_token stop);
  /// Nothing will be scraped any more.
  void close();

 private:
  /// Someone who waits for scrapes that began at number `first` or later.
  struct Waiter {
    std::uint64_t first;
    std::uint64_t done;
  };

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::list<Waiter> waiters_;
  std::uint64_t begun_ = 0, done_ = 0;
  bool closed_ = false;
};

}  // namespace kneepoint
