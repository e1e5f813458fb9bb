#include "coordinator/plan/lengths_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/plan/class_reader.h"
#include "coordinator/plan/workload_limits.h"
#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {
namespace {

using yaml::MappingReader;
using yaml::Node;
using yaml::PlanError;

std::string pair_name(std::uint32_t input, std::uint32_t output) {
  return fmt::format("{}/{}", input, output);
}

struct Pair {
  std::uint32_t input = 0, output = 0, weight = 1;
  std::string name() const { return pair_name(input, output); }
};

/// Takes digits only: no sign, no blank, no fraction.
bool take_count(std::string_view text, std::uint64_t most, std::uint32_t& into) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count < 1 || count > most) return false;
  into = static_cast<std::uint32_t>(count);
  return true;
}

Pair read_pair(const Node& node) {
  Pair pair;
  if (node.kind == Node::Kind::kMapping) {
    const MappingReader reader(node, "a pair of 'lengths'", {"input_tokens", "output_tokens", "weight"});
    const auto count = [&](std::string_view key, std::uint64_t most) {
      return static_cast<std::uint32_t>(
          yaml::read_integer(reader.require(key), fmt::format("'{}'", key), 1, most));
    };
    pair.input = count("input_tokens", kMostInputTokens);
    pair.output = count("output_tokens", kMostOutputTokens);
    if (reader.find("weight") != nullptr) pair.weight = count("weight", kHighestWeight);
    return pair;
  }
  const std::string& text = yaml::read_text(node, "a pair of 'lengths'");
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos ||
      !take_count(std::string_view(text).substr(0, slash), kMostInputTokens, pair.input) ||
      !take_count(std::string_view(text).substr(slash + 1), kMostOutputTokens, pair.output)) {
    throw PlanError{node.at,
                    fmt::format("'{}' is no pair of lengths; write tokens of input and of output, such "
                                "as 1024/128 (at most {}/{})",
                                yaml::excerpt(text), kMostInputTokens, kMostOutputTokens)};
  }
  return pair;
}

std::vector<Pair> read_pairs(const Node& node) {
  std::vector<Pair> pairs;
  if (node.kind != Node::Kind::kSequence) return {read_pair(node)};
  for (const Node& item : yaml::read_list(node, "'lengths'")) {
    const Pair pair = read_pair(item);
    if (std::any_of(pairs.begin(), pairs.end(), [&](const Pair& p) { return p.name() == pair.name(); }))
      throw PlanError{item.at, fmt::format("{} is given twice; keep one, with a 'weight'", pair.name())};
    if (pairs.size() == kMostDatasetClasses)
      throw PlanError{item.at, fmt::format("'lengths' has more than {} pairs", kMostDatasetClasses)};
    pairs.push_back(pair);
  }
  return pairs;
}

/// Each pair as often as its weight says.
Dataset dataset_of(const std::vector<Pair>& pairs) {
  std::uint32_t common = pairs.front().weight;
  for (const Pair& pair : pairs) common = std::gcd(common, pair.weight);
  Dataset dataset;
  for (const Pair& pair : pairs) {
    for (std::uint32_t i = 0; i < pair.weight / common; ++i) {
      dataset.entries.push_back({.prompt_class = static_cast<std::uint32_t>(dataset.classes.size()),
                                 .turns = {},
                                 .input_tokens = pair.input,
                                 .output_tokens = pair.output});
    }
    dataset.classes.push_back(pair.name());
  }
  return dataset;
}

}  // namespace

void read_lengths(const Node& node, DatasetLibrary& library, Workload& workload) {
  const std::vector<Pair> pairs = read_pairs(node);
  if (pairs.size() == 1) {
    workload.classes = {{.name = std::string(kDefaultClass), .prompts = {}}};
    workload.synthetic = Synthetic{.input_tokens = pairs.front().input};
    workload.output_tokens = pairs.front().output;
    return;
  }
  const auto item = library.add("lengths", dataset_of(pairs));
  for (const Pair& pair : pairs)
    workload.classes.push_back({.name = pair.name(), .prompts = {}, .weight = pair.weight});
  workload.dataset = DatasetUse{.hash = item.hash,
                                .bytes = item.bytes,
                                .order = DatasetOrder::kRandom,
                                .lengths_only = true,
                                .output_lengths = true};
}

bool is_pairs_of_lengths(const Dataset& dataset) {
  return std::all_of(dataset.entries.begin(), dataset.entries.end(), [&](const DatasetEntry& entry) {
    return entry.arrival == Nanos(0) &&
           dataset.classes[entry.prompt_class] == pair_name(entry.input_tokens, entry.output_tokens);
  });
}

}  // namespace kneepoint::coordinator
