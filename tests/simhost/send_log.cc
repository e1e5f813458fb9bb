#include "tests/simhost/send_log.h"

#include <fmt/format.h>

namespace kneepoint::simhost {

Result<std::unique_ptr<SendLog>> SendLog::open(const std::string& path, bool all_chunks) {
  std::ofstream file(path, std::ios::trunc);
  if (!file) return Error{fmt::format("cannot write the send log {}", path)};
  file << "request_id,replica,received_ns,chunk,sent_ns,tokens,queued\n";
  return std::unique_ptr<SendLog>(new SendLog(std::move(file), all_chunks));
}

SendLog::SendLog(std::ofstream file, bool all_chunks) : file_(std::move(file)), all_chunks_(all_chunks) {
  rows_.reserve(1 << 16);
}

std::uint32_t SendLog::add_request(std::string id, int replica, Nanos received) {
  const std::lock_guard lock(mutex_);
  requests_.push_back({std::move(id), replica, received});
  return static_cast<std::uint32_t>(requests_.size() - 1);
}

void SendLog::sent(std::uint32_t request, int chunk, Nanos at, int tokens, bool queued) {
  if (chunk > 0 && !all_chunks_) return;
  const std::lock_guard lock(mutex_);
  rows_.push_back({request, chunk, at, tokens, queued});
}

void SendLog::flush() {
  const std::lock_guard lock(mutex_);
  for (const Row& row : rows_) {
    const Request& request = requests_[row.request];
    file_ << fmt::format("{},{},{},{},{},{},{}\n", request.id, request.replica, request.received.count(),
                         row.chunk, row.at.count(), row.tokens, row.queued ? 1 : 0);
  }
  rows_.clear();
  file_.flush();
}

}  // namespace kneepoint::simhost
