#pragma once

#include <cstdint>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/result.h"

namespace kneepoint::simhost {

/// The host's own record of when it sent, for tests of a client's accuracy. CSV with the columns
/// `request_id,replica,received_ns,chunk,sent_ns,tokens,queued`: instants of CLOCK_MONOTONIC, `sent_ns` taken
/// just before the write of the content chunk; `chunk` counts from 0; `queued` is 1 where the write had to
/// wait (full socket, stall), so that `sent_ns` is only a lower bound. Rows gather in memory until flush().
/// Safe from any thread.
class SendLog {
 public:
  /// @param all_chunks log every content chunk, not only the first.
  static Result<std::unique_ptr<SendLog>> open(const std::string& path, bool all_chunks);
  ~SendLog() { flush(); }

  bool all_chunks() const { return all_chunks_; }
  /// Announces a request; the number returned stands for it in sent().
  std::uint32_t add_request(std::string id, int replica, Nanos received);
  void sent(std::uint32_t request, int chunk, Nanos at, int tokens, bool queued);
  /// Appends what has gathered to the file.
  void flush();

 private:
  struct Request {
    std::string id;
    int replica = 0;
    Nanos received{};
  };
  struct Row {
    std::uint32_t request = 0;
    std::int32_t chunk = 0;
    Nanos at{};
    std::int32_t tokens = 0;
    bool queued = false;
  };

  SendLog(std::ofstream file, bool all_chunks);

  std::mutex mutex_;
  std::ofstream file_;
  bool all_chunks_;
  std::vector<Request> requests_;
  std::vector<Row> rows_;
};

}  // namespace kneepoint::simhost
