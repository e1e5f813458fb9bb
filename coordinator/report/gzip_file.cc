#include "coordinator/report/gzip_file.h"

#include <zlib.h>

#include <array>
#include <new>
#include <utility>

namespace kneepoint::coordinator {
namespace {

/// A tenth of the time of the default for a few per cent more bytes.
constexpr int kLevel = 1;
/// With a gzip header and trailer, as zlib asks for them.
constexpr int kGzipWindow = MAX_WBITS + 16;
constexpr int kMemory = 8;

}  // namespace

Result<GzipFile> GzipFile::create(const std::filesystem::path& path) {
  auto file = GrowingFile::create(path);
  if (!file) return file.error();
  return GzipFile(*std::move(file));
}

GzipFile::GzipFile(GrowingFile file) : file_(std::move(file)), stream_(std::make_unique<z_stream_s>()) {
  if (deflateInit2(stream_.get(), kLevel, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
}

GzipFile::GzipFile(GzipFile&&) noexcept = default;

GzipFile::~GzipFile() {
  if (!stream_) return;
  (void)file_.append(compress({}, Z_FINISH));
  deflateEnd(stream_.get());
}

Result<void> GzipFile::append(std::string_view bytes) {
  if (bytes.empty()) return {};
  readable_ = false;
  const std::string_view compressed = compress(bytes, Z_NO_FLUSH);
  return compressed.empty() ? Result<void>() : file_.append(compressed);
}

Result<void> GzipFile::flush() {
  return file_.append(std::exchange(readable_, true) ? std::string_view() : compress({}, Z_SYNC_FLUSH));
}

Result<void> GzipFile::settle() {
  (void)flush();  // what the disk refuses here it is asked for again
  return file_.settle();
}

std::string_view GzipFile::compress(std::string_view bytes, int flush) {
  std::array<char, 65'536> out;
  compressed_.clear();
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream_->avail_in = static_cast<uInt>(bytes.size());
  do {
    stream_->next_out = reinterpret_cast<Bytef*>(out.data());
    stream_->avail_out = static_cast<uInt>(out.size());
    deflate(stream_.get(), flush);
    compressed_.append(out.data(), out.size() - stream_->avail_out);
  } while (stream_->avail_out == 0);
  return compressed_;
}

}  // namespace kneepoint::coordinator
