#pragma once

#include <zlib.h>

#include <filesystem>
#include <memory>
#include <string_view>

#include "common/result.h"

namespace kneepoint::coordinator {

/// A gzip file that grows while a run goes on. Nothing is kept in memory: what was appended is with the
/// kernel when append() returns, so that it outlives the process however that ends. Not thread-safe.
class GzipFile {
 public:
  static Result<GzipFile> create(const std::filesystem::path& path);

  /// @returns an error once the disk refuses; further calls then do nothing.
  Result<void> append(std::string_view bytes);
  /// Whether the disk has not refused yet.
  bool open() const { return file_ != nullptr; }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  using File = std::unique_ptr<gzFile_s, Close>;

  GzipFile(std::filesystem::path path, File file) : path_(std::move(path)), file_(std::move(file)) {}

  std::filesystem::path path_;
  File file_;
};

}  // namespace kneepoint::coordinator
