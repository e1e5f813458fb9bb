#include "agent/dialects/openai_answer.h"

#include "agent/event_framing.h"

namespace kneepoint::agent {
namespace {

using simdjson::SUCCESS;
namespace ondemand = simdjson::ondemand;

static_assert(kPadding >= simdjson::SIMDJSON_PADDING);

bool read_usage(ondemand::value& value, Chunk& chunk) {
  ondemand::object usage;
  if (value.get_object().get(usage) != SUCCESS) return true;  // null
  return each_field(usage, [&](ondemand::raw_json_string key, ondemand::value& count) {
    std::uint64_t tokens = 0;
    if (key.unsafe_is_equal("completion_tokens") && count.get_uint64().get(tokens) == SUCCESS) {
      chunk.completion_tokens = tokens;
    } else if (key.unsafe_is_equal("prompt_tokens") && count.get_uint64().get(tokens) == SUCCESS) {
      chunk.prompt_tokens = tokens;
    }
    return true;
  });
}

bool is_null(ondemand::value& value) {
  ondemand::json_type type;
  return value.type().get(type) == SUCCESS && type == ondemand::json_type::null;
}

}  // namespace

bool OpenAiAnswer::read(std::string_view json, Chunk& chunk) {
  ondemand::document document;
  ondemand::object root;
  if (parser_.iterate(json.data(), json.size(), json.size() + kPadding).get(document) != SUCCESS) return false;
  if (document.get_object().get(root) != SUCCESS) return false;
  const bool whole = each_field(root, [&](ondemand::raw_json_string key, ondemand::value& value) {
    if (key.unsafe_is_equal("choices")) {
      ondemand::array choices;
      if (value.get_array().get(choices) != SUCCESS) return is_null(value);
      for (auto item : choices) {
        ondemand::object choice;
        if (item.get_object().get(choice) != SUCCESS || !read_choice_(choice, chunk)) return false;
      }
    } else if (key.unsafe_is_equal("usage")) {
      return read_usage(value, chunk);
    } else if (key.unsafe_is_equal("error")) {
      chunk.error = chunk.error || !is_null(value);
    } else if (key.unsafe_is_equal("object")) {
      ondemand::raw_json_string kind;  // older vLLM: {"object": "error", "message": …}
      if (value.get_raw_json_string().get(kind) == SUCCESS && kind.unsafe_is_equal("error")) chunk.error = true;
    }
    return true;
  });
  return whole && at_end(document);
}

}  // namespace kneepoint::agent
