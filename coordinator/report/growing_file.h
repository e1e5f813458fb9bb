#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "common/result.h"

namespace kneepoint::coordinator {

/// A file that grows while a run goes on. What the disk refuses is kept, in order, and written when it takes
/// something again: a full disk that is emptied leaves no hole. Not thread-safe.
class GrowingFile {
 public:
  /// Creates or empties it; for this user only. Follows no symbolic link that lies there. It is locked while
  /// it is open, as far as its disk knows locks.
  static Result<GrowingFile> create(const std::filesystem::path& path);
  ~GrowingFile();
  GrowingFile(GrowingFile&& other) noexcept;
  GrowingFile& operator=(GrowingFile&&) = delete;

  /// What was appended is with the kernel when this returns, so that it outlives the process however that
  /// ends; or it is kept, and the error names the file.
  Result<void> append(std::string_view bytes);
  /// Writes what is kept and waits until the disk has everything.
  Result<void> settle();
  /// Bytes that the disk has refused so far.
  std::size_t kept() const { return kept_.size(); }

 private:
  GrowingFile(std::filesystem::path path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  Result<void> write_kept();

  std::filesystem::path path_;
  int descriptor_ = -1;
  bool unsettled_ = false;
  std::string kept_;
};

/// Whether a process still has a GrowingFile there.
bool is_growing(const std::filesystem::path& path);

}  // namespace kneepoint::coordinator
