#include "common/dialects/openai_completions.h"

#include "common/dialects/openai_chat.h"

namespace kneepoint {
namespace {

namespace ondemand = simdjson::ondemand;

bool read_text_choice(ondemand::object choice, OpenAiAnswer::Found& found) {
  return each_field(choice, [&](ondemand::raw_json_string key, ondemand::value& value) {
    if (key.unsafe_is_equal("text")) {
      if (take_text(value, found.parts)) found.chunk.add_answer(found.parts.text);
    } else if (key.unsafe_is_equal("finish_reason")) {
      return read_finish(value, found.chunk);
    } else if (key.unsafe_is_equal("error")) {
      return read_error(value, found.chunk);
    }
    return true;
  });
}

}  // namespace

OpenAiCompletions::OpenAiCompletions(const std::string& model, const Workload& workload)
    : members_(model, workload, "max_tokens"), stream_(workload.stream), answer_(&read_text_choice, model) {}

void OpenAiCompletions::write_body(const Prompt& prompt, UsageOption usage, std::string& out) const {
  if (!prompt.body.empty())
    return members_.append_around(prompt, stream_ ? stream_options(usage) : std::string_view(), out);
  out.append(R"({"prompt":")");
  append_plain_prompt(prompt, out);
  out.push_back('"');
  members_.append(prompt, out);
  if (stream_ && !members_.overridden("stream_options")) append_stream_options(usage, out);
  out.push_back('}');
}

bool OpenAiCompletions::read_event(std::string_view data, StreamMemory& memory, Chunk& chunk) {
  if (is_end_marker(data)) {
    chunk.done = true;
    return true;
  }
  return answer_.read_event(data, memory, chunk);
}

bool OpenAiCompletions::read_answer(std::string_view body, const StreamMemory&, Chunk& chunk) {
  return answer_.read(body, chunk);
}

}  // namespace kneepoint
