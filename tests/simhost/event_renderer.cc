#include "tests/simhost/event_renderer.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>

#include "tests/simhost/text.h"

namespace kneepoint::simhost {

namespace {

constexpr std::size_t kSizeField = 10;  // room for eight hex digits and CRLF before each chunk's data
constexpr std::string_view kLastChunk = "0\r\n\r\n";
constexpr std::string_view kDone = "data: [DONE]\n\n";

std::string_view object_name(Dialect dialect, bool streamed) {
  if (dialect == Dialect::kCompletions) return "text_completion";
  return streamed ? "chat.completion.chunk" : "chat.completion";
}

}  // namespace

void EventRenderer::begin(const Response& response) {
  response_ = response;
  text_bytes_ = 0;
  cached_tokens_ = 0;
  so_far_.assign(response.escaped_prompt);
  scratch_.clear();
  append_json_escaped(scratch_, response.model);
  envelope_.clear();
  fmt::format_to(std::back_inserter(envelope_), R"({{"id":"{}","object":"{}","created":{},"model":"{}")",
                 response.id, object_name(response.dialect, true), response.created, scratch_);
  head_ = "data: " + envelope_ + R"(,"choices":[{"index":0,)";
  head_ += response.dialect == Dialect::kChat ? R"("delta":{)" : R"("text":")";
}

void EventRenderer::open_chunk() {
  buffer_.resize(kSizeField);
  chunk_start_ = kSizeField;
}

std::string_view EventRenderer::close_chunk() {
  // The size is written right-aligned before the data, so that chunk and size leave in one contiguous send.
  std::size_t size = buffer_.size() - chunk_start_;
  std::size_t at = chunk_start_;
  buffer_[--at] = '\n';
  buffer_[--at] = '\r';
  do {
    buffer_[--at] = "0123456789abcdef"[size & 15];
    size >>= 4;
  } while (size > 0);
  buffer_ += "\r\n";
  return std::string_view(buffer_).substr(at);
}

void EventRenderer::append_number(std::int64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  buffer_.append(digits, end);
}

void EventRenderer::append_usage(int completion_tokens, int chunk, bool last) {
  const std::int64_t told = counted(response_.usage_habit, {.tokens = completion_tokens,
                                                            .chunk = chunk,
                                                            .reasoning = response_.reasoning_tokens,
                                                            .prompt = response_.prompt_tokens,
                                                            .text_bytes = text_bytes_,
                                                            .last = last});
  buffer_ += R"("usage":{"prompt_tokens":)";
  append_number(response_.prompt_tokens);
  buffer_ += R"(,"total_tokens":)";
  append_number(response_.prompt_tokens + told);
  buffer_ += R"(,"completion_tokens":)";
  append_number(told);
  if (last && response_.usage_details) {
    buffer_ += R"(,"prompt_tokens_details":{"cached_tokens":)";
    append_number(cached_tokens_);
    buffer_ += R"(},"completion_tokens_details":{"reasoning_tokens":)";
    append_number(std::min(response_.reasoning_tokens, completion_tokens));
    buffer_ += '}';
  }
  buffer_ += '}';
}

void EventRenderer::append_tokens(int first, int count) {
  const std::size_t before = buffer_.size();
  for (int i = first; i < first + count; ++i) buffer_ += token_piece(response_.text_seed, i);
  text_bytes_ += buffer_.size() - before;
}

std::string_view EventRenderer::role() {
  open_chunk();
  buffer_ += head_;
  buffer_ += R"("role":"assistant","content":""},"logprobs":null,"finish_reason":null}])";
  if (response_.continuous_usage) {
    buffer_ += ',';
    append_usage(0, 0, false);
  }
  buffer_ += "}\n\n";
  return close_chunk();
}

std::string_view EventRenderer::content(int first, int count, bool reasoning,
                                        std::string_view text_override) {
  open_chunk();
  if (response_.dialect == Dialect::kGenerate) {
    for (int i = first; i < first + count; ++i) so_far_ += token_piece(response_.text_seed, i);
    so_far_ += text_override;
    buffer_ += R"({"text":[")";
    buffer_ += so_far_;
    buffer_ += "\"]}\n";
    return close_chunk();
  }
  const bool chat = response_.dialect == Dialect::kChat;
  const Wrapping around = wrapping(response_.misbehaviour, reasoning);
  buffer_ += before_content(response_.misbehaviour);
  buffer_ += head_;
  if (chat) buffer_ += around.before;
  if (text_override.empty()) {
    append_tokens(first, count);
  } else {
    buffer_ += text_override;
  }
  if (chat) buffer_ += around.behind;
  buffer_ += chat ? R"(},"logprobs":null,"finish_reason":null}])"
                  : R"(","logprobs":null,"finish_reason":null,"stop_reason":null}])";
  if (response_.continuous_usage) {
    buffer_ += ',';
    append_usage(first + count, count, false);
  }
  buffer_ += "}\n\n";
  return close_chunk();
}

void EventRenderer::append_plain_chunk(std::string_view payload) {
  fmt::format_to(std::back_inserter(buffer_), "{:x}\r\n{}\r\n", payload.size(), payload);
}

std::string_view EventRenderer::tail(std::string_view finish_reason, int completion_tokens, bool usage,
                                     bool done) {
  if (response_.dialect == Dialect::kGenerate || response_.misbehaviour == Misbehaviour::kNoEnd)
    return kLastChunk;
  open_chunk();
  buffer_ += head_;
  if (response_.dialect == Dialect::kChat) {
    fmt::format_to(std::back_inserter(buffer_),
                   R"("content":""}},"logprobs":null,"finish_reason":"{}","stop_reason":null}}])",
                   finish_reason);
  } else {
    fmt::format_to(std::back_inserter(buffer_),
                   R"(","logprobs":null,"finish_reason":"{}","stop_reason":null}}])", finish_reason);
  }
  if (response_.continuous_usage) {
    buffer_ += ',';
    append_usage(completion_tokens, 0, false);
  }
  buffer_ += "}\n\n";
  const auto start = static_cast<std::size_t>(close_chunk().data() - buffer_.data());
  if (usage) {
    scratch_.assign("data: ").append(envelope_).append(R"(,"choices":[],)");
    const std::size_t keep = buffer_.size();
    append_usage(completion_tokens, 0, true);
    scratch_.append(buffer_, keep).append("}\n\n");
    buffer_.resize(keep);
    append_plain_chunk(scratch_);
  }
  if (done) append_plain_chunk(kDone);
  buffer_ += kLastChunk;
  return std::string_view(buffer_).substr(start);
}

std::string_view EventRenderer::broken_event() {
  open_chunk();
  if (response_.dialect == Dialect::kGenerate) {
    buffer_ += "{\"text\":[\"broken\n";
  } else {
    buffer_ += head_;
    buffer_ += "\n\n";
  }
  return close_chunk();
}

std::string_view EventRenderer::error_tail(std::string_view message) {
  buffer_.clear();
  const bool generate = response_.dialect == Dialect::kGenerate;
  scratch_ = fmt::format(
      R"({}{{"error":{{"message":"{}","type":"InternalServerError","param":null,"code":500}}}}{})",
      generate ? "" : "data: ", message, generate ? "\n" : "\n\n");
  append_plain_chunk(scratch_);
  if (!generate) append_plain_chunk(kDone);
  buffer_ += kLastChunk;
  return buffer_;
}

std::string_view EventRenderer::whole(std::string_view finish_reason, int tokens, int reasoning, bool usage) {
  buffer_.clear();
  if (response_.dialect == Dialect::kGenerate) {
    buffer_ += R"({"text":[")";
    buffer_ += so_far_;
    append_tokens(0, tokens);
    buffer_ += "\"]}";
    return buffer_;
  }
  const bool chat = response_.dialect == Dialect::kChat;
  scratch_.clear();
  append_json_escaped(scratch_, response_.model);
  fmt::format_to(std::back_inserter(buffer_), R"({{"id":"{}","object":"{}","created":{},"model":"{}")",
                 response_.id, object_name(response_.dialect, false), response_.created, scratch_);
  buffer_ += R"(,"choices":[{"index":0,)";
  if (chat) {
    buffer_ += R"("message":{"role":"assistant",)";
    if (reasoning > 0) {
      buffer_ += R"("reasoning_content":")";
      append_tokens(0, reasoning);
      buffer_ += R"(",)";
    }
    const Wrapping around = wrapping(response_.misbehaviour, false);
    buffer_ += around.before;
    append_tokens(reasoning, tokens - reasoning);
    buffer_ += around.behind;
    buffer_ += "},";
  } else {
    buffer_ += R"("text":")";
    append_tokens(0, tokens);
    buffer_ += R"(",)";
  }
  fmt::format_to(std::back_inserter(buffer_), R"("logprobs":null,"finish_reason":"{}","stop_reason":null}}])",
                 finish_reason);
  if (usage) {
    buffer_ += ',';
    append_usage(tokens, 0, true);
  }
  buffer_ += '}';
  return buffer_;
}

}  // namespace kneepoint::simhost
