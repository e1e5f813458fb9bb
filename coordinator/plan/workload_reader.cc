#include "coordinator/plan/workload_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "coordinator/plan/distribution_reader.h"
#include "coordinator/plan/extra_body.h"
#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using yaml::MappingReader;
using yaml::Node;
using yaml::PlanError;

constexpr std::uint64_t kMostOutputTokens = 1'000'000;
constexpr std::uint64_t kMostInputTokens = 1 << 20;
constexpr std::uint64_t kMostGroups = 1'000'000;
constexpr std::uint64_t kMostTurns = 1000;
constexpr std::uint64_t kMostEntries = 100'000'000;
constexpr std::uint64_t kHighestWeight = 1000;
constexpr double kHighestTemperature = 2;
/// Agents keep a histogram set per class, so a class per prompt would be a memory bill, not a finer report.
constexpr std::size_t kMostClasses = 32;

std::vector<std::string> read_texts(const Node& node) {
  std::vector<std::string> texts;
  for (const Node& item : yaml::read_list(node, "'texts'"))
    texts.push_back(yaml::read_text(item, "a prompt"));
  return texts;
}

PromptClass read_class(const Node& node) {
  const MappingReader reader(node, "a prompt class", {"class", "text", "texts", "weight"});
  reader.exclusive("text", "texts");
  PromptClass result;
  result.name = yaml::read_name(reader.require("class"), "'class'");
  if (const Node* const texts = reader.find("texts")) {
    result.prompts = read_texts(*texts);
  } else {
    result.prompts = {yaml::read_text(reader.require("text"), "'text'")};
  }
  if (const Node* const weight = reader.find("weight")) {
    result.weight = static_cast<std::uint32_t>(yaml::read_integer(*weight, "'weight'", 1, kHighestWeight));
  }
  return result;
}

/// Either a list of texts, which make one class, or a list of classes.
std::vector<PromptClass> read_prompts(const Node& node) {
  const std::vector<Node>& items = yaml::read_list(node, "'prompts'");
  const bool classes = items.front().kind == Node::Kind::kMapping;
  std::vector<PromptClass> result;
  if (!classes) result.push_back({.name = std::string(kDefaultClass), .prompts = {}});
  for (const Node& item : items) {
    if ((item.kind == Node::Kind::kMapping) != classes) {
      throw PlanError{item.at,
                      "prompts are either all texts or all {class: NAME, text: TEXT}; this one is of the "
                      "other kind"};
    }
    if (!classes) {
      result.front().prompts.push_back(yaml::read_text(item, "a prompt"));
      continue;
    }
    PromptClass next = read_class(item);
    if (std::any_of(result.begin(), result.end(),
                    [&](const PromptClass& c) { return c.name == next.name; })) {
      throw PlanError{item.find("class")->at,
                      fmt::format("prompt class '{}' is given twice; list its prompts under "
                                  "one class with 'texts'",
                                  next.name)};
    }
    if (result.size() == kMostClasses) {
      throw PlanError{item.at,
                      fmt::format("more than {} prompt classes; put several prompts into one class with "
                                  "'texts'",
                                  kMostClasses)};
    }
    result.push_back(std::move(next));
  }
  return result;
}

std::string read_extra_body(const Node& node) {
  struct Taken {
    std::string_view key, instead;
  };
  constexpr std::array<Taken, 10> kTaken = {
      {{"model", "the target's 'model' sets it"},
       {"messages", "'prompts' and 'system' set it"},
       {"prompt", "'prompts' sets it"},
       {"stream", "write 'stream' in the workload"},
       {"stream_options", "kneepoint sets it to count tokens"},
       {"max_tokens", "write 'output_tokens' in the workload"},
       {"max_completion_tokens",
        "write 'output_tokens' in the workload and 'token_limit: max_completion_tokens' in the target"},
       {"temperature", "write 'temperature' in the workload"},
       {"top_p", "write 'top_p' in the workload"},
       {"n", "one request is one answer"}}};
  std::string json = extra_body_json(node);
  for (const yaml::Member& member : node.members) {
    for (const Taken& taken : kTaken) {
      if (member.key != taken.key) continue;
      throw PlanError{member.at,
                      fmt::format("'{}' cannot stand in extra_body: {}", taken.key, taken.instead)};
    }
  }
  return node.members.empty() ? "" : json;
}

Synthetic read_synthetic(const Node& node, const std::string& scenario) {
  const MappingReader reader(node, fmt::format("'synthetic' of {}", scenario),
                             {"input_tokens", "shared_prefix_tokens", "prefix_groups"});
  Synthetic synthetic;
  synthetic.input_tokens =
      read_varying_count(reader.require("input_tokens"), "'input_tokens'", 1, kMostInputTokens);
  if (const Node* const shared = reader.find("shared_prefix_tokens")) {
    synthetic.shared_prefix_tokens = static_cast<std::uint32_t>(
        yaml::read_integer(*shared, "'shared_prefix_tokens'", 0, kMostInputTokens));
    if (synthetic.shared_prefix_tokens >= synthetic.input_tokens.largest()) {
      throw PlanError{shared->at,
                      fmt::format("'shared_prefix_tokens' must be less than 'input_tokens', which "
                                  "is at most {:g}",
                                  synthetic.input_tokens.largest())};
    }
  }
  if (const Node* const groups = reader.find("prefix_groups")) {
    if (synthetic.shared_prefix_tokens == 0)
      throw PlanError{reader.key_position("prefix_groups"),
                      "'prefix_groups' needs 'shared_prefix_tokens', which its groups share"};
    synthetic.prefix_groups =
        static_cast<std::uint32_t>(yaml::read_integer(*groups, "'prefix_groups'", 1, kMostGroups));
  }
  return synthetic;
}

DatasetFormat read_format(const MappingReader& reader, const std::string& file) {
  const Node* const format = reader.find("format");
  if (format == nullptr) {
    if (file.ends_with(".jsonl")) return DatasetFormat::kJsonLines;
    if (file.ends_with(".csv")) return DatasetFormat::kCsv;
    if (file.ends_with(".json")) return DatasetFormat::kShareGpt;
    throw PlanError{reader.node().at, "the dataset's 'format' cannot be told from its name; add it"};
  }
  const std::string& name = yaml::read_text(*format, "'format'");
  if (const auto known = dataset_format_from_string(name)) return *known;
  throw PlanError{format->at,
                  fmt::format("unknown format '{}'{}", yaml::excerpt(name),
                              yaml::suggestion(name, {"jsonl", "csv", "sharegpt", "mooncake", "azure-llm"}))};
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
  if (reader.find("time_scale") != nullptr && !is_trace(format)) {
    throw PlanError{reader.key_position("time_scale"),
                    fmt::format("'time_scale' is for traces; {} has no arrival times", to_string(format))};
  }
}

void read_dataset_use(const Node& node, const std::string& scenario, DatasetLibrary& library,
                      Workload& workload) {
  const MappingReader reader(
      node, fmt::format("'dataset' of {}", scenario),
      {"file", "format", "prompt", "output_tokens", "class", "limit", "order", "time_scale"});
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
  if (const Node* const limit = reader.find("limit"))
    spec.limit = yaml::read_integer(*limit, "'limit'", 1, kMostEntries);

  DatasetUse use;
  use.lengths_only = is_trace(spec.format);
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

Conversation read_conversation(const Node& node, const std::string& scenario, const Workload& workload) {
  const MappingReader reader(node, fmt::format("'conversation' of {}", scenario), {"turns", "think_time"});
  if (!workload.synthetic && !(workload.dataset && !workload.dataset->lengths_only)) {
    throw PlanError{node.at, "'conversation' needs 'synthetic' texts or a 'dataset' that has texts"};
  }
  Conversation conversation;
  if (const Node* const turns = reader.find("turns")) {
    conversation.turns = read_varying_count(*turns, "'turns'", 1, kMostTurns);
  } else if (workload.synthetic) {
    throw PlanError{node.at, fmt::format("{} has no 'turns'; add it", reader.what())};
  }
  if (const Node* const think = reader.find("think_time"))
    conversation.think_time = read_varying_duration(*think, "'think_time'", 24h);
  return conversation;
}

/// What the texts of the requests are.
void read_source(const MappingReader& reader, const std::string& scenario, DatasetLibrary& library,
                 Workload& workload) {
  reader.exclusive("prompts", "dataset");
  reader.exclusive("prompts", "synthetic");
  reader.exclusive("dataset", "synthetic");
  if (const Node* const synthetic = reader.find("synthetic")) {
    workload.classes = {{.name = std::string(kDefaultClass), .prompts = {}}};
    workload.synthetic = read_synthetic(*synthetic, scenario);
  } else if (const Node* const dataset = reader.find("dataset")) {
    read_dataset_use(*dataset, scenario, library, workload);
  } else if (reader.find("prompts") != nullptr) {
    workload.classes = read_prompts(reader.require("prompts"));
  } else {
    throw PlanError{reader.node().at,
                    fmt::format("{} has no 'prompts', 'dataset' or 'synthetic'; add one", reader.what())};
  }
  if (const Node* const conversation = reader.find("conversation"))
    workload.conversation = read_conversation(*conversation, scenario, workload);
  if (const Node* const think = reader.find("think_time")) {
    if (workload.conversation) {
      throw PlanError{reader.key_position("think_time"),
                      "the turns of a conversation have a 'think_time' of their own; move it there"};
    }
    workload.think_time = read_varying_duration(*think, "'think_time'", 24h);
  }
  if (const Node* const unique = reader.find("unique")) {
    workload.unique = yaml::read_bool(*unique, "'unique'");
    if (workload.makes_text())
      throw PlanError{reader.key_position("unique"), "'unique' is for given texts; made ones always are"};
  }
}

}  // namespace

Workload read_workload(const Node& node, const std::string& scenario, DatasetLibrary& library) {
  const MappingReader reader(node, fmt::format("workload of {}", scenario),
                             {"prompts", "dataset", "synthetic", "conversation", "think_time", "unique",
                              "system", "output_tokens", "temperature", "top_p", "stream", "extra_body"});
  Workload workload;
  read_source(reader, scenario, library, workload);
  if (const Node* const system = reader.find("system"))
    workload.system = yaml::read_text(*system, "'system'");
  if (const Node* const tokens = reader.find("output_tokens")) {
    workload.output_tokens = read_varying_count(*tokens, "'output_tokens'", 1, kMostOutputTokens);
  }
  if (const Node* const value = reader.find("temperature")) {
    workload.temperature = yaml::read_number(*value, "'temperature'", 0, kHighestTemperature);
  }
  if (const Node* const value = reader.find("top_p"))
    workload.top_p = yaml::read_number(*value, "'top_p'", 0.001, 1);
  if (const Node* const stream = reader.find("stream"))
    workload.stream = yaml::read_bool(*stream, "'stream'");
  if (const Node* const extra = reader.find("extra_body")) workload.extra_body = read_extra_body(*extra);
  return workload;
}

}  // namespace kneepoint::coordinator
