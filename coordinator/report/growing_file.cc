#include "coordinator/report/growing_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace kneepoint::coordinator {
namespace {

Error cannot_write(const std::filesystem::path& path) {
  return Error{fmt::format("{}: cannot be written: {}", path.string(), std::strerror(errno))};
}

}  // namespace

Result<GrowingFile> GrowingFile::create(const std::filesystem::path& path) {
  const int descriptor =
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return cannot_write(path);
  (void)flock(descriptor, LOCK_EX | LOCK_NB);
  return GrowingFile(path, descriptor);
}

bool is_growing(const std::filesystem::path& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool locked = flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(descriptor);
  return locked;
}

GrowingFile::GrowingFile(GrowingFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      unsettled_(other.unsettled_),
      kept_(std::move(other.kept_)) {}

GrowingFile::~GrowingFile() {
  if (descriptor_ < 0) return;
  (void)write_kept();
  close(descriptor_);
}

Result<void> GrowingFile::append(std::string_view bytes) {
  kept_ += bytes;
  return write_kept();
}

Result<void> GrowingFile::write_kept() {
  std::size_t done = 0;
  while (done < kept_.size()) {
    const ssize_t written = ::write(descriptor_, kept_.data() + done, kept_.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    done += static_cast<std::size_t>(written);
    unsettled_ = true;
  }
  if (done < kept_.size()) {
    const Error refused = cannot_write(path_);
    kept_.erase(0, done);
    return refused;
  }
  kept_.clear();
  return {};
}

Result<void> GrowingFile::settle() {
  if (auto written = write_kept(); !written) return written;
  if (!unsettled_) return {};
  // What cannot be synced at all (a pipe, some network disks) is as safe as it gets.
  if (fdatasync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) return cannot_write(path_);
  unsettled_ = false;
  return {};
}

}  // namespace kneepoint::coordinator
