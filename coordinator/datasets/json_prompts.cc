#include "coordinator/datasets/json_prompts.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <string>

#include "coordinator/datasets/lines.h"

namespace kneepoint::coordinator {
namespace {

namespace dom = simdjson::dom;
namespace ondemand = simdjson::ondemand;
using simdjson::SUCCESS;

/// A member by its name, or by a JSON pointer.
dom::element member(dom::object object, const std::string& field, std::size_t line) {
  dom::element found;
  const auto error =
      field.starts_with('/') ? object.at_pointer(field).get(found) : object.at_key(field).get(found);
  if (error == SUCCESS) return found;
  std::string has;
  for (const auto& [key, value] : object) {
    if (has.size() < 200) has += fmt::format("{}'{}'", has.empty() ? "" : ", ", key);
  }
  throw DatasetError{line, fmt::format("has no '{}'; it has {}", field, has.empty() ? "nothing" : has)};
}

void add_message(dom::object message, const std::string& field, std::size_t line, DatasetEntry& entry) {
  std::string_view role, content;
  if (message["role"].get(role) || message["content"].get(content))
    throw DatasetError{line, fmt::format("a message of '{}' has no text as 'role' and 'content'", field)};
  if (role == "user") entry.turns.emplace_back(content);
}

void read_turns(dom::element value, const std::string& field, std::size_t line, DatasetEntry& entry) {
  std::string_view text;
  dom::array list;
  if (!value.get(text)) {
    entry.turns.emplace_back(text);
    return;
  }
  if (value.get(list))
    throw DatasetError{line, fmt::format("'{}' is neither a text nor a list of texts or messages", field)};
  for (const dom::element item : list) {
    dom::object message;
    if (!item.get(text)) {
      entry.turns.emplace_back(text);
    } else if (!item.get(message)) {
      add_message(message, field, line, entry);
    } else {
      throw DatasetError{line, fmt::format("'{}' is neither a text nor a list of texts or messages", field)};
    }
  }
  if (entry.turns.empty()) throw DatasetError{line, fmt::format("'{}' has nothing that a user says", field)};
}

std::string class_name(dom::element value, const std::string& field, std::size_t line) {
  std::string_view text;
  if (!value.get(text)) return std::string(text);
  if (value.is_object() || value.is_array() || value.is_null())
    throw DatasetError{line, fmt::format("'{}' is no single value", field)};
  return simdjson::minify(value);
}

std::size_t line_of(std::string_view text, const char* at) {
  const auto offset =
      std::clamp<std::ptrdiff_t>(at - text.data(), 0, static_cast<std::ptrdiff_t>(text.size()));
  return 1 + static_cast<std::size_t>(std::count(text.data(), text.data() + offset, '\n'));
}

/// The human's turns of one conversation. @return false when it is not what ShareGPT has.
bool read_conversation(ondemand::object conversation, DatasetEntry& entry) {
  ondemand::array messages;
  if (conversation["conversations"].get(messages) != SUCCESS) return false;
  for (auto item : messages) {
    ondemand::object message;
    if (item.get(message) != SUCCESS) return false;
    std::string from, value;
    for (auto field : message) {
      std::string_view key, text;
      if (field.unescaped_key().get(key) != SUCCESS) return false;
      const bool who = key == "from";
      if (!who && key != "value") continue;
      if (field.value().get_string().get(text) != SUCCESS) return false;
      (who ? from : value) = text;
    }
    if ((from == "human" || from == "user") && !value.empty()) entry.turns.push_back(std::move(value));
  }
  return true;
}

}  // namespace

void read_json_lines(std::string_view text, const DatasetSpec& spec, DatasetCollector& into) {
  dom::parser parser;
  each_line(text, [&](std::string_view line, std::size_t number) {
    dom::object object;
    // A copy, because the parser reads past the line's end.
    if (parser.parse(line.data(), line.size(), true).get_object().get(object))
      throw DatasetError{number, "is not a JSON object"};
    DatasetEntry entry;
    read_turns(member(object, spec.prompt, number), spec.prompt, number, entry);
    if (!spec.output_tokens.empty()) {
      std::uint64_t tokens = 0;
      if (member(object, spec.output_tokens, number).get(tokens))
        throw DatasetError{number, fmt::format("'{}' is not a whole number", spec.output_tokens)};
      entry.output_tokens = token_count(tokens, spec.output_tokens, number);
    }
    if (!spec.prompt_class.empty()) {
      const dom::element value = member(object, spec.prompt_class, number);
      entry.prompt_class = into.class_number(class_name(value, spec.prompt_class, number), number);
    }
    into.add(std::move(entry), number);
    return !into.full();
  });
}

void read_share_gpt(std::string_view text, DatasetCollector& into) {
  ondemand::parser parser;
  ondemand::document document;
  ondemand::array conversations;
  if (parser.iterate(text.data(), text.size(), text.size() + simdjson::SIMDJSON_PADDING).get(document) ||
      document.get_array().get(conversations)) {
    throw DatasetError{1, "is not a JSON list of conversations"};
  }
  const char* last = text.data();
  for (auto item : conversations) {
    ondemand::object conversation;
    DatasetEntry entry;
    const char* at = nullptr;
    if (document.current_location().get(at) == SUCCESS) last = at;
    if (item.get(conversation) != SUCCESS || !read_conversation(conversation, entry)) {
      throw DatasetError{line_of(text, last),
                         "is no conversation: {\"conversations\": [{\"from\": \"human\", \"value\": …}]}"};
    }
    if (!entry.turns.empty()) into.add(std::move(entry), 0);
    if (into.full()) return;
  }
}

}  // namespace kneepoint::coordinator
