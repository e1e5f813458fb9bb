#include "agent/dialects/openai_answer.h"

#include "agent/http/event_framing.h"

namespace kneepoint::agent {
namespace {

using simdjson::SUCCESS;
namespace ondemand = simdjson::ondemand;

static_assert(kPadding >= simdjson::SIMDJSON_PADDING);

bool read_usage(ondemand::value& value, OpenAiAnswer::Found& found) {
  ondemand::object usage;
  if (value.get_object().get(usage) != SUCCESS) return true;  // null
  return each_field(usage, [&](ondemand::raw_json_string key, ondemand::value& count) {
    const std::string_view token = count_token(count);
    std::uint64_t tokens = 0;
    if (count.get_uint64().get(tokens) != SUCCESS) return true;
    EventParts& parts = found.parts;
    const std::uint32_t place = parts.count_count++;
    if (place < EventParts::kMaxCounts) parts.counts[place] = token;
    if (key.unsafe_is_equal("completion_tokens")) {
      found.chunk.completion_tokens = credible_count(tokens);
      parts.completion = place;
    } else if (key.unsafe_is_equal("prompt_tokens")) {
      found.chunk.prompt_tokens = credible_count(tokens);
      parts.prompt = place;
    }
    return true;
  });
}

}  // namespace

bool is_null(ondemand::value& value) {
  ondemand::json_type type;
  return value.type().get(type) == SUCCESS && type == ondemand::json_type::null;
}

std::string_view count_token(ondemand::value& value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() && (token.back() < '0' || token.back() > '9')) token.remove_suffix(1);  // white space
  return token;
}

bool take_text(ondemand::value& value, EventParts& parts) {
  std::string_view token = value.raw_json_token();
  ondemand::raw_json_string text;
  if (value.get_raw_json_string().get(text) != SUCCESS || *text.raw() == '"') return false;
  token = token.substr(0, token.rfind('"'));  // the token ends behind its quote, and any white space
  parts.text = {text.raw(), static_cast<std::size_t>(token.data() + token.size() - text.raw())};
  ++parts.texts;
  return true;
}

void read_finish(ondemand::value& value, Chunk& chunk) {
  ondemand::raw_json_string reason;
  if (value.get_raw_json_string().get(reason) == SUCCESS && *reason.raw() != '"') chunk.finished = true;
}

bool OpenAiAnswer::read_event(std::string_view json, EventTemplate& usual, Chunk& chunk) {
  if (usual.match(json, chunk)) return true;
  Found found{chunk, {}};
  if (!parse(json, found)) return false;
  usual.learn(json, chunk, found.parts);
  return true;
}

bool OpenAiAnswer::read(std::string_view json, Chunk& chunk) {
  Found found{chunk, {}};
  return parse(json, found);
}

bool OpenAiAnswer::parse(std::string_view json, Found& found) {
  ondemand::document document;
  ondemand::object root;
  if (parser_.iterate(json.data(), json.size(), json.size() + kPadding).get(document) != SUCCESS)
    return false;
  if (document.get_object().get(root) != SUCCESS) return false;
  const bool whole = each_field(root, [&](ondemand::raw_json_string key, ondemand::value& value) {
    if (key.unsafe_is_equal("choices")) {
      ondemand::array choices;
      if (value.get_array().get(choices) != SUCCESS) return is_null(value);
      for (auto item : choices) {
        ondemand::object choice;
        if (item.get_object().get(choice) != SUCCESS || !read_choice_(choice, found)) return false;
      }
    } else if (key.unsafe_is_equal("usage")) {
      return read_usage(value, found);
    } else if (key.unsafe_is_equal("error")) {
      found.chunk.error = found.chunk.error || !is_null(value);
    } else if (key.unsafe_is_equal("object")) {
      ondemand::raw_json_string kind;  // older vLLM: {"object": "error", "message": …}
      if (value.get_raw_json_string().get(kind) == SUCCESS && kind.unsafe_is_equal("error"))
        found.chunk.error = true;
    }
    return true;
  });
  return whole && at_end(document);
}

}  // namespace kneepoint::agent
