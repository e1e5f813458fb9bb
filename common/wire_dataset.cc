#include <fmt/format.h>
#include <openssl/sha.h>

#include <array>

#include "common/dataset.h"
#include "common/wire_check.h"
#include "kneepoint/v1/plan.pb.h"

namespace kneepoint {
namespace {

using wire::Field;
using wire::refuse;

constexpr std::size_t kMaxClasses = 4096;
constexpr std::uint32_t kMaxBlockTokens = 1 << 20;
constexpr std::uint32_t kMaxTokens = 1 << 26;

std::uint32_t tokens(const Field& at, std::uint32_t value) {
  if (value > kMaxTokens) refuse(at, fmt::format("{} tokens are absurd", value));
  return value;
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
  }
  message.set_block_tokens(dataset.block_tokens);
  return message.SerializeAsString();
}

Result<Dataset> dataset_from_bytes(const std::string& bytes) {
  v1::Dataset message;
  if (bytes.size() > kMaxDatasetBytes || !message.ParseFromString(bytes)) return Error{"not a dataset"};
  return wire::guarded([&] {
    Dataset dataset;
    const Field classes{nullptr, "classes"};
    if (message.classes().empty()) refuse(classes, "is empty");
    wire::size_at_most(classes, static_cast<std::size_t>(message.classes_size()), kMaxClasses);
    dataset.classes.assign(message.classes().begin(), message.classes().end());
    if (message.entries().empty()) refuse({nullptr, "entries"}, "is empty");
    dataset.entries.reserve(static_cast<std::size_t>(message.entries_size()));
    bool blocks = false;
    for (int i = 0; i < message.entries_size(); ++i) {
      dataset.entries.push_back(
          entry_from({nullptr, "entries", i}, message.entries(i), message.classes_size()));
      blocks = blocks || !dataset.entries.back().blocks.empty();
    }
    dataset.block_tokens = message.block_tokens();
    if (dataset.block_tokens > kMaxBlockTokens || (blocks && dataset.block_tokens == 0)) {
      refuse({nullptr, "block_tokens"}, fmt::format("{} is no size of a block", dataset.block_tokens));
    }
    return dataset;
  });
}

std::string content_hash(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

}  // namespace kneepoint
