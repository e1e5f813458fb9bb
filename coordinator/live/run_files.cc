#include "coordinator/live/run_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace kneepoint::coordinator {
namespace {

constexpr std::size_t kMostBytes = std::size_t{64} << 20;

/// A descriptor that closes itself; negative: none.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

/// A name that leads nowhere but into the folder itself.
bool is_plain(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.find('/') == name.npos && name.find('\0') == name.npos;
}

/// One of the folder's own files or folders; no link is followed, and no pipe waited for.
int open_in(int folder, const std::string& name, int flags) {
  return openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags);
}

int open_folder(const std::filesystem::path& folder) {
  return open(folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
}

}  // namespace

std::vector<RunEntry> run_entries(const std::filesystem::path& folder) {
  std::vector<RunEntry> entries;
  const Descriptor root(open_folder(folder));
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::string name = at->path().filename().string();
    if (!is_plain(name)) continue;
    const Descriptor run(open_in(root.get(), name, O_DIRECTORY));
    struct stat file {};
    if (run.get() < 0 || fstatat(run.get(), "report.json", &file, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(file.st_mode)) continue;
    entries.push_back({.name = std::move(name),
                       .written = file.st_mtim.tv_sec * std::int64_t{1'000'000'000} + file.st_mtim.tv_nsec,
                       .size = file.st_size});
  }
  std::sort(entries.begin(), entries.end(), [](const RunEntry& a, const RunEntry& b) {
    return std::pair(b.written, a.name) < std::pair(a.written, b.name);
  });
  return entries;
}

Result<std::string> read_run_file(const std::filesystem::path& folder, std::string_view name,
                                  std::string_view file) {
  const Error none{"there is no such run here"};
  if (!is_plain(name) || !is_plain(file)) return none;
  const Descriptor root(open_folder(folder));
  const Descriptor run(root.get() < 0 ? -1 : open_in(root.get(), std::string(name), O_DIRECTORY));
  const Descriptor found(run.get() < 0 ? -1 : open_in(run.get(), std::string(file), 0));
  struct stat about {};
  if (found.get() < 0 || fstat(found.get(), &about) != 0 || !S_ISREG(about.st_mode)) return none;
  if (static_cast<std::size_t>(about.st_size) > kMostBytes)
    return Error{"the report is too large to be shown"};
  std::string text(static_cast<std::size_t>(about.st_size), '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = read(found.get(), text.data() + size, text.size() - size);
    if (count <= 0) break;
    size += static_cast<std::size_t>(count);
  }
  text.resize(size);
  return text;
}

}  // namespace kneepoint::coordinator
