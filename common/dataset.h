#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/result.h"

namespace kneepoint {

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
  bool operator==(const DatasetEntry&) const = default;
};

/// What requests are made of, in the order of the file. Read by the coordinator; agents fetch it by the hash
/// of its bytes (`to_bytes`).
struct Dataset {
  std::vector<std::string> classes;   ///< At least one.
  std::vector<DatasetEntry> entries;  ///< At least one.
  std::uint32_t block_tokens = 0;     ///< The size of DatasetEntry::blocks.
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

/// When a trace's entry is due after the start of the replay. @param time_scale 2 takes twice the time.
inline Nanos arrival_of(const DatasetEntry& entry, double time_scale) {
  return from_seconds(to_seconds(entry.arrival) * time_scale);
}

}  // namespace kneepoint
