#include "coordinator/recording/segment.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fstream>
#include <memory>

#include "kneepoint/v1/recording.pb.h"

namespace kneepoint::coordinator {
namespace {

namespace io = google::protobuf::io;

/// The bytes of a gzip file, as far as they go: one that was cut off ends early.
class GzipInput final : public io::CopyingInputStream {
 public:
  explicit GzipInput(const std::filesystem::path& path) : file_(gzopen(path.c_str(), "rb")) {}
  bool open() const { return file_ != nullptr; }
  int Read(void* buffer, int size) override {
    return std::max(0, gzread(file_.get(), buffer, static_cast<unsigned>(size)));
  }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  std::unique_ptr<gzFile_s, Close> file_;
};

/// The next entry's bytes; false at the end, and where the last one is not whole.
bool read_delimited(io::ZeroCopyInputStream& stream, std::string& bytes) {
  io::CodedInputStream input(&stream);
  std::uint32_t size = 0;
  return input.ReadVarint32(&size) && size <= INT_MAX && input.ReadString(&bytes, static_cast<int>(size));
}

/// What was written of a checksum, the last field of an entry: its tag and four bytes.
constexpr std::size_t kChecksumBytes = 5;

bool damaged(const v1::RecordingEntry& entry, std::string_view bytes) {
  return bytes.size() < kChecksumBytes ||
         checksum(bytes.substr(0, bytes.size() - kChecksumBytes)) != entry.checksum();
}

}  // namespace

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<z_size_t>(bytes.size())));
}

Resumption SegmentStart::told() const {
  return {.at = wall, .at_seconds = static_cast<double>(at), .gap_seconds = static_cast<double>(gap)};
}

std::filesystem::path segment_path(const std::filesystem::path& directory, std::string_view file,
                                   std::size_t segment) {
  if (segment <= 1) return directory / file;
  const std::size_t dot = file.find('.');
  return directory / fmt::format("{}-{}{}", file.substr(0, dot), segment, file.substr(dot));
}

std::vector<std::size_t> join_agents(std::vector<RunFacts::Agent>& all,
                                     const std::vector<RunFacts::Agent>& more) {
  std::vector<std::size_t> places;
  for (const RunFacts::Agent& agent : more) {
    const auto known =
        std::find_if(all.rbegin(), all.rend(), [&](const auto& other) { return other.name == agent.name; });
    if (known == all.rend()) {
      places.push_back(all.size());
      all.push_back(agent);
    } else {
      places.push_back(static_cast<std::size_t>(all.rend() - known) - 1);
      if (agent.presence.over()) known->presence = agent.presence;
      known->clock_round_trip = std::max(known->clock_round_trip, agent.clock_round_trip);
    }
  }
  return places;
}

bool begins_as_recording(const std::filesystem::path& file) {
  constexpr std::string_view kGzip("\x1f\x8b", 2);
  std::ifstream stream(file, std::ios::binary);
  std::array<char, kGzip.size()> begin{};
  stream.read(begin.data(), begin.size());
  const auto size = static_cast<std::size_t>(stream.gcount());
  return !std::filesystem::is_directory(file) && kGzip.starts_with(std::string_view(begin.data(), size));
}

v1::RecordingEntry first_entry(const std::filesystem::path& file) {
  v1::RecordingEntry first;
  (void)read_entries(file, [&](const v1::RecordingEntry& entry) -> Result<void> {
    first = entry;
    first.clear_checksum();  // it gets its own where it is written again
    return Error{"enough"};
  });
  return first;
}

Result<void> read_entries(const std::filesystem::path& file,
                          const std::function<Result<void>(const v1::RecordingEntry&)>& take) {
  GzipInput input(file);
  if (!input.open()) return Error{fmt::format("{}: cannot be read: {}", file.string(), std::strerror(errno))};
  io::CopyingInputStreamAdaptor stream(&input);
  v1::RecordingEntry entry;
  std::string bytes;
  bool summed = false;  // then every entry is
  for (std::size_t number = 1; read_delimited(stream, bytes); ++number) {
    Result<void> taken;
    if (!entry.ParseFromString(bytes)) {
      taken = Error{"it is no entry of a recording"};
    } else if ((summed = summed || entry.has_checksum()) && damaged(entry, bytes)) {
      taken = Error{"its bytes are damaged: put an undamaged copy back, or measure again"};
    } else {
      taken = take(entry);
    }
    if (!taken) return Error{fmt::format("{}: entry {}: {}", file.string(), number, taken.error().message)};
  }
  return {};
}

}  // namespace kneepoint::coordinator
