#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "common/result.h"
#include "coordinator/report/growing_file.h"

struct z_stream_s;

namespace kneepoint::coordinator {

/// A gzip file that grows while a run goes on: what was settled can be read, however the file ends behind it.
/// Not thread-safe.
class GzipFile {
 public:
  static Result<GzipFile> create(const std::filesystem::path& path);
  ~GzipFile();
  GzipFile(GzipFile&&) noexcept;
  GzipFile& operator=(GzipFile&&) = delete;

  /// Kept until settle() where the compressor waits for more of it, or where the disk refuses it, which the
  /// error says.
  Result<void> append(std::string_view bytes);
  /// What was appended is with the kernel, and can be read. Costs a few bytes and a new table of codes: once
  /// for many appends.
  Result<void> flush();
  /// The same, and the disk has it (GrowingFile).
  Result<void> settle();

 private:
  explicit GzipFile(GrowingFile file);
  /// @param flush zlib's.
  std::string_view compress(std::string_view bytes, int flush);

  GrowingFile file_;
  std::unique_ptr<z_stream_s> stream_;
  std::string compressed_;
  bool readable_ = true;  // all that was appended, from what the disk was given
};

}  // namespace kneepoint::coordinator
