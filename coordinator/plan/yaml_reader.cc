#include "coordinator/plan/yaml_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "common/name.h"
#include "common/nearest.h"
#include "coordinator/plan/duration.h"

namespace kneepoint::coordinator::yaml {
namespace {

template <class Number>
std::optional<Number> parse_whole(const std::string& text) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || stop != end || error != std::errc{}) return std::nullopt;
  return number;
}

/// A scalar, or a complaint about what is there instead. @param expected e.g. "a whole number".
const std::string& scalar(const Node& node, std::string_view what, std::string_view expected) {
  if (node.kind == Node::Kind::kScalar) return node.text;
  if (node.kind == Node::Kind::kNull) {
    throw PlanError{node.at, fmt::format("{} has no value; give {}", what, expected)};
  }
  throw PlanError{node.at, fmt::format("{} must be {}, not {}", what, expected, kind_name(node))};
}

/// Keys that other tools have, and what to write here.
struct Elsewhere {
  std::string_view word, instead;
};
constexpr Elsewhere kOtherTools[] = {
    {"duration", "how long a step is measured is 'hold', in the scenario's ramp"},
    {"max_tokens", "how long an answer may be is 'output_tokens', in the workload"},
    {"max_completion_tokens", "how long an answer may be is 'output_tokens', in the workload"},
    {"concurrency", "write the loads as a ramp of the scenario: ramp: {steps: [1, 2, 4], hold: 30s}"},
    {"num_requests", "a step of so many requests is 'requests', in the scenario's ramp"},
    {"request_rate", "write an open loop: ramp: {rate: [1, 2, 4], hold: 30s}"},
    {"endpoint", "write 'url', as http://gpu-1:8000, and 'api' for what it speaks"},
    {"base_url", "write 'url', as http://gpu-1:8000"},
};

std::string hint_of(const Node& node) {
  return node.kind == Node::Kind::kScalar && !node.is_text ? full_width_hint(node.text) : "";
}

[[noreturn]] void throw_unexpected(const Node& node, std::string_view what, std::string_view expected) {
  throw PlanError{
      node.at, fmt::format("{} must be {}, not '{}'{}", what, expected, excerpt(node.text), hint_of(node))};
}

}  // namespace

std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
  const auto at = std::find_if(std::begin(kOtherTools), std::end(kOtherTools),
                               [&](const Elsewhere& each) { return each.word == word; });
  if (at != std::end(kOtherTools)) return fmt::format("; {}", at->instead);
  const std::string near = nearest(word, candidates);
  if (!near.empty()) return fmt::format("; did you mean '{}'?", near);
  return fmt::format("; write one of: {}", fmt::join(candidates, ", "));
}

std::string_view kind_name(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kScalar:
      return "a single value";
    case Node::Kind::kSequence:
      return "a list";
    case Node::Kind::kMapping:
      return "a mapping";
  }
  return "";
}

MappingReader::MappingReader(const Node& node, std::string what, std::initializer_list<std::string_view> keys)
    : node_(node), what_(std::move(what)) {
  const std::vector<std::string_view> known(keys);
  if (node.kind == Node::Kind::kNull) {
    throw PlanError{node.at,
                    fmt::format("{} has no value; give a mapping ({})", what_, fmt::join(known, ", "))};
  }
  if (node.kind != Node::Kind::kMapping) {
    throw PlanError{node.at, fmt::format("{} must be a mapping ({}), not {}{}", what_, fmt::join(known, ", "),
                                         kind_name(node), hint_of(node))};
  }
  for (const Member& member : node.members) {
    if (std::find(known.begin(), known.end(), member.key) != known.end()) continue;
    const std::string wide = full_width_hint(member.key);
    throw PlanError{member.at, fmt::format("unknown key '{}' in {}{}", excerpt(member.key), what_,
                                           wide.empty() ? suggestion(member.key, known) : wide)};
  }
}

const Node& MappingReader::require(std::string_view key) const {
  const Node* const value = find(key);
  if (value == nullptr) throw PlanError{node_.at, fmt::format("{} has no '{}'; add it", what_, key)};
  return *value;
}

void MappingReader::exclusive(std::string_view a, std::string_view b) const {
  if (find(a) == nullptr || find(b) == nullptr) return;
  const Position first = key_position(a), second = key_position(b);
  const bool in_order = std::pair(first.line, first.column) < std::pair(second.line, second.column);
  throw PlanError{in_order ? second : first, fmt::format("{} has both '{}' and '{}'; keep one", what_, a, b)};
}

Position MappingReader::key_position(std::string_view key) const {
  const auto member =
      std::find_if(node_.members.begin(), node_.members.end(), [&](const Member& m) { return m.key == key; });
  return member == node_.members.end() ? node_.at : member->at;
}

const std::vector<Node>& read_list(const Node& node, std::string_view what) {
  if (node.kind == Node::Kind::kNull)
    throw PlanError{node.at, fmt::format("{} has no value; give a list", what)};
  if (node.kind != Node::Kind::kSequence) {
    throw PlanError{node.at,
                    fmt::format("{} must be a list, not {}{}", what, kind_name(node), hint_of(node))};
  }
  if (node.items.empty()) throw PlanError{node.at, fmt::format("{} is empty; give at least one item", what)};
  return node.items;
}

const std::string& read_text(const Node& node, std::string_view what) {
  const std::string& text = scalar(node, what, "a text");
  if (text.empty()) throw PlanError{node.at, fmt::format("{} is empty; give a text", what)};
  return text;
}

std::string read_name(const Node& node, std::string_view what) {
  const std::string& name = read_text(node, what);
  if (const auto fault = name_fault(name)) throw PlanError{node.at, fmt::format("{} {}", what, *fault)};
  return name;
}

std::uint64_t read_integer(const Node& node, std::string_view what, std::uint64_t min, std::uint64_t max) {
  const std::string expected = fmt::format("a whole number from {} to {}", min, max);
  scalar(node, what, expected);
  const auto number = parse_whole<std::uint64_t>(node.text);
  if (!number || node.is_text || *number < min || *number > max) throw_unexpected(node, what, expected);
  return *number;
}

double read_number(const Node& node, std::string_view what, double min, double max) {
  const std::string expected = fmt::format("a number from {:g} to {:g}", min, max);
  scalar(node, what, expected);
  const auto number = parse_whole<double>(node.text);
  if (!number || node.is_text || !std::isfinite(*number) || *number < min || *number > max) {
    throw_unexpected(node, what, expected);
  }
  return *number;
}

bool read_bool(const Node& node, std::string_view what) {
  const std::string& text = scalar(node, what, "true or false");
  if (node.is_text || (text != "true" && text != "false")) throw_unexpected(node, what, "true or false");
  return text == "true";
}

const std::string& read_choice(const Node& node, std::string_view key,
                               const std::vector<std::string_view>& words) {
  const std::string& word = read_text(node, fmt::format("'{}'", key));
  if (std::find(words.begin(), words.end(), word) == words.end())
    throw PlanError{node.at, fmt::format("unknown {} '{}'{}", key, excerpt(word), suggestion(word, words))};
  return word;
}

Nanos read_duration(const Node& node, std::string_view what, Nanos min, Nanos max) {
  const std::string expected = fmt::format("a duration such as {}", kDurationHelp);
  const auto duration = parse_duration(scalar(node, what, expected));
  if (!duration) throw_unexpected(node, what, expected);
  if (*duration < min || *duration > max) {
    throw_unexpected(node, what, fmt::format("from {} to {}", format_duration(min), format_duration(max)));
  }
  return *duration;
}

std::string excerpt(std::string_view text) {
  constexpr std::size_t kMost = 40;
  std::string result(text.substr(0, kMost));
  if (text.size() > kMost) {
    // Cut before a character, never inside one: at most three bytes of a started character are dropped.
    while (!result.empty() && (static_cast<unsigned char>(text[result.size()]) & 0xC0) == 0x80)
      result.pop_back();
    result += "…";
  }
  std::replace_if(
      result.begin(), result.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return result;
}

}  // namespace kneepoint::coordinator::yaml
