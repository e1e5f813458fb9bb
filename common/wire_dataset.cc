#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <functional>

#include "common/dataset.h"
#include "common/wire_check.h"
#include "kneepoint/v1/plan.pb.h"

namespace kneepoint {
namespace {

using wire::Field;
using wire::refuse;

constexpr std::uint32_t kMaxBlockTokens = 1 << 20;
constexpr std::uint32_t kMaxTokens = 1 << 26;

std::uint32_t tokens(const Field& at, std::uint32_t value) {
  if (value > kMaxTokens) refuse(at, fmt::format("{} tokens are absurd", value));
  return value;
}

TraceTurn turn_from(const Field& at, const v1::TraceTurn& message) {
  TraceTurn turn;
  turn.input_tokens = tokens({&at, "input_tokens"}, message.input_tokens());
  turn.output_tokens = tokens({&at, "output_tokens"}, message.output_tokens());
  if (turn.input_tokens == 0) refuse({&at, "input_tokens"}, "is 0");
  turn.blocks.assign(message.blocks().begin(), message.blocks().end());
  turn.after.assign(message.after().begin(), message.after().end());
  return turn;
}

/// A turn that waited for itself, or for one that waits for it, would wait for ever.
void check_lanes(const Field& at, const DatasetEntry& entry) {
  if (entry.lanes > kMostLanes)
    refuse({&at, "lanes"}, fmt::format("{} are more than {}", entry.lanes, kMostLanes));
  for (std::size_t i = 0; i < entry.later.size(); ++i) {
    const auto& after = entry.later[i].after;
    const bool in_order =
        std::adjacent_find(after.begin(), after.end(), std::greater_equal<>()) == after.end();
    if (!in_order || (!after.empty() && after.back() > i))
      refuse({&at, "later", static_cast<int>(i)}, "waits for turns that are not before it");
  }
}

DatasetEntry entry_from(const Field& at, const v1::DatasetEntry& message, int classes) {
  DatasetEntry entry;
  if (message.prompt_class() >= static_cast<std::uint32_t>(classes)) {
    refuse({&at, "prompt_class"},
           fmt::format("{} is not one of {} classes", message.prompt_class(), classes));
  }
  entry.prompt_class = message.prompt_class();
  entry.turns.assign(message.turns().begin(), message.turns().end());
  entry.input_tokens = tokens({&at, "input_tokens"}, message.input_tokens());
  entry.output_tokens = tokens({&at, "output_tokens"}, message.output_tokens());
  if (entry.turns.empty() && entry.input_tokens == 0) refuse(at, "has neither text nor length");
  entry.arrival = wire::duration({&at, "arrival_nanos"}, message.arrival_nanos());
  entry.blocks.assign(message.blocks().begin(), message.blocks().end());
  if (!entry.turns.empty() && !message.later().empty()) refuse({&at, "later"}, "stands beside texts");
  for (int i = 0; i < message.later_size(); ++i)
    entry.later.push_back(turn_from({&at, "later", i}, message.later(i)));
  entry.lanes = message.lanes();
  check_lanes(at, entry);
  const auto gaps = static_cast<std::size_t>(message.gap_nanos_size());
  if (gaps > 0 && gaps + 1 != entry.turn_count())
    refuse({&at, "gap_nanos"}, fmt::format("{} gaps between {} turns", gaps, entry.turn_count()));
  for (int i = 0; i < message.gap_nanos_size(); ++i)
    entry.gaps.push_back(wire::duration({&at, "gap_nanos", i}, message.gap_nanos(i)));
  return entry;
}

}  // namespace

std::string to_bytes(const Dataset& dataset) {
  v1::Dataset message;
  for (const std::string& name : dataset.classes) message.add_classes(name);
  for (const DatasetEntry& from : dataset.entries) {
    v1::DatasetEntry& to = *message.add_entries();
    to.set_prompt_class(from.prompt_class);
    for (const std::string& turn : from.turns) to.add_turns(turn);
    to.set_input_tokens(from.input_tokens);
    to.set_output_tokens(from.output_tokens);
    to.set_arrival_nanos(from.arrival.count());
    for (const std::uint64_t block : from.blocks) to.add_blocks(block);
    for (const TraceTurn& turn : from.later) {
      v1::TraceTurn& later = *to.add_later();
      later.set_input_tokens(turn.input_tokens);
      later.set_output_tokens(turn.output_tokens);
      later.mutable_blocks()->Add(turn.blocks.begin(), turn.blocks.end());
      later.mutable_after()->Add(turn.after.begin(), turn.after.end());
    }
    for (const Nanos gap : from.gaps) to.add_gap_nanos(gap.count());
    to.set_lanes(from.lanes);
  }
  message.set_block_tokens(dataset.block_tokens);
  message.set_gaps_from_send(dataset.gaps_from_send);
  return message.SerializeAsString();
}

Result<Dataset> dataset_from_bytes(const std::string& bytes) {
  v1::Dataset message;
  if (bytes.size() > kMaxDatasetBytes || !message.ParseFromString(bytes)) return Error{"not a dataset"};
  return wire::guarded([&] {
    Dataset dataset;
    const Field classes{nullptr, "classes"};
    if (message.classes().empty()) refuse(classes, "is empty");
    wire::size_at_most(classes, static_cast<std::size_t>(message.classes_size()), wire::kMaxClasses);
    dataset.classes.assign(message.classes().begin(), message.classes().end());
    if (message.entries().empty()) refuse({nullptr, "entries"}, "is empty");
    dataset.entries.reserve(static_cast<std::size_t>(message.entries_size()));
    bool blocks = false;
    for (int i = 0; i < message.entries_size(); ++i) {
      dataset.entries.push_back(
          entry_from({nullptr, "entries", i}, message.entries(i), message.classes_size()));
      const DatasetEntry& entry = dataset.entries.back();
      blocks = blocks || !entry.blocks.empty() ||
               std::any_of(entry.later.begin(), entry.later.end(),
                           [](const TraceTurn& t) { return !t.blocks.empty(); });
    }
    dataset.block_tokens = message.block_tokens();
    dataset.gaps_from_send = message.gaps_from_send();
    if (dataset.block_tokens > kMaxBlockTokens || (blocks && dataset.block_tokens == 0)) {
      refuse({nullptr, "block_tokens"}, fmt::format("{} is no size of a block", dataset.block_tokens));
    }
    return dataset;
  });
}

std::optional<Nanos> mean_gap(const Dataset& dataset) {
  double sum = 0, count = 0;
  for (const DatasetEntry& entry : dataset.entries) {
    for (const Nanos gap : entry.gaps) sum += to_seconds(gap);
    count += static_cast<double>(entry.gaps.size());
  }
  if (count == 0) return std::nullopt;
  return from_seconds(sum / count);
}

std::uint32_t most_lanes(const Dataset& dataset) {
  std::uint32_t most = 1;
  for (const DatasetEntry& entry : dataset.entries) most = std::max(most, entry.lanes);
  return most;
}

std::string content_hash(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

}  // namespace kneepoint
