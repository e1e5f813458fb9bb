#include "coordinator/calibration/answer_signs.h"

#include <string>

#include "common/dialects/dialect.h"
#include "common/dialects/event_framing.h"

namespace kneepoint::coordinator {
namespace {

/// With the room behind it that its readers may read.
std::string roomy(std::string_view body) {
  std::string copy;
  copy.reserve(body.size() + kPadding);
  copy.append(body);
  return copy;
}

/// `body` is one document, whose counts are those of its end; nothing where it is none.
std::optional<AnswerSigns> read_document(Dialect& dialect, std::string_view body) {
  Chunk chunk;
  if (!dialect.read_answer(body, dialect.begin_stream({}), chunk)) return std::nullopt;
  AnswerSigns signs;
  if (chunk.error) return signs;
  const bool counted = chunk.completion_tokens.has_value();
  if (chunk.content() || counted || chunk.finished) signs.form = AnswerForm::kWhole;
  if (chunk.content()) signs.usage = counted ? UsageReport::kAtEnd : UsageReport::kNone;
  return signs;
}

/// The events of one stream, taken together.
class StreamSigns {
 public:
  explicit StreamSigns(Dialect& dialect) : dialect_(dialect), memory_(dialect.begin_stream({})) {}

  void take(const LineParser& lines) { take_event(lines.data()); }
  void take(const SseParser& sse) {
    Chunk chunk;
    if (!sse.stray()) {
      take_event(sse.data());
    } else if (dialect_.read_answer(sse.data(), memory_, chunk)) {
      failed_ = failed_ || chunk.error;
    }
    failed_ = failed_ || is_error_type(sse.type());
  }

  AnswerSigns all() const {
    AnswerSigns signs;
    if (failed_ || !event_) return signs;
    signs.form = AnswerForm::kStream;
    if (content_)
      signs.usage = running_ ? UsageReport::kRunning : counted_ ? UsageReport::kAtEnd : UsageReport::kNone;
    return signs;
  }

 private:
  void take_event(std::string_view data) {
    Chunk chunk;
    if (!dialect_.read_event(data, memory_, chunk)) return;
    event_ = true;
    failed_ = failed_ || chunk.error;
    content_ = content_ || chunk.content();
    counted_ = counted_ || chunk.completion_tokens;
    running_ = running_ || (chunk.content() && chunk.completion_tokens);
  }

  Dialect& dialect_;
  StreamMemory memory_;
  bool event_ = false, failed_ = false, content_ = false, counted_ = false, running_ = false;
};

template <class Parser>
AnswerSigns read_stream(Dialect& dialect, Parser parser, std::string_view body) {
  StreamSigns signs(dialect);
  while (parser.next(body) == EventStatus::kEvent) signs.take(parser);
  if (parser.finish() == EventStatus::kEvent) signs.take(parser);
  return signs.all();
}

/// What a document says, but for its text, of which there is no more once it has been read.
std::optional<Chunk> read_whole(const Target& target, std::string_view body) {
  const auto dialect = make_dialect(target, {});
  Chunk chunk;
  if (!dialect || !(*dialect)->read_answer(roomy(body), (*dialect)->begin_stream({}), chunk))
    return std::nullopt;
  chunk.text = {};
  return chunk;
}

}  // namespace

AnswerSigns read_signs(const Target& target, std::string_view body) {
  const auto dialect = make_dialect(target, {});
  if (!dialect) return {};
  const std::string copy = roomy(body);
  const bool lines = (*dialect)->framing() == Framing::kLines;
  // One JSON line is a stream, too, of one event.
  const bool one_line = body.find('\n') >= body.find_last_not_of(" \t\r\n");
  if (!(lines && one_line)) {
    if (const auto document = read_document(**dialect, copy)) return *document;
  }
  return lines ? read_stream(**dialect, LineParser(), copy) : read_stream(**dialect, SseParser(), copy);
}

std::optional<std::uint64_t> read_prompt_tokens(const Target& target, std::string_view body) {
  const auto chunk = read_whole(target, body);
  return chunk ? chunk->prompt_tokens : std::nullopt;
}

std::optional<bool> reports_error(const Target& target, std::string_view body) {
  const auto chunk = read_whole(target, body);
  return chunk ? std::optional(chunk->error) : std::nullopt;
}

}  // namespace kneepoint::coordinator
