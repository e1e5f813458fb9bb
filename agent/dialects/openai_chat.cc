#include "agent/dialects/openai_chat.h"

namespace kneepoint::agent {
namespace {

using simdjson::SUCCESS;
namespace ondemand = simdjson::ondemand;

bool read_delta(ondemand::object& delta, OpenAiAnswer::Found& found) {
  return each_field(delta, [&](ondemand::raw_json_string key, ondemand::value& value) {
    if (key.unsafe_is_equal("content")) {
      if (take_text(value, found.parts)) found.chunk.add_answer(found.parts.text);
    } else if (key.unsafe_is_equal("reasoning") || key.unsafe_is_equal("reasoning_content")) {
      if (take_text(value, found.parts)) found.chunk.reasoning = true;
    } else if (key.unsafe_is_equal("tool_calls")) {
      ondemand::array calls;
      if (value.get_array().get(calls) == SUCCESS) {
        for (auto call : calls) {
          if (call.error() != SUCCESS) return false;
          found.chunk.tool_call = true;
        }
      }
    }
    return true;
  });
}

bool read_choice(ondemand::object choice, OpenAiAnswer::Found& found) {
  return each_field(choice, [&](ondemand::raw_json_string key, ondemand::value& value) {
    if (key.unsafe_is_equal("delta") || key.unsafe_is_equal("message")) {
      ondemand::object delta;
      return value.get_object().get(delta) != SUCCESS || read_delta(delta, found);
    }
    if (key.unsafe_is_equal("finish_reason")) read_finish(value, found.chunk);
    return true;
  });
}

}  // namespace

void append_stream_options(UsageOption usage, std::string& out) {
  const std::string_view options = stream_options(usage);
  if (options.empty()) return;
  out.append(R"(,"stream_options":)");
  out.append(options);
}

OpenAiChat::OpenAiChat(const Target& target, const Workload& workload)
    : members_(target.model, workload, to_string(target.token_limit)),
      stream_(workload.stream),
      answer_(&read_choice) {}

void OpenAiChat::write_body(const Prompt& prompt, UsageOption usage, std::string& out) const {
  out.append(R"({"messages":)");
  append_messages(prompt, out);
  members_.append(prompt, out);
  if (stream_ && !members_.overridden("stream_options")) append_stream_options(usage, out);
  out.push_back('}');
}

bool OpenAiChat::read_event(std::string_view data, StreamMemory& memory, Chunk& chunk) {
  if (data == "[DONE]") {
    chunk.done = true;
    return true;
  }
  return answer_.read_event(data, memory.usual, chunk);
}

bool OpenAiChat::read_answer(std::string_view body, Chunk& chunk) {
  return answer_.read(body, chunk);
}

}  // namespace kneepoint::agent
