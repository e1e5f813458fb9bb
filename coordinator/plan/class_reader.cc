#include "coordinator/plan/class_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "common/name.h"
#include "coordinator/plan/extra_body.h"
#include "coordinator/plan/header_reader.h"
#include "coordinator/plan/slo_reader.h"
#include "coordinator/plan/workload_limits.h"

namespace kneepoint::coordinator {
namespace {

using yaml::MappingReader;
using yaml::Node;
using yaml::PlanError;

constexpr double kSteepestZipf = 10;
/// Agents keep a histogram set per class, so a class per prompt would be a memory bill, not a finer report.
constexpr std::size_t kMostClasses = 32;
constexpr std::string_view kNumber = "{n}";

std::vector<std::string> read_texts(const Node& node) {
  std::vector<std::string> texts;
  for (const Node& item : yaml::read_list(node, "'texts'"))
    texts.push_back(yaml::read_text(item, "a prompt"));
  return texts;
}

/// `text` with every "{n}" replaced.
std::string numbered(std::string text, std::uint64_t n) {
  for (std::size_t at = 0; (at = text.find(kNumber, at)) != text.npos;) {
    const std::string digits = fmt::to_string(n);
    text.replace(at, kNumber.size(), digits);
    at += digits.size();
  }
  return text;
}

/// Reads one class after the other, and holds each against those before it.
class ClassList {
 public:
  ClassList(const std::string& scenario, bool streamed) : scenario_(scenario), streamed_(streamed) {}

  /// A class with texts.
  void add_prompts(const Node& node) {
    const MappingReader reader(node, "a prompt class",
                               {"class", "text", "texts", "weight", "model", "headers", "extra_body", "slo"});
    reader.exclusive("text", "texts");
    PromptClass one{.name = yaml::read_name(reader.require("class"), "'class'"), .prompts = {}};
    if (const Node* const texts = reader.find("texts")) {
      one.prompts = read_texts(*texts);
    } else {
      one.prompts = {yaml::read_text(reader.require("text"), "'text'")};
    }
    one.weight = weight_of(reader);
    add(reader, std::move(one));
  }

  /// One class or, with `count`, several that are alike.
  void add_dealt(const Node& node) {
    const MappingReader reader(node, "a class",
                               {"class", "weight", "count", "zipf", "model", "headers", "extra_body", "slo"});
    const Node& name = reader.require("class");
    const Node* const count = reader.find("count");
    if (count == nullptr) {
      if (reader.find("zipf") != nullptr)
        throw PlanError{reader.key_position("zipf"), "'zipf' weighs the classes of a 'count'; add it"};
      return add(reader,
                 {.name = yaml::read_name(name, "'class'"), .prompts = {}, .weight = weight_of(reader)});
    }
    const std::uint64_t copies = yaml::read_integer(*count, "'count'", 2, kMostClasses);
    const std::string& pattern = yaml::read_text(name, "'class'");
    if (const auto fault = name_fault(numbered(pattern, copies)))
      throw PlanError{name.at, fmt::format("'class' {}", *fault)};
    if (pattern.find(kNumber) == pattern.npos) {
      throw PlanError{name.at,
                      "with 'count' the class's name needs a {n}, which becomes 1, 2, …: \"lora-{n}\""};
    }
    double exponent = 0;
    if (const Node* const zipf = reader.find("zipf"))
      exponent = yaml::read_number(*zipf, "'zipf'", 0, kSteepestZipf);
    // Weights are whole: a steep mix needs large ones.
    const bool weighted = reader.find("weight") != nullptr || exponent == 0;
    const double top = weighted ? weight_of(reader) : static_cast<double>(kHighestWeight);
    for (std::uint64_t n = 1; n <= copies; ++n) {
      const double share = top / std::pow(static_cast<double>(n), exponent);
      add(reader,
          {.name = numbered(pattern, n),
           .prompts = {},
           .weight = static_cast<std::uint32_t>(std::max(1.0, std::round(share)))},
          n);
    }
  }

  /// What a class of a dataset has of its own.
  void add_named(const Node& node, const std::vector<std::string>& known) {
    const MappingReader reader(node, "a class", {"class", "model", "headers", "extra_body", "slo"});
    const Node& name = reader.require("class");
    const std::string& text = yaml::read_text(name, "'class'");
    if (std::find(known.begin(), known.end(), text) == known.end()) {
      throw PlanError{name.at, fmt::format("the dataset has no class '{}'{}", yaml::excerpt(text),
                                           yaml::suggestion(text, {known.begin(), known.end()}))};
    }
    add(reader, {.name = text, .prompts = {}});
  }

  ClassesRead& read() { return read_; }

 private:
  static std::uint32_t weight_of(const MappingReader& reader) {
    const Node* const weight = reader.find("weight");
    return weight == nullptr
               ? 1
               : static_cast<std::uint32_t>(yaml::read_integer(*weight, "'weight'", 1, kHighestWeight));
  }

  /// @param n of a copy, else nothing: stands for "{n}" in its model.
  void add(const MappingReader& reader, PromptClass next, std::optional<std::uint64_t> n = std::nullopt) {
    if (std::any_of(read_.classes.begin(), read_.classes.end(),
                    [&](const PromptClass& c) { return c.name == next.name; })) {
      throw PlanError{reader.require("class").at,
                      next.prompts.empty()
                          ? fmt::format("class '{}' is given twice; keep one", next.name)
                          : fmt::format("prompt class '{}' is given twice; list its prompts under "
                                        "one class with 'texts'",
                                        next.name)};
    }
    if (read_.classes.size() == kMostClasses) {
      throw PlanError{
          reader.node().at,
          next.prompts.empty()
              ? fmt::format("more than {} classes; each is a row of the report", kMostClasses)
              : fmt::format("more than {} prompt classes; put several prompts into one class with "
                            "'texts'",
                            kMostClasses)};
    }
    if (const Node* const model = reader.find("model")) {
      next.model = yaml::read_text(*model, "'model'");
      if (n) next.model = numbered(std::move(next.model), *n);
    }
    if (const Node* const headers = reader.find("headers")) next.headers = read_headers(*headers);
    if (const Node* const extra = reader.find("extra_body")) next.extra_body = read_extra_body(*extra);
    if (const Node* const slo = reader.find("slo")) {
      for (SloLimit& limit :
           read_slo(*slo, fmt::format("class '{}' of {}", next.name, scenario_), streamed_)) {
        limit.prompt_class = next.name;
        read_.slo.push_back(std::move(limit));
      }
    }
    read_.classes.push_back(std::move(next));
  }

  const std::string& scenario_;
  const bool streamed_;
  ClassesRead read_;
};

}  // namespace

ClassesRead read_prompts(const Node& node, const std::string& scenario, bool streamed) {
  const std::vector<Node>& items = yaml::read_list(node, "'prompts'");
  const bool classes = items.front().kind == Node::Kind::kMapping;
  ClassList list(scenario, streamed);
  if (!classes) list.read().classes.push_back({.name = std::string(kDefaultClass), .prompts = {}});
  for (const Node& item : items) {
    if ((item.kind == Node::Kind::kMapping) != classes) {
      throw PlanError{item.at,
                      "prompts are either all texts or all {class: NAME, text: TEXT}; this one is of the "
                      "other kind"};
    }
    if (classes) {
      list.add_prompts(item);
    } else {
      list.read().classes.front().prompts.push_back(yaml::read_text(item, "a prompt"));
    }
  }
  return std::move(list.read());
}

ClassesRead read_classes(const Node& node, const std::string& scenario, bool streamed) {
  ClassList list(scenario, streamed);
  for (const Node& item : yaml::read_list(node, "'classes'")) list.add_dealt(item);
  return std::move(list.read());
}

ClassesRead read_dataset_classes(const Node& node, const std::string& scenario, bool streamed,
                                 const std::vector<std::string>& names) {
  ClassList list(scenario, streamed);
  for (const Node& item : yaml::read_list(node, "'classes'")) list.add_named(item, names);
  ClassesRead read = std::move(list.read());
  std::vector<PromptClass> in_order;
  for (const std::string& name : names) {
    const auto given = std::find_if(read.classes.begin(), read.classes.end(),
                                    [&](const PromptClass& c) { return c.name == name; });
    in_order.push_back(given == read.classes.end() ? PromptClass{.name = name, .prompts = {}}
                                                   : std::move(*given));
  }
  read.classes = std::move(in_order);
  return read;
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

}  // namespace kneepoint::coordinator
