#include "coordinator/fleet/strangers.h"

#include <sys/stat.h>

#include <optional>

namespace kneepoint::coordinator {
namespace {

/// A flood is not to make this look at all of them for each of its connections.
constexpr Nanos kLookInterval = std::chrono::milliseconds(100);

/// The number of what is open under that descriptor; none when nothing is.
std::optional<ino_t> inode(int descriptor) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) return std::nullopt;
  return status.st_ino;
}

}  // namespace

bool Strangers::admit(int connection, MonoTime now) {
  const std::lock_guard lock(mutex_);
  if (strangers_.size() >= most_ && now - looked_at_ >= kLookInterval) forget_gone(now);
  if (strangers_.size() >= most_) return false;
  strangers_.push_back({connection, inode(connection).value_or(0), now});
  return true;
}

void Strangers::greeted() {
  const std::lock_guard lock(mutex_);
  if (!strangers_.empty()) strangers_.pop_front();
}

void Strangers::forget_gone(MonoTime now) {
  looked_at_ = now;
  std::erase_if(strangers_, [&](const Stranger& stranger) {
    return now - stranger.since >= kLongest || inode(stranger.descriptor) != stranger.socket;
  });
}

}  // namespace kneepoint::coordinator
