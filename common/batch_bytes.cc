#include "common/batch_bytes.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>

#include <cstdint>
#include <limits>
#include <unordered_map>
#include <utility>

#include "kneepoint/v1/measurement.pb.h"

namespace kneepoint {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::io::CodedInputStream;

/// Of an entry in a map, or of what memory management adds to a piece.
constexpr std::size_t kNodeBytes = 64;

std::size_t held_bytes(const Histogram& histogram) {
  return histogram.buckets().size() * sizeof(Histogram::Bucket);
}

std::size_t held_bytes(const SeriesStats& stats) {
  std::size_t bytes = sizeof(SeriesKey) + sizeof(SeriesStats) + kNodeBytes;
  for (const Histogram* histogram : {&stats.ttft, &stats.ttfo, &stats.tpot, &stats.icl, &stats.e2e,
                                     &stats.ttft_intended, &stats.e2e_intended})
    bytes += held_bytes(*histogram);
  for (const auto& [key, failed] : stats.failures.all())
    bytes += sizeof(key) + sizeof(failed) + kNodeBytes + failed.said.size() + failed.request_id.size();
  return bytes + stats.slo.size() * sizeof(SloCount);
}

std::size_t held_bytes(const GeneratorStats& stats) {
  std::size_t bytes = 0;
  for (const Histogram* histogram : {&stats.rx_lag, &stats.loop_gap, &stats.send_lag, &stats.connect})
    bytes += held_bytes(*histogram);
  return bytes;
}

/// An empty message, and what is made of it.
std::size_t object_bytes(const Descriptor* type) {
  static const auto sizes = [] {
    std::unordered_map<const Descriptor*, std::size_t> of;
    const auto add = [&of](const google::protobuf::Message& message, std::size_t made) {
      of[message.GetDescriptor()] = message.SpaceUsedLong() + made + kNodeBytes;
    };
    add(v1::SecondSnapshot::default_instance(), sizeof(SecondSnapshot));
    add(v1::SeriesSecond::default_instance(), sizeof(SeriesKey) + sizeof(SeriesStats));
    add(v1::GeneratorSecond::default_instance(), 0);
    add(v1::Histogram::default_instance(), 0);
    add(v1::Failures::default_instance(), sizeof(FailureCount));
    add(v1::SloCount::default_instance(), sizeof(SloCount));
    add(v1::Segments::default_instance(), 0);
    add(v1::RequestRow::default_instance(), sizeof(RequestRow));
    add(v1::ReplicaName::default_instance(), sizeof(std::string));
    return of;
  }();
  constexpr std::size_t kUnknown = 2048;
  const auto found = sizes.find(type);
  return found == sizes.end() ? kUnknown : found->second;
}

/// Of a number that does not lie in its message, in the list that has grown to hold it.
constexpr std::size_t kNumberBytes = 2 * sizeof(std::uint64_t);
/// Of a field that nobody knows.
constexpr std::size_t kUnknownBytes = 64;

class ReadBytes {
 public:
  ReadBytes(const std::string& bytes, std::size_t most)
      : in_(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size())),
        most_(most) {
    in_.PushLimit(static_cast<int>(bytes.size()));
  }

  /// False where it is no message, or takes too much.
  bool add(const Descriptor& type) {
    while (const std::uint32_t tag = in_.ReadTag()) {
      if (bytes_ > most_) return false;
      if (!add(type.FindFieldByNumber(static_cast<int>(tag >> 3)), tag & 7)) return false;
    }
    return in_.ConsumedEntireMessage();
  }
  std::size_t bytes() const { return bytes_; }

 private:
  bool add(const FieldDescriptor* field, std::uint32_t wire_type) {
    constexpr std::uint32_t kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5;
    if (wire_type == kLengthDelimited) return add_delimited(field);
    bytes_ += field == nullptr ? kUnknownBytes : field->is_repeated() ? kNumberBytes : 0;
    std::uint64_t wide = 0;
    std::uint32_t narrow = 0;
    switch (wire_type) {
      case kVarint:
        return in_.ReadVarint64(&wide);
      case kFixed64:
        return in_.ReadLittleEndian64(&wide);
      case kFixed32:
        return in_.ReadLittleEndian32(&narrow);
      default:
        return false;  // no agent sends groups
    }
  }

  bool add_delimited(const FieldDescriptor* field) {
    std::uint32_t length = 0;
    if (!in_.ReadVarint32(&length) || length > static_cast<std::uint32_t>(in_.BytesUntilLimit()))
      return false;
    const int size = static_cast<int>(length);
    if (field != nullptr && field->type() == FieldDescriptor::TYPE_MESSAGE) {
      bytes_ += object_bytes(field->message_type());
      const CodedInputStream::Limit outer = in_.PushLimit(size);
      if (!add(*field->message_type())) return false;
      in_.PopLimit(outer);
      return true;
    }
    // Of a list of small numbers every byte may be one.
    bytes_ += field != nullptr && field->is_packable() ? kNumberBytes * length : kUnknownBytes + length;
    return in_.Skip(size);
  }

  CodedInputStream in_;
  const std::size_t most_;
  std::size_t bytes_ = 0;
};

}  // namespace

std::size_t held_bytes(const SnapshotBatch& batch) {
  std::size_t bytes = sizeof(SnapshotBatch);
  for (const SecondSnapshot& second : batch.seconds) {
    bytes += sizeof(SecondSnapshot) + held_bytes(second.generator);
    for (const auto& [key, stats] : second.series) bytes += held_bytes(stats);
    bytes += second.requests.size() * sizeof(RequestRow);
  }
  for (const auto& [replica, name] : batch.replica_names) bytes += sizeof(name) + kNodeBytes + name.size();
  return bytes;
}

std::vector<SnapshotBatch> parts_of(SnapshotBatch batch, std::int64_t complete_before, std::size_t most) {
  std::vector<SnapshotBatch> parts;
  if (held_bytes(batch) <= most) {
    parts.push_back(std::move(batch));
    return parts;
  }
  std::size_t held = 0;
  const auto begin_part = [&] {
    parts.push_back({.complete_through = complete_before,
                     .in_flight = batch.in_flight,
                     .in_flight_beside = batch.in_flight_beside,
                     .backing_off = batch.backing_off,
                     .active_slots = batch.active_slots});
    held = 0;
  };
  const auto place_for = [&](std::size_t bytes, std::int64_t number) -> SecondSnapshot& {
    if (held > 0 && held + bytes > most) begin_part();
    std::vector<SecondSnapshot>& seconds = parts.back().seconds;
    if (seconds.empty() || seconds.back().second != number) {
      seconds.emplace_back().second = number;
      held += sizeof(SecondSnapshot);
    }
    held += bytes;
    return seconds.back();
  };
  begin_part();
  for (SecondSnapshot& second : batch.seconds) {
    place_for(held_bytes(second.generator), second.second).generator = std::move(second.generator);
    while (!second.series.empty()) {
      auto series = second.series.extract(second.series.begin());
      place_for(held_bytes(series.mapped()), second.second).series.insert(std::move(series));
    }
    for (const RequestRow& row : second.requests)
      place_for(sizeof(RequestRow), second.second).requests.push_back(row);
  }
  parts.back().complete_through = batch.complete_through;
  parts.back().replica_names = std::move(batch.replica_names);
  return parts;
}

std::size_t read_bytes(const std::string& bytes, std::size_t most) {
  if (bytes.size() > most) return bytes.size();
  ReadBytes reading(bytes, most);
  const bool read = reading.add(*v1::SnapshotBatch::descriptor());
  return read || reading.bytes() > most ? reading.bytes() : std::numeric_limits<std::size_t>::max();
}

}  // namespace kneepoint
