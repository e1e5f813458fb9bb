#include "common/dialects/pointer_tree.h"

#include <algorithm>
#include <charconv>

#include "common/dialects/event_framing.h"
#include "common/dialects/openai_answer.h"
#include "common/request_json.h"

namespace kneepoint {
namespace {

using simdjson::SUCCESS;
namespace ondemand = simdjson::ondemand;

constexpr std::size_t kNoIndex = static_cast<std::size_t>(-1);

std::size_t index_of(const std::string& token) {
  std::size_t index = 0;
  const char* const end = token.data() + token.size();
  const auto [stop, error] = std::from_chars(token.data(), end, index);
  return error == std::errc() && stop == end ? index : kNoIndex;
}

}  // namespace

bool PointerTree::expects_array(const Node& node) {
  return std::any_of(node.children.begin(), node.children.end(),
                     [](const Node& child) { return child.index != kNoIndex; });
}

PointerTree::PointerTree(const AnswerPointers& pointers) {
  root_.root = true;
  add(pointers.text, kText);
  add(pointers.reasoning, kReasoning);
  add(pointers.tool_call, kToolCall);
  add(pointers.finish, kFinish);
  add(pointers.error, kError);
  add(pointers.completion_tokens, kCompletionTokens);
  add(pointers.prompt_tokens, kPromptTokens);
  add(pointers.cached_tokens, kCachedTokens);
  add(pointers.reasoning_tokens, kReasoningTokens);
}

/// The pointer's node, made where there is none.
PointerTree::Node& PointerTree::node_at(std::string_view pointer) {
  Node* node = &root_;
  const auto tokens = parse_pointer(pointer);
  if (!tokens) return *node;  // cannot be: checked
  for (const std::string& token : *tokens) {
    std::string key;
    append_json_text(key, token);
    const auto child = std::find_if(node->children.begin(), node->children.end(),
                                    [&](const Node& each) { return each.key == key; });
    if (child != node->children.end()) {
      node = &*child;
    } else {
      node->children.push_back({.key = key, .index = index_of(token)});
      node = &node->children.back();
    }
  }
  return *node;
}

std::uint64_t PointerTree::condition_bit(const PointerCondition& condition) {
  Node& node = node_at(condition.pointer);
  std::string value;
  append_json_text(value, condition.value.value_or(""));
  for (const auto& [expected, bit] : node.conditions) {
    if (expected == value) return bit;
  }
  const std::uint64_t bit = next_condition_;
  next_condition_ <<= 1;  // at most three times kMostPointers: they fit
  node.conditions.emplace_back(std::move(value), bit);
  return bit;
}

void PointerTree::add(const std::vector<std::string>& pointers, Part part) {
  for (const std::string& text : pointers) {
    const bool conditional = part == kFinish || part == kError;
    const GuardedPointer split = split_when(text);
    if (split.when) {
      const std::uint64_t bit = condition_bit(*split.when);
      node_at(split.pointer).guarded.emplace_back(bit, part);
      continue;
    }
    if (const CountPointer count = split_plus(text); part == kPromptTokens && count.added) {
      node_at(count.pointer).parts |= kPromptAdded;
      continue;
    }
    const PointerCondition condition = conditional ? split_condition(text) : PointerCondition{text, {}};
    Node& node = node_at(condition.pointer);
    if (condition.value) {
      node.equals.emplace_back();
      append_json_text(node.equals.back().first, *condition.value);
      node.equals.back().second = part;
    } else {
      node.parts |= part;
    }
  }
}

bool PointerTree::read(std::string_view json, ondemand::parser& parser, Found& found, bool whole) const {
  ondemand::document document;
  ondemand::value root;
  if (parser.iterate(json.data(), json.size(), json.size() + kPadding).get(document) != SUCCESS) return false;
  if (document.get_value().get(root) != SUCCESS) return false;  // a scalar is no answer
  // On demand, what is not visited is not validated: an undeclared "[DONE]" would pass for a list of
  // something.
  ondemand::json_type type;
  if (root.type().get(type) != SUCCESS) return false;
  if (type == ondemand::json_type::array && !expects_array(root_)) return false;
  if (!visit(root_, root, found) || !at_end(document)) return false;
  if (found.waits > 0) settle(found);
  if (found.signs.failed(found.chunk, whole)) found.chunk.error = true;
  return true;
}

bool PointerTree::visit(const Node& node, ondemand::value& value, Found& found) {
  ondemand::json_type type;
  if (value.type().get(type) != SUCCESS) return false;
  bool given = false;
  switch (type) {
    case ondemand::json_type::object:
      if (!visit_members(node, value, found, given)) return false;
      break;
    case ondemand::json_type::array:
      if (!visit_items(node, value, found, given)) return false;
      break;
    case ondemand::json_type::string:
      if (!visit_text(node, value, found, given)) return false;
      break;
    case ondemand::json_type::number:
    case ondemand::json_type::boolean:
      if (!visit_unit(node, value, found, given)) return false;
      break;
    case ondemand::json_type::null:
      return value.is_null().error() == SUCCESS;
  }
  if (!given) return true;
  note(node.parts, found);
  if (!node.guarded.empty() && found.waits < found.waiting.size()) {
    const bool text = type == ondemand::json_type::string;
    found.waiting[found.waits++] = Found::Waiting(&node, text ? found.parts.text : std::string_view());
  }
  return true;
}

void PointerTree::note(std::uint16_t parts, Found& found) {
  if ((parts & kToolCall) != 0) found.chunk.tool_call = true;
  if ((parts & kFinish) != 0) found.chunk.finished = true;
  if ((parts & kError) != 0) found.chunk.error = true;
}

/// The event has been read: whether what was met counts is known.
void PointerTree::settle(Found& found) {
  for (std::size_t i = 0; i < found.waits; ++i) {
    const std::string_view text = found.waiting[i].text();
    for (const auto& [bit, part] : static_cast<const Node*>(found.waiting[i].node)->guarded) {
      if ((found.held & bit) == 0) continue;
      note(part, found);
      if ((part & (kText | kReasoning)) == 0 || text.empty()) continue;
      found.text_bytes += text.size();
      if (part == kText) found.chunk.add_answer(text);
      if (part == kReasoning) found.chunk.reasoning = true;
    }
  }
}

bool PointerTree::visit_text(const Node& node, ondemand::value& value, Found& found, bool& given) {
  if (!node.guarded.empty()) {
    if (!take_text(value, found.parts)) return true;
    given = true;
    return true;
  }
  if ((node.parts & (kText | kReasoning)) != 0) {
    if (!take_text(value, found.parts)) return true;
    given = true;
    found.text_bytes += found.parts.text.size();
    if ((node.parts & kText) != 0) found.chunk.add_answer(found.parts.text);
    if ((node.parts & kReasoning) != 0) found.chunk.reasoning = true;
    return true;
  }
  const auto text = string_inside(value);
  if (!text) return false;
  given = !text->empty();
  if ((node.parts & kFinish) != 0 && breaks_off(*text)) found.chunk.aborted = true;
  if ((node.parts & kFinish) != 0 && says_at_limit(*text)) found.chunk.at_limit = true;
  for (const auto& [expected, part] : node.equals) {
    if (*text == expected) note(part, found);
  }
  for (const auto& [expected, bit] : node.conditions) {
    if (*text == expected) found.held |= bit;
  }
  return true;
}

/// A number or a boolean.
bool PointerTree::visit_unit(const Node& node, ondemand::value& value, Found& found, bool& given) {
  std::string_view token = value.raw_json_token();
  token = token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
  for (const auto& [expected, part] : node.equals) {
    if (token == expected) note(part, found);
  }
  ondemand::json_type type;
  if (value.type().get(type) != SUCCESS) return false;
  if (type == ondemand::json_type::boolean) return value.get_bool().get(given) == SUCCESS;
  given = true;
  if ((node.parts & kError) != 0) {
    double code = 0;
    if (value.get_double().get(code) == SUCCESS && code == 0) given = false;  // errors are numbered from 1
  } else {
    take_number(node, value, found);
  }
  return true;
}

bool PointerTree::visit_members(const Node& node, ondemand::value& value, Found& found, bool& given) {
  ondemand::object members;
  if (value.get_object().get(members) != SUCCESS) return false;
  return each_field(members, [&](ondemand::raw_json_string key, ondemand::value& member) {
    given = true;
    for (const Node& child : node.children) {
      if (key.unsafe_is_equal(child.key)) return visit(child, member, found);
    }
    return !node.root || found.signs.note(key, member);
  });
}

bool PointerTree::visit_items(const Node& node, ondemand::value& value, Found& found, bool& given) {
  ondemand::array items;
  if (value.get_array().get(items) != SUCCESS) return false;
  std::size_t index = 0;
  for (auto each : items) {
    ondemand::value item;
    if (each.get(item) != SUCCESS) return false;
    given = true;
    for (const Node& child : node.children) {
      if (child.index != index) continue;
      if (!visit(child, item, found)) return false;
      break;
    }
    ++index;
  }
  return true;
}

void PointerTree::take_number(const Node& node, ondemand::value& value, Found& found) {
  if ((node.parts & kCounts) == 0) return;
  const std::string_view token = count_token(value);
  std::uint64_t count = 0;
  if (value.get_uint64().get(count) != SUCCESS) return;
  EventParts& parts = found.parts;
  const std::uint32_t place = parts.count_count++;
  if (place < EventParts::kMaxCounts) parts.counts[place] = token;
  if ((node.parts & kCompletionTokens) != 0) {
    found.chunk.completion_tokens = credible_count(count);
    parts.completion = place;
  }
  if ((node.parts & kPromptTokens) != 0) {
    found.chunk.prompt_tokens = credible_count(count);
    parts.prompt = place;
  }
  if ((node.parts & (kPromptAdded | kCachedTokens | kReasoningTokens)) == 0) return;
  if ((node.parts & kPromptAdded) != 0) {
    found.prompt_added += std::min(count, kMostTokens + 1);
    parts.count_count = EventParts::kMaxCounts + 1;  // a template knows no sums
  }
  if ((node.parts & kCachedTokens) != 0) found.chunk.its_details().cached_tokens = credible_part(count);
  if ((node.parts & kReasoningTokens) != 0) found.chunk.its_details().reasoning_tokens = credible_part(count);
}

}  // namespace kneepoint
