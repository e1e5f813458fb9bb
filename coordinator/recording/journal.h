#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/result.h"

namespace kneepoint::coordinator {

/// Writes a run's files on a thread of its own, in the order in which it is told, so that the thread which
/// decides never waits for a disk. What comes while the disk is busy is written together and waited for once.
/// A disk that refuses is asked again and again: nothing is left out while `limit` bytes are enough for what
/// waits. All members from any thread.
class Journal {
 public:
  using Job = std::function<void()>;
  /// Writes what a file still keeps and waits for the disk (GrowingFile::settle).
  using Settle = std::function<Result<void>()>;

  static constexpr std::size_t kLimit = std::size_t{256} << 20;
  explicit Journal(std::size_t limit = kLimit);
  /// One without a thread: whoever has it calls work().
  struct Unattended {};
  explicit Journal(Unattended, std::size_t limit = kLimit) : limit_(limit) {}
  /// Writes what the disk takes at once, and leaves the rest.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// A file that jobs write to; it must outlive the journal. Its `settle` runs on the journal's thread.
  void watch(Settle settle);
  /// `write` runs on the journal's thread, and `safe` behind it, there too, once every file has settled.
  /// @param bytes about how much memory waits with it.
  void post(std::size_t bytes, Job write, Job safe = {});
  /// Waits until everything posted is safe, or `give_up` says so, which is asked some ten times a second.
  /// @returns whether it is.
  bool flush(const std::function<bool()>& give_up);
  /// Writes what waits, asks the disk for all of it once, and tells those whom it makes safe: what the thread
  /// does over and over, and not for who does not know better. @returns false where the disk refuses, which
  /// is then to be asked again.
  bool work();
  /// Lines for the user, since the last call: that the disk refuses, and that it takes again.
  std::vector<std::string> take_notices();

 private:
  struct Entry {
    std::size_t bytes = 0;
    Job write, safe;
  };
  void run(const std::stop_token& stop);
  Result<void> settle_all();

  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Settle> settles_;
  std::deque<Entry> waiting_;
  std::deque<Entry> group_;  // that is written together; of who works
  bool refused_ = false;     // by the disk, since the group was written; of who works
  std::vector<std::string> notices_;
  std::size_t bytes_ = 0;  // of what waits and what is being written
  bool writing_ = false;
  bool overrun_ = false;  // for good: what came then is not recorded
  std::jthread thread_;   // last
};

}  // namespace kneepoint::coordinator
