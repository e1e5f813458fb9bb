#include "coordinator/recording/recording.h"

#include <fmt/format.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

#include "common/wire.h"
#include "coordinator/recording/entries.h"
#include "coordinator/telemetry/telemetry_lines.h"
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

/// Empty where the targets told nothing.
Result<TelemetrySeries> read_telemetry(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return TelemetrySeries{};
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  auto series = parse_telemetry(text);
  if (!series) return Error{fmt::format("{}: {}", file.string(), series.error().message)};
  return series;
}

/// Puts a recording together, entry by entry.
class Reader {
 public:
  explicit Reader(Recording& into) : into_(into) {}

  /// @returns what is wrong with the entry.
  Result<void> take(const v1::RecordingEntry& entry) {
    if (entry.has_run() == started_)
      return Error{started_ ? "a second beginning" : "this is no recording of a run"};
    switch (entry.entry_case()) {
      case v1::RecordingEntry::kRun:
        return start(entry.run());
      case v1::RecordingEntry::kBatch:
        return merge(entry.batch());
      case v1::RecordingEntry::kWindow: {
        const auto window = from_message(entry.window(), cells_);
        if (!window) return window.error();
        // As the run did, so that hours take little memory here, too.
        if (!into_.windows.empty() && into_.windows.back().grain > 1) {
          const StepWindow& past = into_.windows.back();
          into_.timeline.fold(past.begin, past.end, past.grain);
        }
        into_.windows.push_back(*window);
        return {};
      }
      case v1::RecordingEntry::kLoss:
        if (entry.loss().agent() >= into_.facts.agents.size())
          return Error{"loss.agent: there is no such agent"};
        into_.timeline.lose_agent(entry.loss().agent());
        into_.facts.agents[entry.loss().agent()].lost = true;
        return {};
      case v1::RecordingEntry::kEnd:
        from_message(entry.end(), into_.facts);
        ended_ = true;
        return {};
      case v1::RecordingEntry::ENTRY_NOT_SET:
        return {};  // of a later version: what it adds is not needed here
    }
    return {};
  }

  bool started() const { return started_; }
  bool ended() const { return ended_; }

 private:
  Result<void> start(const v1::RecordedRun& run) {
    auto begun = from_message(run);
    if (!begun) return begun.error();
    into_.plan = std::move(begun->plan);
    into_.facts = std::move(begun->facts);
    cells_ = cells_of(into_.plan).size();
    for (std::uint32_t agent = 0; agent < into_.facts.agents.size(); ++agent) into_.timeline.add_agent(agent);
    started_ = true;
    return {};
  }

  Result<void> merge(const v1::RecordedBatch& recorded) {
    if (recorded.agent() >= into_.facts.agents.size()) return Error{"batch.agent: there is no such agent"};
    const auto batch = from_wire(recorded.batch());
    if (!batch) return batch.error();
    for (const SecondSnapshot& second : batch->seconds) {
      for (const auto& [key, stats] : second.series) {
        if (key.cell >= cells_) return Error{fmt::format("batch: there is no cell {}", key.cell)};
      }
    }
    into_.timeline.add(recorded.agent(), *batch);
    return {};
  }

  Recording& into_;
  std::size_t cells_ = 0;
  bool started_ = false, ended_ = false;
};

}  // namespace

Result<Recording> read_recording(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / kRecordingFile;
  GzipInput input(file);
  if (!input.open()) return Error{fmt::format("{}: cannot be read: {}", file.string(), std::strerror(errno))};
  io::CopyingInputStreamAdaptor stream(&input);
  Recording recording;
  Reader reader(recording);
  v1::RecordingEntry entry;
  for (std::size_t number = 1;
       google::protobuf::util::ParseDelimitedFromZeroCopyStream(&entry, &stream, nullptr); ++number) {
    if (const auto taken = reader.take(entry); !taken)
      return Error{fmt::format("{}: entry {}: {}", file.string(), number, taken.error().message)};
    entry.Clear();
  }
  if (!reader.started()) return Error{fmt::format("{}: this is no recording of a run", file.string())};
  if (!reader.ended()) {
    recording.facts.interrupted = recording.facts.unfinished = true;
    recording.facts.duration = std::chrono::seconds(recording.timeline.complete_through() + 1);
  }
  auto telemetry = read_telemetry(directory / kTelemetryFile);
  if (!telemetry) return telemetry.error();
  recording.telemetry = *std::move(telemetry);
  return recording;
}

}  // namespace kneepoint::coordinator
