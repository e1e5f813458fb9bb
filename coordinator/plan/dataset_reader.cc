#include "coordinator/plan/dataset_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {
namespace {

using yaml::MappingReader;
using yaml::Node;
using yaml::PlanError;

constexpr std::uint64_t kMostEntries = 100'000'000;
constexpr std::uint64_t kMostBlockTokens = 65'536;

DatasetFormat read_format(const MappingReader& reader, const std::string& file) {
  const Node* const format = reader.find("format");
  if (format == nullptr) {
    if (file.ends_with(".jsonl")) return DatasetFormat::kJsonLines;
    if (file.ends_with(".csv")) return DatasetFormat::kCsv;
    if (file.ends_with(".json")) return DatasetFormat::kShareGpt;
    throw PlanError{reader.node().at, "the name of the dataset does not show its 'format'; add it"};
  }
  const std::string& name = yaml::read_text(*format, "'format'");
  if (const auto known = dataset_format_from_string(name)) return *known;
  throw PlanError{format->at,
                  fmt::format("unknown format '{}'{}", yaml::excerpt(name),
                              yaml::suggestion(name, {"jsonl", "csv", "sharegpt", "bodies", "mooncake",
                                                      "bailian", "otel", "azure-llm", "burstgpt"}))};
}

/// Keys that only some formats have.
void check_dataset_keys(const MappingReader& reader, DatasetFormat format) {
  const bool fields = format == DatasetFormat::kJsonLines || format == DatasetFormat::kCsv;
  for (const std::string_view key : {"prompt", "output_tokens", "class"}) {
    if (reader.find(key) != nullptr && !fields) {
      throw PlanError{
          reader.key_position(key),
          fmt::format("'{}' names a field of a jsonl or csv file; {} has its own", key, to_string(format))};
    }
  }
  if (reader.find("roles") != nullptr && format != DatasetFormat::kJsonLines &&
      format != DatasetFormat::kShareGpt) {
    throw PlanError{
        reader.key_position("roles"),
        fmt::format("'roles' is for chats in jsonl and sharegpt files; {} has none", to_string(format))};
  }
  if (reader.find("delay") != nullptr && format != DatasetFormat::kJsonLines) {
    throw PlanError{reader.key_position("delay"),
                    fmt::format("'delay' names a member of a jsonl file; {} has none", to_string(format))};
  }
  if (reader.find("block_tokens") != nullptr && format != DatasetFormat::kMooncake &&
      format != DatasetFormat::kBailian) {
    throw PlanError{
        reader.key_position("block_tokens"),
        fmt::format("'block_tokens' is for 'hash_ids' of mooncake and bailian traces; {} has none",
                    to_string(format))};
  }
  if (reader.find("time_scale") != nullptr && !is_trace(format) && reader.find("delay") == nullptr) {
    throw PlanError{reader.key_position("time_scale"),
                    fmt::format("'time_scale' is for traces; {} has no arrival times", to_string(format))};
  }
}

}  // namespace

void read_dataset_use(const Node& node, const std::string& scenario, bool sessions, DatasetLibrary& library,
                      Workload& workload) {
  const MappingReader reader(node, fmt::format("'dataset' of {}", scenario),
                             {"file", "format", "prompt", "output_tokens", "class", "delay", "roles",
                              "bad_lines", "block_tokens", "limit", "order", "time_scale"});
  const Node& file = reader.require("file");
  DatasetSpec spec{.path = yaml::read_text(file, "'file'")};
  spec.format = read_format(reader, spec.path);
  check_dataset_keys(reader, spec.format);
  const auto field = [&](std::string_view key, std::string& into) {
    if (const Node* const name = reader.find(key)) into = yaml::read_text(*name, fmt::format("'{}'", key));
  };
  field("prompt", spec.prompt);
  field("output_tokens", spec.output_tokens);
  field("class", spec.prompt_class);
  field("delay", spec.delay);
  if (!spec.delay.empty() && !sessions)
    throw PlanError{
        reader.key_position("delay"),
        "'delay' passes between turns; add 'conversation: {}', without which only first turns are "
        "sent"};
  spec.sessions =
      sessions && (spec.format == DatasetFormat::kBailian || spec.format == DatasetFormat::kOtelSpans);
  if (const Node* const block = reader.find("block_tokens"))
    spec.block_tokens =
        static_cast<std::uint32_t>(yaml::read_integer(*block, "'block_tokens'", 1, kMostBlockTokens));
  if (const Node* const limit = reader.find("limit"))
    spec.limit = yaml::read_integer(*limit, "'limit'", 1, kMostEntries);
  if (const Node* const roles = reader.find("roles"))
    spec.all_roles = yaml::read_choice(*roles, "roles", {"user", "all"}) == "all";
  if (const Node* const bad = reader.find("bad_lines"))
    spec.skip_bad_lines = yaml::read_choice(*bad, "bad_lines", {"refuse", "skip"}) == "skip";

  DatasetUse use;
  use.lengths_only = is_trace(spec.format);
  use.bodies = spec.format == DatasetFormat::kBodies;
  use.messages = spec.all_roles;
  use.output_lengths = use.lengths_only || !spec.output_tokens.empty();
  use.order = use.lengths_only ? DatasetOrder::kSequential : DatasetOrder::kRandom;
  if (const Node* const order = reader.find("order")) {
    const std::string& name = yaml::read_text(*order, "'order'");
    if (name != "random" && name != "sequential") {
      throw PlanError{order->at, fmt::format("unknown order '{}'{}", yaml::excerpt(name),
                                             yaml::suggestion(name, {"random", "sequential"}))};
    }
    use.order = name == "random" ? DatasetOrder::kRandom : DatasetOrder::kSequential;
  }
  if (const Node* const scale = reader.find("time_scale"))
    use.time_scale = yaml::read_number(*scale, "'time_scale'", 0.001, 1000);

  const auto item = library.get(spec);
  if (!item) {
    std::string line = item.error().message;  // names the file, and a file's name may hold anything
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    throw PlanError{file.at, line};
  }
  use.hash = item->hash;
  use.bytes = item->bytes;
  for (const std::string& name : item->dataset->classes)
    workload.classes.push_back({.name = name, .prompts = {}});
  workload.dataset = std::move(use);
}

}  // namespace kneepoint::coordinator
