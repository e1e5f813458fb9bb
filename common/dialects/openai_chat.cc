#include "common/dialects/openai_chat.h"

#include "common/dialects/openai_content.h"

namespace kneepoint {
namespace {

using simdjson::SUCCESS;
namespace ondemand = simdjson::ondemand;

bool read_chat_choice(ondemand::object choice, OpenAiAnswer::Found& found) {
  return each_field(choice, [&](ondemand::raw_json_string key, ondemand::value& value) {
    const bool message = key.unsafe_is_equal("message");
    if (message || key.unsafe_is_equal("delta")) {
      ondemand::object said;
      if (message && !found.messages) return true;
      return value.get_object().get(said) != SUCCESS || read_message(said, found);
    }
    if (key.unsafe_is_equal("finish_reason")) return read_finish(value, found.chunk);
    if (key.unsafe_is_equal("error")) return read_error(value, found.chunk);
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
      answer_(&read_chat_choice, target.model) {}

void OpenAiChat::write_body(const Prompt& prompt, UsageOption usage, std::string& out) const {
  if (!prompt.body.empty())
    return members_.append_around(prompt, stream_ ? stream_options(usage) : std::string_view(), out);
  out.append(R"({"messages":)");
  append_messages(prompt, out);
  members_.append(prompt, out);
  if (stream_ && !members_.overridden("stream_options")) append_stream_options(usage, out);
  out.push_back('}');
}

bool OpenAiChat::read_event(std::string_view data, StreamMemory& memory, Chunk& chunk) {
  if (is_end_marker(data)) {
    chunk.done = true;
    return true;
  }
  return answer_.read_event(data, memory, chunk);
}

bool OpenAiChat::read_answer(std::string_view body, const StreamMemory&, Chunk& chunk) {
  return answer_.read(body, chunk);
}

}  // namespace kneepoint
