#include "common/dialects/vllm_generate.h"

#include <algorithm>

#include "common/dialects/event_framing.h"
#include "common/dialects/failure_signs.h"
#include "common/dialects/openai_answer.h"

namespace kneepoint {

using simdjson::SUCCESS;
namespace ondemand = simdjson::ondemand;

VllmGenerate::VllmGenerate(const Workload& workload) : members_("", workload, "max_tokens") {}

void VllmGenerate::write_body(const Prompt& prompt, UsageOption, std::string& out) const {
  out.append(R"({"prompt":")");
  append_plain_prompt(prompt, out);
  out.push_back('"');
  members_.append(prompt, out);
  out.push_back('}');
}

StreamMemory VllmGenerate::begin_stream(const Prompt& prompt) const {
  // The prompt is echoed before the answer.
  StreamMemory memory;
  memory.text_bytes = prompt.text.size() + (prompt.system.empty() ? 0 : prompt.system.size() + 2);
  return memory;
}

bool VllmGenerate::read(std::string_view json, std::size_t& text_bytes, Chunk& chunk) {
  ondemand::document document;
  ondemand::object root;
  if (parser_.iterate(json.data(), json.size(), json.size() + kPadding).get(document) != SUCCESS)
    return false;
  if (document.get_object().get(root) != SUCCESS) return false;
  FailureSigns signs;
  const bool whole = each_field(root, [&](ondemand::raw_json_string key, ondemand::value& value) {
    if (key.unsafe_is_equal("text")) {
      ondemand::array texts;
      if (value.get_array().get(texts) != SUCCESS) return false;
      for (auto item : texts) {
        std::string_view text;
        if (item.get_string().get(text) != SUCCESS) return false;
        text_bytes += text.size();
      }
      return true;
    }
    return signs.note(key, value);
  });
  chunk.error = signs.failed(Chunk{.answer = text_bytes > 0}, true);
  return whole && at_end(document);
}

bool VllmGenerate::read_event(std::string_view data, StreamMemory& memory, Chunk& chunk) {
  std::size_t text_bytes = 0;
  if (!read(data, text_bytes, chunk)) return false;
  // Text shorter than the prompt: a host that does not echo it.
  chunk.answer = text_bytes > 0 && text_bytes != memory.text_bytes;
  chunk.text_bytes = std::max(text_bytes, memory.text_bytes) - memory.text_bytes;
  memory.text_bytes = text_bytes;
  return true;
}

bool VllmGenerate::read_answer(std::string_view body, const StreamMemory& memory, Chunk& chunk) {
  std::size_t text_bytes = 0;
  if (!read(body, text_bytes, chunk)) return false;
  chunk.answer = text_bytes > 0 && text_bytes != memory.text_bytes;
  chunk.text_bytes = std::max(text_bytes, memory.text_bytes) - memory.text_bytes;
  return true;
}

}  // namespace kneepoint
