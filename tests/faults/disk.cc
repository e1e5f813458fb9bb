#include "tests/faults/disk.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace kneepoint::faults {
namespace {

/// Lets files grow to so many bytes and no further, as a full disk does. Of the whole process.
class SizeLimit {
 public:
  explicit SizeLimit(std::uintmax_t size) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit now = before_;
    now.rlim_cur = size;
    setrlimit(RLIMIT_FSIZE, &now);
  }
  ~SizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  SizeLimit(const SizeLimit&) = delete;
  SizeLimit& operator=(const SizeLimit&) = delete;

 private:
  rlimit before_{};
};

}  // namespace

Disk::Disk(World& world, std::filesystem::path segment, coordinator::Journal& journal, std::uint64_t seed)
    : world_(world), segment_(std::move(segment)), journal_(journal), random_(seed) {}

std::uintmax_t Disk::size() const {
  std::error_code none;
  const auto size = std::filesystem::file_size(segment_, none);
  return none ? 0 : size;
}

void Disk::begun() {
  posted_ = 1;
  settled_ = size();
  marks_[settled_] = 1;
}

bool Disk::work() {
  std::optional<SizeLimit> full;
  if (world_.now() < full_until_) full.emplace(std::max<std::uintmax_t>(size(), 1) + random_.next() % 64);
  // While the disk refuses a group, what comes waits behind it.
  if (!group_) group_ = posted_;
  if (!journal_.work()) return false;
  settled_ = size();
  marks_[settled_] = *std::exchange(group_, std::nullopt);
  return whole();
}

std::string Disk::tear() {
  const std::uintmax_t written = std::max(size_at_death_, settled_);
  if (!std::filesystem::exists(segment_)) return "nothing";
  const std::uintmax_t left = settled_ + random_.next() % (written - settled_ + 1);
  std::filesystem::resize_file(segment_, left);
  return fmt::format("{} of {} bytes", left, written);
}

}  // namespace kneepoint::faults
