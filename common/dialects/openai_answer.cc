#include "common/dialects/openai_answer.h"

#include "common/dialects/event_framing.h"
#include "common/dialects/failure_signs.h"

namespace kneepoint {
namespace {

using simdjson::SUCCESS;
namespace ondemand = simdjson::ondemand;

static_assert(kPadding >= simdjson::SIMDJSON_PADDING);

/// The count `name` in usage's details of a kind of tokens, and that of its audio.
bool read_details(ondemand::value& value, const char* name, std::optional<std::uint32_t>& into,
                  std::optional<std::uint32_t>& audio) {
  ondemand::object details;
  if (value.get_object().get(details) != SUCCESS) return true;  // null
  return each_field(details, [&](ondemand::raw_json_string key, ondemand::value& count) {
    std::uint64_t tokens = 0;
    const bool named = key.unsafe_is_equal(name);
    if (!named && !key.unsafe_is_equal("audio_tokens")) return true;
    if (count.get_uint64().get(tokens) == SUCCESS) (named ? into : audio) = credible_part(tokens);
    return true;
  });
}

bool read_usage(ondemand::value& value, OpenAiAnswer::Found& found) {
  ondemand::object usage;
  if (value.get_object().get(usage) != SUCCESS) return true;  // null
  const auto details = [&]() -> UsageDetails& { return found.chunk.its_details(); };
  return each_field(usage, [&](ondemand::raw_json_string key, ondemand::value& count) {
    const std::string_view token = count_token(count);
    std::uint64_t tokens = 0;
    if (count.get_uint64().get(tokens) != SUCCESS) {
      if (key.unsafe_is_equal("completion_tokens_details"))
        return read_details(count, "reasoning_tokens", details().reasoning_tokens, details().audio_tokens);
      if (key.unsafe_is_equal("prompt_tokens_details"))
        return read_details(count, "cached_tokens", details().cached_tokens, details().audio_prompt_tokens);
      return true;
    }
    EventParts& parts = found.parts;
    const std::uint32_t place = parts.count_count++;
    if (place < EventParts::kMaxCounts) parts.counts[place] = token;
    if (key.unsafe_is_equal("completion_tokens")) {
      found.chunk.completion_tokens = credible_count(tokens);
      parts.completion = place;
    } else if (key.unsafe_is_equal("prompt_tokens")) {
      found.chunk.prompt_tokens = credible_count(tokens);
      parts.prompt = place;
    } else if (key.unsafe_is_equal("reasoning_tokens")) {
      details().reasoning_tokens = credible_part(tokens);
    } else if (key.unsafe_is_equal("prompt_cache_hit_tokens")) {
      details().cached_tokens = credible_part(tokens);
    }
    return true;
  });
}

/// A number for the name that an answer gives its model. Names stay where they are heard: that there are
/// several, and how the answers are spread over them, is told by sums of such numbers.
std::uint16_t mark_of(std::string_view name) {
  constexpr std::uint32_t kMarks = 4095;
  std::uint32_t hash = 2166136261;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  return static_cast<std::uint16_t>(1 + hash % kMarks);
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

std::optional<std::string_view> string_inside(ondemand::value& value) {
  std::string_view token = value.raw_json_token();
  ondemand::raw_json_string text;
  if (value.get_raw_json_string().get(text) != SUCCESS) return std::nullopt;
  token = token.substr(0, token.rfind('"'));  // the token ends behind its quote, and any white space
  const char* const begin = text.raw();
  const char* const end = token.data() + token.size();
  return begin < end ? std::string_view(begin, static_cast<std::size_t>(end - begin)) : std::string_view();
}

bool take_text(ondemand::value& value, EventParts& parts) {
  const auto text = string_inside(value);
  if (!text || text->empty()) return false;
  parts.text = *text;
  parts.text_bytes += text->size();
  ++parts.texts;
  return true;
}

bool read_finish(ondemand::value& value, Chunk& chunk) {
  ondemand::json_type type;
  if (value.type().get(type) != SUCCESS) return false;
  if (type == ondemand::json_type::null) return true;
  if (type == ondemand::json_type::object) {
    ondemand::object object;
    if (value.get_object().get(object) != SUCCESS) return false;
    return each_field(object, [&](ondemand::raw_json_string key, ondemand::value& member) {
      return !key.unsafe_is_equal("type") || read_finish(member, chunk);
    });
  }
  const auto reason = string_inside(value);
  if (!reason || reason->empty() || *reason == "null") return true;
  chunk.finished = true;
  chunk.aborted = chunk.aborted || breaks_off(*reason);
  chunk.at_limit = chunk.at_limit || says_at_limit(*reason);
  return true;
}

bool read_error(ondemand::value& value, Chunk& chunk) {
  const auto given = is_given(value);
  chunk.error = chunk.error || given.value_or(false);
  return given.has_value();
}

bool OpenAiAnswer::read_event(std::string_view json, StreamMemory& memory, Chunk& chunk) {
  if (memory.usual.match(json, chunk)) return true;
  Found found{.chunk = chunk, .parts = {}, .messages = !memory.content};
  if (!parse(json, found, false)) return false;
  memory.content = memory.content || chunk.content();
  memory.usual.learn(json, chunk, found.parts);
  return true;
}

bool OpenAiAnswer::read(std::string_view json, Chunk& chunk) {
  Found found{.chunk = chunk, .parts = {}};
  return parse(json, found, true);
}

bool OpenAiAnswer::read_choices(ondemand::value& value, Found& found) {
  ondemand::array choices;
  if (value.get_array().get(choices) != SUCCESS) return is_null(value);
  for (auto item : choices) {
    ondemand::object choice;
    if (item.get_object().get(choice) != SUCCESS || !read_choice_(choice, found)) return false;
    found.choices = true;
  }
  return true;
}

std::uint16_t OpenAiAnswer::mark(std::string_view name) {
  if (name != named_) {
    named_ = name;
    mark_ = name == model_ ? 0 : mark_of(name);
  }
  return mark_;
}

bool OpenAiAnswer::parse(std::string_view json, Found& found, bool is_whole) {
  ondemand::document document;
  ondemand::object root;
  if (parser_.iterate(json.data(), json.size(), json.size() + kPadding).get(document) != SUCCESS)
    return false;
  if (document.get_object().get(root) != SUCCESS) return false;
  FailureSigns signs;
  const bool whole = each_field(root, [&](ondemand::raw_json_string key, ondemand::value& value) {
    if (key.unsafe_is_equal("choices")) return read_choices(value, found);
    if (key.unsafe_is_equal("usage")) return read_usage(value, found);
    if (key.unsafe_is_equal("model")) {
      if (const auto name = string_inside(value); name && !name->empty())
        found.chunk.model_mark = mark(*name);
      return true;
    }
    return signs.note(key, value);
  });
  found.chunk.text_bytes = found.parts.text_bytes;
  if (!whole || !at_end(document)) return false;
  if (signs.sure() || (!found.choices && signs.failed(found.chunk, is_whole))) found.chunk.error = true;
  return true;
}

}  // namespace kneepoint
