#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/result.h"

namespace kneepoint {

/// A turn of a trace's session after its first: a prompt that holds everything before it.
struct TraceTurn {
  std::uint32_t input_tokens = 0;
  std::uint32_t output_tokens = 0;
  std::vector<std::uint64_t> blocks;  ///< As DatasetEntry::blocks.
  /// Of an entry with lanes: the turns that must have ended before, by their places (0: the first), in order;
  /// none: it begins with the session.
  std::vector<std::uint32_t> after;
  bool operator==(const TraceTurn&) const = default;
};

/// One request, or one conversation, of a dataset.
struct DatasetEntry {
  std::uint32_t prompt_class = 0;   ///< Index into Dataset::classes.
  std::vector<std::string> turns;   ///< The user's texts, UTF-8. None in a trace, which has lengths only.
  std::uint32_t input_tokens = 0;   ///< Of a trace; 0 where there is a text.
  std::uint32_t output_tokens = 0;  ///< 0: the dataset does not say.
  Nanos arrival{0};                 ///< Of a trace: since its first request.
  /// Of a trace that says which requests begin alike: block i of the prompt is the same text wherever it has
  /// the same id.
  std::vector<std::uint64_t> blocks;
  std::vector<TraceTurn> later;  ///< Of a trace's session.
  /// What passes before each turn after the first: tools at work, a user who reads. Empty: not said.
  std::vector<Nanos> gaps;
  /// How many of its turns may run at once, each as soon as those of its TraceTurn::after have ended. At most
  /// 1: they follow each other, whatever `after` says.
  std::uint32_t lanes = 0;
  std::size_t turn_count() const { return turns.empty() ? 1 + later.size() : turns.size(); }
  bool operator==(const DatasetEntry&) const = default;
};

/// What requests are made of, in the order of the file. Read by the coordinator; agents fetch it by the hash
/// of its bytes (`to_bytes`).
struct Dataset {
  std::vector<std::string> classes;   ///< At least one.
  std::vector<DatasetEntry> entries;  ///< At least one.
  std::uint32_t block_tokens = 0;     ///< The size of DatasetEntry::blocks.
  bool gaps_from_send = false;  ///< Gaps begin when the turn before was sent, else when its answer ended.
  bool operator==(const Dataset&) const = default;
};

/// The most bytes that a dataset may have: agents hold it in memory.
inline constexpr std::size_t kMaxDatasetBytes = std::size_t{256} << 20;
/// Agents fetch datasets in pieces of this size.
inline constexpr std::size_t kDatasetChunkBytes = std::size_t{1} << 20;

/// The dataset's canonical bytes: what is hashed and sent.
std::string to_bytes(const Dataset& dataset);
/// Checks everything; for bytes from the network.
Result<Dataset> dataset_from_bytes(const std::string& bytes);
/// SHA-256, in 64 hexadecimal digits.
std::string content_hash(std::string_view bytes);

/// The mean of all gaps; absent where the dataset says none.
std::optional<Nanos> mean_gap(const Dataset& dataset);

/// No session runs more of its turns at once.
inline constexpr std::uint32_t kMostLanes = 64;
/// The most lanes of any of its entries, at least 1.
std::uint32_t most_lanes(const Dataset& dataset);

/// A time of a dataset, stretched. At most 366 days: two numbers within the wire's bounds may have a product
/// that fits no clock.
inline Nanos stretched(Nanos time, double time_scale) {
  constexpr double kLongest = 366 * 86400.0;
  return from_seconds(std::min(kLongest, to_seconds(time) * time_scale));
}

/// When a trace's entry is due after the start of the replay. @param time_scale 2 takes twice the time.
inline Nanos arrival_of(const DatasetEntry& entry, double time_scale) {
  return stretched(entry.arrival, time_scale);
}

}  // namespace kneepoint
