#include "common/dialects/openai_content.h"

#include "common/dialects/failure_signs.h"

namespace kneepoint {
namespace {

using simdjson::SUCCESS;
namespace ondemand = simdjson::ondemand;

constexpr int kDeepestPart = 4;

/// What was seen of output. Which of it a part is may be said behind its text.
struct Seen {
  bool answer = false;
  bool reasoning = false;
  std::string_view text;  // of the answer
  bool several = false;   // texts of the answer

  void take(const Seen& other) {
    several = several || other.several || (answer && other.answer);
    if (other.answer) text = other.text;
    answer = answer || other.answer;
    reasoning = reasoning || other.reasoning;
  }
};

template <class... Names>
bool is(ondemand::raw_json_string key, Names... names) {
  return (key.unsafe_is_equal(std::string_view(names)) || ...);
}

bool read_parts(ondemand::value& value, EventParts& parts, Seen& seen, int depth);

/// {"type": "text", "text": …}, {"type": "thinking", "thinking": […]}, …
bool read_part(ondemand::value& value, EventParts& parts, Seen& seen, int depth) {
  ondemand::object part;
  if (value.get_object().get(part) != SUCCESS) return false;
  bool thinks = false;
  Seen inside;
  const bool whole = each_field(part, [&](ondemand::raw_json_string key, ondemand::value& member) {
    if (is(key, "type")) {
      const auto type = string_inside(member);
      thinks =
          thinks || (type && (type->find("thinking") != type->npos || type->find("reasoning") != type->npos));
    } else if (is(key, "text", "content", "refusal", "transcript")) {
      return read_parts(member, parts, inside, depth + 1);
    } else if (is(key, "thinking", "reasoning", "summary")) {
      thinks = true;
      return read_parts(member, parts, inside, depth + 1);
    } else if (is(key, "audio", "output_audio", "image_url", "image", "data")) {
      const auto given = is_given(member);
      // Reasoning that is encrypted comes as data, and is no token.
      if (given.value_or(false) && !key.unsafe_is_equal("data")) inside.take({.answer = true});
      return given.has_value();
    }
    return true;
  });
  if (thinks && inside.answer) inside = {.reasoning = true};
  seen.take(inside);
  return whole;
}

/// A text, a part, or a list of these.
bool read_parts(ondemand::value& value, EventParts& parts, Seen& seen, int depth) {
  ondemand::json_type type;
  if (value.type().get(type) != SUCCESS) return false;
  if (type == ondemand::json_type::null) return true;
  if (type == ondemand::json_type::string) {
    if (take_text(value, parts)) seen.take({.answer = true, .text = parts.text});
    return true;
  }
  if (depth > kDeepestPart) return true;
  if (type == ondemand::json_type::object) return read_part(value, parts, seen, depth);
  if (type != ondemand::json_type::array) return true;
  ondemand::array list;
  if (value.get_array().get(list) != SUCCESS) return false;
  for (auto item : list) {
    ondemand::value each;
    if (item.get(each) != SUCCESS || !read_parts(each, parts, seen, depth + 1)) return false;
  }
  return true;
}

bool read_as(ondemand::value& value, OpenAiAnswer::Found& found, bool reasoning) {
  Seen seen;
  if (!read_parts(value, found.parts, seen, 0)) return false;
  if (reasoning) {
    found.chunk.reasoning = found.chunk.reasoning || seen.answer || seen.reasoning;
    return true;
  }
  if (seen.answer) found.chunk.add_answer(seen.several ? std::string_view() : seen.text);
  found.chunk.reasoning = found.chunk.reasoning || seen.reasoning;
  return true;
}

/// {"id": …, "data": …, "transcript": …}: an audio chunk with something in it.
bool read_audio(ondemand::value& value, Chunk& chunk) {
  ondemand::object audio;
  if (value.get_object().get(audio) != SUCCESS) return true;  // null
  return each_field(audio, [&](ondemand::raw_json_string key, ondemand::value& member) {
    if (!is(key, "data", "transcript")) return true;
    const auto given = is_given(member);
    if (given.value_or(false)) chunk.add_answer({});
    return given.has_value();
  });
}

bool read_given(ondemand::value& value, bool& sign) {
  const auto given = is_given(value);
  sign = sign || given.value_or(false);
  return given.has_value();
}

/// Whether a tool call or a part of one has anything in it but its place and kind: some servers send deltas
/// of which nothing is new.
bool read_call(ondemand::value& value, bool& sign, int depth) {
  ondemand::json_type type;
  if (value.type().get(type) != SUCCESS) return false;
  if (depth > kDeepestPart) return sign = true;
  if (type == ondemand::json_type::array) {
    ondemand::array list;
    if (value.get_array().get(list) != SUCCESS) return false;
    for (auto item : list) {
      ondemand::value each;
      if (item.get(each) != SUCCESS || !read_call(each, sign, depth + 1)) return false;
    }
    return true;
  }
  if (type != ondemand::json_type::object) return read_given(value, sign);
  ondemand::object object;
  if (value.get_object().get(object) != SUCCESS) return false;
  return each_field(object, [&](ondemand::raw_json_string key, ondemand::value& member) {
    return is(key, "index", "type") || read_call(member, sign, depth + 1);
  });
}

}  // namespace

bool read_message(ondemand::object& message, OpenAiAnswer::Found& found) {
  return each_field(message, [&](ondemand::raw_json_string key, ondemand::value& value) {
    if (key.unsafe_is_equal("content")) return read_as(value, found, false);
    switch (*key.raw()) {
      case 'r':
        if (is(key, "reasoning", "reasoning_content")) return read_as(value, found, true);
        if (is(key, "reasoning_details")) return read_as(value, found, true);
        if (is(key, "refusal")) return read_as(value, found, false);
        break;
      case 't':
        if (is(key, "tool_calls")) return read_call(value, found.chunk.tool_call, 0);
        if (is(key, "thinking", "thinking_blocks")) return read_as(value, found, true);
        break;
      case 'f':
        if (is(key, "function_call")) return read_call(value, found.chunk.tool_call, 0);
        break;
      case 'a':
        if (is(key, "audio")) return read_audio(value, found.chunk);
        break;
      case 'i':
        if (is(key, "images")) return read_given(value, found.chunk.answer);
        break;
      default:
        break;
    }
    return true;
  });
}

}  // namespace kneepoint
