#include "coordinator/plan/dialect_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/plan/extra_body.h"
#include "coordinator/plan/ready_dialects.h"
#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {
namespace {

using yaml::MappingReader;
using yaml::Node;
using yaml::PlanError;

constexpr std::size_t kLargestFile = 256 * 1024;

/// The one of two words that stands there; true for `yes`.
bool read_choice(const Node& node, std::string_view what, std::string_view no, std::string_view yes) {
  const std::string& word = yaml::read_text(node, what);
  if (word != no && word != yes) {
    throw PlanError{node.at, fmt::format("{} is '{}' or '{}', not '{}'", what, no, yes, yaml::excerpt(word))};
  }
  return word == yes;
}

std::vector<std::string> read_pointers(const MappingReader& reader, std::string_view key) {
  const Node* const node = reader.find(key);
  if (node == nullptr) return {};
  std::vector<std::string> pointers;
  const auto add = [&](const Node& item) {
    const std::string& pointer = yaml::read_text(item, fmt::format("'{}'", key));
    const std::string_view alone = key == "prompt_tokens" ? split_plus(pointer).pointer : pointer;
    if (auto parsed = parse_pointer(split_when(alone).pointer); !parsed)
      throw PlanError{item.at, parsed.error().message};
    pointers.push_back(pointer);
  };
  if (node->kind == Node::Kind::kSequence) {
    for (const Node& item : yaml::read_list(*node, fmt::format("'{}'", key))) add(item);
  } else {
    add(*node);
  }
  return pointers;
}

AnswerPointers read_answer_pointers(const MappingReader& reader) {
  return {.text = read_pointers(reader, "text"),
          .reasoning = read_pointers(reader, "reasoning"),
          .tool_call = read_pointers(reader, "tool_call"),
          .finish = read_pointers(reader, "finish"),
          .error = read_pointers(reader, "error"),
          .completion_tokens = read_pointers(reader, "completion_tokens"),
          .prompt_tokens = read_pointers(reader, "prompt_tokens"),
          .cached_tokens = read_pointers(reader, "cached_tokens"),
          .reasoning_tokens = read_pointers(reader, "reasoning_tokens")};
}

/// Finds mistakes in placeholders where they stand. @return whether the prompt is in it.
bool check_request(const Node& node) {
  bool holds_prompt = false;
  if (node.kind == Node::Kind::kScalar) {
    const auto pieces = split_template(node.text);
    if (!pieces) throw PlanError{node.at, pieces.error().message};
    for (const TemplatePiece& piece : *pieces) {
      if (!piece.placeholder) continue;
      if (*piece.placeholder == Placeholder::kMessages && pieces->size() > 1)
        throw PlanError{node.at, "'{messages}' stands for a list: it must be the whole string"};
      holds_prompt = holds_prompt || *piece.placeholder == Placeholder::kPrompt ||
                     *piece.placeholder == Placeholder::kUser || *piece.placeholder == Placeholder::kMessages;
    }
  }
  for (const Node& item : node.items) holds_prompt |= check_request(item);
  for (const yaml::Member& member : node.members) {
    const bool unquoted =
        node.members.size() == 1 && member.value.kind == Node::Kind::kNull &&
        std::find(kPlaceholderNames.begin(), kPlaceholderNames.end(), member.key) != kPlaceholderNames.end();
    if (unquoted)
      throw PlanError{node.at, fmt::format("YAML reads this as a mapping; write \"{{{}}}\"", member.key)};
    holds_prompt |= check_request(member.value);
  }
  return holds_prompt;
}

DialectDescription read_description(const Node& node) {
  const MappingReader reader(
      node, "the dialect", {"path", "request", "framing", "text_is", "usage_is", "done", "stream", "answer"});
  DialectDescription dialect;
  dialect.path = dialect.answer_path = yaml::read_text(reader.require("path"), "'path'");
  const Node& request = reader.require("request");
  if (request.kind != Node::Kind::kMapping) {
    throw PlanError{request.at,
                    fmt::format("'request' must be a mapping, the JSON body, not {}", kind_name(request))};
  }
  if (!check_request(request))
    throw PlanError{request.at,
                    "'request' sends no prompt; put \"{prompt}\", \"{user}\" or \"{messages}\" in it"};
  dialect.request = json_of(request);
  if (const Node* const framing = reader.find("framing")) {
    dialect.framing = read_choice(*framing, "'framing'", "sse", "json_lines")
                          ? DialectDescription::Framing::kJsonLines
                          : DialectDescription::Framing::kServerSentEvents;
  }
  const auto read_carries = [&](std::string_view key, DialectDescription::Carries& carries) {
    const Node* const value = reader.find(key);
    if (value == nullptr) return;
    carries = read_choice(*value, fmt::format("'{}'", key), "delta", "cumulative")
                  ? DialectDescription::Carries::kCumulative
                  : DialectDescription::Carries::kDelta;
  };
  read_carries("text_is", dialect.text_is);
  read_carries("usage_is", dialect.usage_is);
  if (const Node* const done = reader.find("done")) dialect.done = yaml::read_text(*done, "'done'");

  const MappingReader stream(reader.require("stream"), "'stream'",
                             {"text", "reasoning", "tool_call", "finish", "error", "completion_tokens",
                              "prompt_tokens", "cached_tokens", "reasoning_tokens"});
  dialect.stream = read_answer_pointers(stream);
  dialect.answer = dialect.stream;
  if (const Node* const node_of_answer = reader.find("answer")) {
    const MappingReader answer(*node_of_answer, "'answer'",
                               {"path", "text", "reasoning", "tool_call", "finish", "error",
                                "completion_tokens", "prompt_tokens", "cached_tokens", "reasoning_tokens"});
    if (const Node* const path = answer.find("path")) dialect.answer_path = yaml::read_text(*path, "'path'");
    const bool only_path = node_of_answer->members.size() == 1 && answer.find("path") != nullptr;
    if (!only_path) dialect.answer = read_answer_pointers(answer);
  }
  if (auto checked = check(dialect); !checked) throw PlanError{node.at, checked.error().message};
  return dialect;
}

std::string read_file(const std::filesystem::path& path, const Node& node) {
  std::error_code ignored;
  std::ifstream in;
  // Anything else might block or never end.
  if (std::filesystem::is_regular_file(path, ignored)) in.open(path, std::ios::binary);
  std::string text(kLargestFile + 1, '\0');
  if (in.is_open()) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) {
    throw PlanError{node.at,
                    fmt::format("dialect file '{}' cannot be read; paths are taken from the plan's folder",
                                yaml::excerpt(path.string()))};
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kLargestFile)
    throw PlanError{node.at,
                    fmt::format("dialect file '{}' is larger than 256 KiB", yaml::excerpt(path.string()))};
  return text;
}

/// What `dialect` names: a file, or where there is none a description that is in the program.
std::string read_named(const std::string& name, const std::filesystem::path& path, const Node& node) {
  std::error_code ignored;
  const ReadyDialect* const ready = find_ready_dialect(name);
  return ready != nullptr && !std::filesystem::exists(path, ignored) ? std::string(ready->text)
                                                                     : read_file(path, node);
}

}  // namespace

std::string ready_dialect_path(std::string_view name) {
  return fmt::format("dialects/{}.yaml", name);
}

const ReadyDialect* find_ready_dialect(std::string_view path) {
  const auto all = ready_dialects();
  const auto found = std::find_if(all.begin(), all.end(), [&](const ReadyDialect& each) {
    return ready_dialect_path(each.name) == path;
  });
  return found == all.end() ? nullptr : &*found;
}

Result<DialectDescription> read_ready_dialect(const ReadyDialect& dialect) {
  try {
    return read_description(yaml::parse(std::string(dialect.text)));
  } catch (const PlanError& e) {
    return Error{fmt::format("{}:{}:{}: {}", dialect.name, e.at.line, e.at.column, e.what)};
  }
}

DialectDescription read_dialect(const Node& node, const std::filesystem::path& folder) {
  if (node.kind == Node::Kind::kMapping) return read_description(node);
  const std::string& name = yaml::read_text(node, "'dialect'");
  const std::filesystem::path path = folder / name;
  const std::string text = read_named(name, path, node);
  try {
    return read_description(yaml::parse(text));
  } catch (const PlanError& e) {
    throw PlanError{node.at, fmt::format("{}:{}:{}: {}", path.string(), e.at.line, e.at.column, e.what)};
  }
}

}  // namespace kneepoint::coordinator
