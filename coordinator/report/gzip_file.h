#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "common/result.h"
#include "coordinator/report/growing_file.h"

struct z_stream_s;

namespace kneepoint::coordinator {

/// A gzip file that grows while a run goes on: every append ends at a point from which a reader of a cut file
/// has all of it. Not thread-safe.
class GzipFile {
 public:
  static Result<GzipFile> create(const std::filesystem::path& path);
  ~GzipFile();
  GzipFile(GzipFile&&) noexcept;
  GzipFile& operator=(GzipFile&&) = delete;

  /// As GrowingFile.
  Result<void> append(std::string_view bytes);
  Result<void> settle() { return file_.settle(); }

 private:
  explicit GzipFile(GrowingFile file);
  /// @param flush zlib's.
  std::string_view compress(std::string_view bytes, int flush);

  GrowingFile file_;
  std::unique_ptr<z_stream_s> stream_;
  std::string compressed_;
};

}  // namespace kneepoint::coordinator
