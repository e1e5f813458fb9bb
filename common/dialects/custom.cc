#include "common/dialects/custom.h"

#include <algorithm>
#include <utility>

namespace kneepoint {
namespace {

/// Templates to learn before giving them up. More than the streams that a thread starts with may learn at
/// once.
constexpr std::uint32_t kTemplatesTried = 10'000;

}  // namespace

Result<std::unique_ptr<CustomDialect>> CustomDialect::create(const DialectDescription& description,
                                                             const std::string& model,
                                                             const Workload& workload) {
  auto path = fill_path(workload.stream ? description.path : description.answer_path, model);
  if (!path) return path.error();
  auto request = RequestTemplate::compile(description.request, model, workload);
  if (!request) return request.error();
  return std::unique_ptr<CustomDialect>(
      new CustomDialect(description, *std::move(path), *std::move(request)));
}

CustomDialect::CustomDialect(const DialectDescription& description, std::string path, RequestTemplate request)
    : path_(std::move(path)),
      request_(std::move(request)),
      framing_(description.framing == DialectDescription::Framing::kJsonLines ? Framing::kLines
                                                                              : Framing::kServerSentEvents),
      done_(description.done),
      cumulative_text_(description.text_is == DialectDescription::Carries::kCumulative),
      tells_end_(description.tells_end()),
      usage_per_event_(description.usage_is == DialectDescription::Carries::kDelta),
      stream_(description.stream),
      answer_(description.answer) {}

void CustomDialect::write_body(const Prompt& prompt, UsageOption, std::string& out) const {
  request_.write(prompt, out);
}

bool CustomDialect::read_event(std::string_view data, StreamMemory& memory, Chunk& chunk) {
  if (!done_.empty() && data == done_) {
    chunk.done = true;
    return true;
  }
  if (memory.usual.match(data, chunk)) {
    matched_ = true;
  } else if (!parse_event(data, memory, chunk)) {
    // A gateway may end with OpenAI's marker, which is no JSON, whatever dialect it speaks. A description
    // that does not know it does not take it for the end of an answer either.
    return is_end_marker(data);
  }
  if (usage_per_event_ && chunk.completion_tokens) {
    memory.tokens = std::min(memory.tokens + *chunk.completion_tokens, kMostTokens + 1);
    chunk.completion_tokens = credible_count(memory.tokens);
  }
  if (memory.prompt_added > 0 && chunk.prompt_tokens)
    chunk.prompt_tokens = credible_count(*chunk.prompt_tokens + memory.prompt_added);
  return true;
}

bool CustomDialect::parse_event(std::string_view data, StreamMemory& memory, Chunk& chunk) {
  PointerTree::Found found(chunk);
  if (!stream_.read(data, parser_, found, false)) return false;
  // A later event may repeat the one count and leave out what is added to it.
  if (found.prompt_added > 0) memory.prompt_added = found.prompt_added;
  if (cumulative_text_) {
    // Whether answer or reasoning, the text is new when there is more, or other, of it than before.
    if (found.text_bytes == memory.text_bytes) chunk.answer = chunk.reasoning = false;
    chunk.text_bytes = std::max(found.text_bytes, memory.text_bytes) - memory.text_bytes;
    if (found.text_bytes > 0) memory.text_bytes = found.text_bytes;
    chunk.text = {};
    return true;
  }
  chunk.text_bytes = found.text_bytes;
  if (matched_ || learned_ < kTemplatesTried) {
    memory.usual.learn(data, chunk, found.parts);
    ++learned_;
  }
  return true;
}

bool CustomDialect::read_answer(std::string_view body, const StreamMemory&, Chunk& chunk) {
  PointerTree::Found found(chunk);
  if (!answer_.read(body, parser_, found, true)) return false;
  if (found.prompt_added > 0 && chunk.prompt_tokens)
    chunk.prompt_tokens = credible_count(*chunk.prompt_tokens + found.prompt_added);
  chunk.text_bytes = found.text_bytes;
  return true;
}

}  // namespace kneepoint
