// A streamed answer, as hosts send it: the HTTP parser, the framing and every dialect, over bytes that the
// network cuts anywhere. Nothing crashes or reads past its input, and what comes out does not depend on the
// cuts.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/http/http_response.h"
#include "common/dialects/dialect.h"
#include "common/dialects/event_framing.h"

namespace {

using namespace kneepoint;
using namespace kneepoint::agent;

/// A dialect that reads as many kinds of pointers as there are.
DialectDescription described(DialectDescription::Framing framing) {
  DialectDescription description;
  description.path = description.answer_path = "/generate";
  description.request = R"({"inputs": "{prompt}"})";
  description.framing = framing;
  description.done = "[DONE]";
  description.stream.text = {"/token/text", "/choices/0/delta/content"};
  description.stream.reasoning = {"/thinking"};
  description.stream.tool_call = {"/tool"};
  description.stream.finish = {"/finished", "/details/finish_reason"};
  description.answer.text = {"/0/generated_text"};
  for (AnswerPointers* each : {&description.stream, &description.answer}) {
    each->error = {"/error"};
    each->completion_tokens = {"/usage/completion_tokens", "/details/generated_tokens"};
    each->prompt_tokens = {"/usage/prompt_tokens"};
  }
  return description;
}

std::vector<std::unique_ptr<Dialect>> make_dialects() {
  std::vector<std::unique_ptr<Dialect>> dialects;
  Workload workload;
  const auto add = [&](Target target) {
    target.name = "t";
    target.model = "m";
    auto dialect = make_dialect(target, workload);
    if (!dialect) std::abort();
    dialects.push_back(std::move(*dialect));
  };
  for (const Api api : {Api::kOpenAiChat, Api::kOpenAiCompletions, Api::kVllmGenerate}) add({.api = api});
  for (const auto framing :
       {DialectDescription::Framing::kServerSentEvents, DialectDescription::Framing::kJsonLines})
    add({.api = Api::kCustom, .dialect = described(framing)});
  return dialects;
}

struct Told {
  std::uint64_t events = 0, contents = 0, tokens = 0, text = 0;
  bool done = false, error = false, malformed = false, too_long = false;
  bool operator==(const Told&) const = default;
};

template <class Parser>
void take_events(Dialect& dialect, StreamMemory& memory, Parser& parser, std::string_view input, bool ends,
                 Told& told) {
  EventStatus status;
  while (!told.malformed && (status = ends ? parser.finish() : parser.next(input)) == EventStatus::kEvent) {
    Chunk chunk;
    ++told.events;
    if (!dialect.read_event(parser.data(), memory, chunk)) {
      told.malformed = true;
      return;
    }
    if (chunk.completion_tokens && *chunk.completion_tokens > kMostTokens) std::abort();
    if (chunk.prompt_tokens && *chunk.prompt_tokens > kMostTokens) std::abort();
    told.contents += chunk.content() ? 1 : 0;
    told.tokens += chunk.completion_tokens.value_or(0);
    told.text += chunk.text.size();
    told.done = told.done || chunk.done;
    told.error = told.error || chunk.error;
    if (ends) return;
  }
  if (!told.malformed && status == EventStatus::kTooLong) told.too_long = true;
}

/// One stream, read in pieces of `step` bytes; 0: in one.
Told read(Dialect& dialect, std::string_view body, std::size_t step) {
  SseParser sse;
  LineParser lines;
  StreamMemory memory = dialect.begin_stream(Prompt{});
  Told told;
  const bool events = dialect.framing() == Framing::kServerSentEvents;
  for (std::size_t at = 0; at < body.size() && !told.malformed && !told.too_long;) {
    const std::size_t length = std::min(step == 0 ? body.size() : step, body.size() - at);
    // Exactly the bytes that a read has behind it, on the heap, where the sanitizer sees each one.
    std::vector<char> piece(length + kPadding, '#');
    std::copy_n(body.data() + at, length, piece.data());
    const std::string_view input(piece.data(), length);
    if (events) {
      take_events(dialect, memory, sse, input, false, told);
    } else {
      take_events(dialect, memory, lines, input, false, told);
    }
    at += length;
  }
  if (told.malformed || told.too_long) return told;
  if (events) {
    take_events(dialect, memory, sse, {}, true, told);
  } else {
    take_events(dialect, memory, lines, {}, true, told);
  }
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto kDialects = make_dialects();
  if (size < 2) return 0;
  Dialect& dialect = *kDialects[data[0] % kDialects.size()];
  const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Told whole = read(dialect, body, 0);
  if (read(dialect, body, data[1] % 61 + 1) != whole) std::abort();
  std::string answer(body);
  answer.reserve(answer.size() + kPadding);
  Chunk chunk;
  if (dialect.read_answer(answer, {}, chunk) && chunk.completion_tokens &&
      *chunk.completion_tokens > kMostTokens)
    std::abort();
  return 0;
}
