#include "coordinator/datasets/json_prompts.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <string>

#include "common/plural.h"
#include "coordinator/datasets/lines.h"
#include "coordinator/datasets/logged_messages.h"

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

/// The text of a message: a text as it is, the texts of its parts joined as vLLM joins them, by line breaks.
/// Empty where there is none: a tool call, an image.
std::string text_of(dom::element value) {
  std::string_view text;
  if (!value.get(text)) return std::string(text);
  dom::object part;
  if (!value.get(part)) return part["text"].get(text) ? std::string() : std::string(text);
  dom::array parts;
  std::string joined;
  if (value.get(parts)) return joined;
  for (const dom::element each : parts) {
    const std::string more = text_of(each);
    if (!joined.empty() && !more.empty()) joined += '\n';
    joined += more;
  }
  return joined;
}

/// Whether a list holds the parts of one text, and not texts or messages.
bool is_parts(dom::array list) {
  dom::object first;
  return list.size() > 0 && !list.at(0).get(first) && first["role"].error() && first["from"].error() &&
         !first["type"].error();
}

/// Takes what a user says in a message, as OpenAI's API or ShareGPT writes one. What others say is not sent,
/// so that nobody asks what it is. @return false when nobody is said to say it.
bool add_message(dom::object message, DatasetEntry& entry) {
  std::string_view who;
  if (message["role"].get(who) && message["from"].get(who)) return false;
  if (who != "user" && who != "human") return true;
  dom::element said;
  if (message["content"].get(said) && message["value"].get(said)) return true;
  if (std::string text = text_of(said); !text.empty()) entry.turns.push_back(std::move(text));
  return true;
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
  if (is_parts(list)) {
    entry.turns.push_back(text_of(value));
    return;
  }
  for (const dom::element item : list) {
    dom::object message;
    if (!item.get(text)) {
      entry.turns.emplace_back(text);
    } else if (!item.get(message)) {
      if (!add_message(message, entry))
        throw DatasetError{line, fmt::format("a message of '{}' has no text as 'role'", field)};
    } else {
      throw DatasetError{line, fmt::format("'{}' is neither a text nor a list of texts or messages", field)};
    }
  }
  if (entry.turns.empty()) {
    throw DatasetError{
        line, fmt::format("'{}' has nothing that a user says: no text in a message of role 'user'", field)};
  }
}

std::string class_name(dom::element value, const std::string& field, std::size_t line) {
  std::string_view text;
  if (!value.get(text)) return std::string(text);
  if (value.is_object() || value.is_array() || value.is_null())
    throw DatasetError{line, fmt::format("'{}' is no single value", field)};
  return simdjson::minify(value);
}

/// The seconds before each turn after the first.
std::vector<Nanos> read_gaps(dom::element value, const std::string& field, std::size_t turns,
                             std::size_t line) {
  constexpr double kLongest = 86'400;
  dom::array list;
  if (value.get(list)) throw DatasetError{line, fmt::format("'{}' is no list of seconds", field)};
  std::vector<Nanos> gaps;
  for (const dom::element item : list) {
    double seconds = 0;
    if (item.get(seconds) || !(seconds >= 0 && seconds <= kLongest))
      throw DatasetError{line,
                         fmt::format("'{}' has something else than seconds, 0 to {:.0f}", field, kLongest)};
    gaps.push_back(from_seconds(seconds));
  }
  if (gaps.size() + 1 != turns)
    throw DatasetError{line, fmt::format("'{}' has {}, but there are {} turns: one for each after the first",
                                         field, plural(gaps.size(), "gap"), turns)};
  return gaps;
}

std::size_t line_of(std::string_view text, const char* at) {
  const auto offset =
      std::clamp<std::ptrdiff_t>(at - text.data(), 0, static_cast<std::ptrdiff_t>(text.size()));
  return 1 + static_cast<std::size_t>(std::count(text.data(), text.data() + offset, '\n'));
}

/// The human's turns of one conversation. @return what is wrong with it; empty: nothing.
std::string read_messages_of(dom::element conversation, DatasetEntry& entry) {
  dom::object object;
  dom::array messages;
  if (conversation.get(object)) return "is no conversation but another kind of value";
  if (object["conversations"].get(messages)) return "has no list 'conversations'";
  for (const dom::element item : messages) {
    dom::object message;
    if (item.get(message)) return "has a message that is no object";
    if (!add_message(message, entry)) return "has a message without a text as 'from'";
  }
  return {};
}

/// "is no JSON: …", of a line or a whole file.
std::string no_json(simdjson::error_code error) {
  std::string why = simdjson::error_message(error);
  return fmt::format("is no JSON: {}", why.substr(0, why.find('.')));
}

}  // namespace

void read_json_lines(std::string_view text, const DatasetSpec& spec, DatasetCollector& into) {
  dom::parser parser;
  each_line(text, [&](std::string_view line, std::size_t number) {
    into.attempt([&] {
      dom::element root;
      dom::object object;
      // A copy, because the parser reads past the line's end.
      if (const auto error = parser.parse(line.data(), line.size(), true).get(root))
        throw DatasetError{number, no_json(error)};
      if (root.get(object)) throw DatasetError{number, "is not a JSON object"};
      DatasetEntry entry;
      const dom::element prompt = member(object, spec.prompt, number);
      if (spec.all_roles) {
        entry.turns = logged_turns(prompt, number);
      } else {
        read_turns(prompt, spec.prompt, number, entry);
      }
      if (!spec.output_tokens.empty()) {
        std::uint64_t tokens = 0;
        if (member(object, spec.output_tokens, number).get(tokens))
          throw DatasetError{number, fmt::format("'{}' is not a whole number", spec.output_tokens)};
        entry.output_tokens = token_count(tokens, spec.output_tokens, number);
      }
      if (!spec.delay.empty())
        entry.gaps = read_gaps(member(object, spec.delay, number), spec.delay, entry.turns.size(), number);
      std::optional<std::string> name;
      if (!spec.prompt_class.empty())
        name = class_name(member(object, spec.prompt_class, number), spec.prompt_class, number);
      into.add(std::move(entry), number, name);
    });
    return !into.full();
  });
}

void read_share_gpt(std::string_view text, const DatasetSpec& spec, DatasetCollector& into) {
  ondemand::parser parser;
  ondemand::document document;
  ondemand::array conversations;
  if (parser.iterate(text.data(), text.size(), text.size() + simdjson::SIMDJSON_PADDING).get(document) ||
      document.get_array().get(conversations)) {
    throw DatasetError{1, "is not a JSON list of conversations"};
  }
  dom::parser one;
  const char* last = text.data();
  for (auto item : conversations) {
    DatasetEntry entry;
    const char* at = nullptr;
    if (document.current_location().get(at) == SUCCESS) last = at;
    const auto refuse = [&](std::string_view why) {
      throw DatasetError{line_of(text, last),
                         fmt::format("{}; a conversation is {{\"conversations\": [{{\"from\": \"human\", "
                                     "\"value\": …}}]}}",
                                     why)};
    };
    std::string_view json;
    dom::element conversation;
    if (const auto error = item.error()) refuse(no_json(error));
    if (const auto error = simdjson::to_json_string(item).get(json)) refuse(no_json(error));
    if (const auto error = one.parse(json.data(), json.size(), true).get(conversation))
      refuse(no_json(error));
    into.attempt([&] {
      if (const std::string wrong = read_messages_of(conversation, entry); !wrong.empty()) refuse(wrong);
      if (entry.turns.empty()) return;
      if (spec.all_roles) {
        dom::element messages;
        if (conversation["conversations"].get(messages)) return;  // read_conversation has seen them
        entry.turns = logged_turns(messages, line_of(text, last));
      }
      into.add(std::move(entry), 0);
    });
    if (into.full()) return;
  }
  // Two lists, one behind the other, are what 'cat' makes of two files.
  if (const char* rest = nullptr; document.current_location().get(rest) == SUCCESS)
    throw DatasetError{line_of(text, rest),
                       "something follows the list of conversations; make one list of all ('jq -s add')"};
}

}  // namespace kneepoint::coordinator
