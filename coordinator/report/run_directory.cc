#include "coordinator/report/run_directory.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <random>
#include <system_error>

#include "common/printable.h"
#include "coordinator/report/csv.h"
#include "coordinator/report/json.h"
#include "coordinator/report/markdown.h"
#include "coordinator/report/text.h"

namespace kneepoint::coordinator {
namespace {

namespace fs = std::filesystem;

Error cannot(std::string_view what, const fs::path& path, std::string_view why) {
  return Error{fmt::format("cannot {} {}: {}", what, path.string(), why)};
}

/// What a run may leave, as "timeline" and ".binpb.gz"; "timeline-2.binpb.gz" is of another coordinator of
/// it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kRunFiles = {
    {{"timeline", ".binpb.gz"},
     {"report", ".json"},
     {"report", ".txt"},
     {"report", ".md"},
     {"report", ".html"},
     {"steps", ".csv"},
     {"plan", ".yaml"},
     {"telemetry", ".jsonl"},
     {"records", ".jsonl.gz"}}};

constexpr std::string_view kPlanFile = "plan.yaml";
/// Empty, and there while a coordinator is; one that was killed leaves it without its lock.
constexpr std::string_view kLockFile = ".coordinator";

bool is_of_a_run(std::string_view name) {
  return std::any_of(kRunFiles.begin(), kRunFiles.end(), [&](const auto& file) {
    const auto& [stem, ending] = file;
    if (!name.starts_with(stem) || !name.ends_with(ending) || name.size() < stem.size() + ending.size())
      return false;
    const std::string_view between = name.substr(stem.size(), name.size() - stem.size() - ending.size());
    return between.empty() ||
           (between.starts_with('-') && between.find_first_not_of("0123456789", 1) == between.npos);
  });
}

/// Process ids repeat from container to container, whose runs may share a disk.
std::string random_suffix() {
  std::random_device source;
  return fmt::format("{:08x}{:08x}", source(), source());
}

/// A plan's name as part of a path, of at most 64 bytes: ASCII that is unusual in one, and what does not
/// print, becomes '-'.
std::string path_safe(std::string_view name) {
  constexpr std::size_t kMostBytes = 64;
  std::string safe;
  while (!name.empty()) {
    const auto [value, bytes] = first_code_point(name);
    const bool usual = (value >= 'a' && value <= 'z') || (value >= 'A' && value <= 'Z') ||
                       (value >= '0' && value <= '9') || value == '.' || value == '_' || value == '-' ||
                       (value >= 0x80 && bytes > 1 && !is_instruction(value));
    if (safe.size() + (usual ? bytes : 1) > kMostBytes) break;
    safe += usual ? name.substr(0, bytes) : "-";
    name.remove_prefix(bytes);
  }
  return safe;
}

Result<fs::path> create_default(std::string_view plan_name, RealTime now, const fs::path& base) {
  std::error_code error;
  fs::create_directories(base, error);
  if (error) return cannot("create the run directory", base, error.message());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const std::string name = fmt::format("{:%Y%m%dT%H%M%SZ}-{}", fmt::gmtime(static_cast<std::time_t>(seconds)),
                                       path_safe(plan_name));
  fs::path path = base / name;
  // create_directory says false where it exists: two runs in one second must not share one.
  for (int again = 2; !fs::create_directory(path, error); ++again) {
    if (error) return cannot("create the run directory", path, error.message());
    path = base / fmt::format("{}-{}", name, again);
  }
  return path;
}

Result<void> write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error{std::strerror(errno)};
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(fd) != 0) return Error{std::strerror(errno)};
  return {};
}

}  // namespace

class RunDirectory::Lock {
 public:
  Lock(fs::path path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  ~Lock() {
    // The name first: who opens it afterwards makes a file of his own.
    std::error_code ignored;
    fs::remove(path_, ignored);
    close(descriptor_);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  const fs::path path_;
  const int descriptor_;
};

Result<void> RunDirectory::lock() {
  const fs::path path = path_ / kLockFile;
  // Where a disk gives a file another number each time it is asked, that tells nothing.
  constexpr int kMostAttempts = 100;
  for (int attempt = 1;; ++attempt) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) return cannot("lock", path, std::strerror(errno));
    const int refused = ::flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    struct stat locked {
    }, there{};
    const bool same = ::fstat(descriptor, &locked) == 0 && ::stat(path.c_str(), &there) == 0 &&
                      locked.st_ino == there.st_ino && locked.st_dev == there.st_dev;
    if (refused == EWOULDBLOCK) {
      close(descriptor);
      return Error{fmt::format(
          "{}: another coordinator is at work there; end that one first, or name another directory",
          path_.string())};
    }
    if (!same && attempt < kMostAttempts) {  // its owner has just taken it away
      close(descriptor);
      continue;
    }
    // Any other refusal is of a disk that knows no locks.
    lock_ = std::make_shared<const Lock>(path, descriptor);
    return {};
  }
}

Result<RunDirectory> RunDirectory::create(const std::optional<fs::path>& out, std::string_view plan_name,
                                          RealTime now, const fs::path& base) {
  fs::path path;
  bool fresh = true;
  if (out) {
    path = *out;
    std::error_code error;
    fresh = fs::create_directories(path, error);
    if (error) return cannot("create the run directory", path, error.message());
  } else {
    auto created = create_default(plan_name, now, base);
    if (!created) return created.error();
    path = *created;
  }
  const RunDirectory directory(path, out.has_value(), fresh);
  if (const auto probe = directory.write(".probe", ""); !probe) return probe.error();
  std::error_code ignored;
  fs::remove(path / ".probe", ignored);
  return directory;
}

Result<void> RunDirectory::refuse_taken(const fs::path& path) {
  std::error_code error;
  if (fs::exists(path, error) && !fs::is_directory(path, error))
    return Error{fmt::format("{}: is a file; name a directory for the results", path.string())};
  for (const std::string_view name : {"timeline.binpb.gz", "report.json"}) {
    // A recording that is empty is what a full disk, or a kill, has left of one that never began.
    if (fs::exists(path / name, error) && !fs::is_empty(path / name, error))
      return Error{fmt::format(
          "{}: a run lies there already; name another directory, or --force to replace it", path.string())};
  }
  return {};
}

void RunDirectory::discard() const {
  std::error_code error;
  for (fs::directory_iterator at(path_, error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename() != kPlanFile && at->path().filename() != kLockFile) return;
  }
  if (error || !fresh_) return;
  // Another coordinator may have come between, and be at work there.
  if (!lock_ && fs::exists(path_ / kLockFile)) return;
  fs::remove(path_ / kLockFile, error);
  fs::remove(path_ / kPlanFile, error);
  fs::remove(path_, error);
  if (!named_) fs::remove(path_.parent_path(), error);  // not where other runs lie there
}

Result<void> RunDirectory::point_latest() const {
  if (named_) return {};
  std::error_code error;
  const fs::path link = path_.parent_path() / "latest";
  const fs::path fresh = path_.parent_path() / fmt::format(".latest.{}", random_suffix());
  fs::create_directory_symlink(path_.filename(), fresh, error);
  if (!error) fs::rename(fresh, link, error);
  if (error) return cannot("point", link, fmt::format("at the run: {}", error.message()));
  return {};
}

Result<void> RunDirectory::clear() const {
  std::vector<fs::path> old;
  std::error_code error;
  for (fs::directory_iterator at(path_, error), end; !error && at != end; at.increment(error)) {
    if (is_of_a_run(at->path().filename().string())) old.push_back(at->path());
  }
  if (error) return cannot("read", path_, error.message());
  for (const fs::path& file : old) {
    fs::remove(file, error);
    if (error) return cannot("remove", file, error.message());
  }
  return {};
}

Result<void> RunDirectory::write(std::string_view name, std::string_view content) const {
  const fs::path target = path_ / name;
  const fs::path fresh = path_ / fmt::format(".{}.{}", name, random_suffix());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return cannot("write", target, std::strerror(errno));
  const auto written = write_all(fd, content);
  std::error_code error;
  if (::close(fd) != 0 && written) {
    const std::string why = std::strerror(errno);
    fs::remove(fresh, error);
    return cannot("write", target, why);
  }
  if (!written) {
    fs::remove(fresh, error);
    return cannot("write", target, written.error().message);
  }
  fs::rename(fresh, target, error);
  if (error) {
    std::error_code ignored;
    fs::remove(fresh, ignored);
    return cannot("write", target, error.message());
  }
  return {};
}

std::vector<std::string> RunDirectory::write_report(const Report& report) const {
  std::vector<std::string> failed;
  // JSON first: the others can be rendered again from it.
  for (const auto& [name, content] :
       {std::pair<std::string_view, std::string>{"report.json", render_json(report)},
        {"report.txt", render_text(report)},
        {"report.md", render_markdown(report)},
        {"steps.csv", render_csv(report)}}) {
    if (const auto written = write(name, content); !written) failed.push_back(written.error().message);
  }
  return failed;
}

}  // namespace kneepoint::coordinator
