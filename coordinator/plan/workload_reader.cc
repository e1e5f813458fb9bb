#include "coordinator/plan/workload_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "coordinator/plan/extra_body.h"
#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {
namespace {

using yaml::MappingReader;
using yaml::Node;
using yaml::PlanError;

constexpr std::uint64_t kMostOutputTokens = 1'000'000;
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
       {"max_completion_tokens", "write 'output_tokens' in the workload"},
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

}  // namespace

Workload read_workload(const Node& node, const std::string& scenario) {
  const MappingReader reader(
      node, fmt::format("workload of {}", scenario),
      {"prompts", "system", "output_tokens", "temperature", "top_p", "stream", "extra_body"});
  Workload workload;
  workload.classes = read_prompts(reader.require("prompts"));
  if (const Node* const system = reader.find("system"))
    workload.system = yaml::read_text(*system, "'system'");
  if (const Node* const tokens = reader.find("output_tokens")) {
    workload.output_tokens =
        static_cast<std::uint32_t>(yaml::read_integer(*tokens, "'output_tokens'", 1, kMostOutputTokens));
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
