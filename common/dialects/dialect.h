#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/dialects/event_template.h"
#include "common/plan.h"
#include "common/prompt.h"
#include "common/result.h"
#include "common/usage_option.h"

namespace kneepoint {

/// No context is this long. A host that counts more tokens does not count, and is taken to have said nothing:
/// one such number would drown every sum that it got into.
inline constexpr std::uint64_t kMostTokens = 99'999'999;

inline std::optional<std::uint64_t> credible_count(std::uint64_t tokens) {
  return tokens <= kMostTokens ? std::optional(tokens) : std::nullopt;
}

/// The same of a part of another count.
inline std::optional<std::uint32_t> credible_part(std::uint64_t tokens) {
  return tokens <= kMostTokens ? std::optional(static_cast<std::uint32_t>(tokens)) : std::nullopt;
}

/// What usage says of its counts besides. Together and seldom there: a Chunk is made for every event.
struct UsageDetails {
  std::optional<std::uint32_t> cached_tokens;     ///< Those of the prompt that a prefix cache held.
  std::optional<std::uint32_t> reasoning_tokens;  ///< Those of the output that are reasoning.
  std::optional<std::uint32_t> audio_prompt_tokens, audio_tokens;  ///< Those of either that are audio.
};

/// What one event of a stream says, as far as measurement cares.
struct Chunk {
  bool answer = false;                             ///< Carries non-empty text of the answer, in any choice.
  bool reasoning = false;                          ///< Carries non-empty reasoning.
  bool tool_call = false;                          ///< Carries a tool call or a part of one.
  bool finished = false;                           ///< Carries a finish reason.
  bool aborted = false;                            ///< Its finish reason says that the answer was broken off.
  bool at_limit = false;                           ///< That reason: the answer may be no longer ("length").
  bool done = false;                               ///< The end marker of the stream.
  bool error = false;                              ///< The host reports an error inside the stream.
  std::optional<std::uint64_t> completion_tokens;  ///< Usage: running, or final in the last event.
  std::optional<std::uint64_t> prompt_tokens;
  std::optional<UsageDetails> details;
  /// Of the name of the model that answers: 0 for the one that was asked for. Said by the events that are
  /// read in full, the first of a stream among them.
  std::optional<std::uint16_t> model_mark;
  std::size_t text_bytes = 0;  ///< Of answer and reasoning in this event, as written.
  /// The answer's text in this event, as the inside of a JSON string: a view into the event. Empty where
  /// there is none, or more than one choice has text.
  std::string_view text;

  UsageDetails& its_details() { return details ? *details : details.emplace(); }

  /// Notes a non-empty text of the answer.
  void add_answer(std::string_view part) {
    text = answer ? std::string_view() : part;
    answer = true;
  }

  /// What it carries of output is none.
  void withdraw_content() {
    answer = reasoning = tool_call = false;
    text_bytes = 0;
    text = {};
  }

  /// Counts as output: moves t_first and t_last. Empty and role-only deltas do not, nor do usage and end
  /// markers.
  bool content() const { return answer || reasoning || tool_call; }
};

/// Whether a finish reason says that the answer is as long as it may be: "length" nearly everywhere, "limit"
/// in llama.cpp's own API, "max_tokens" in Anthropic's.
inline bool says_at_limit(std::string_view reason) {
  return reason == "length" || reason == "limit" || reason == "max_tokens";
}

/// What a dialect must remember between the events of one stream.
struct StreamMemory {
  std::size_t text_bytes = 0;      ///< Text seen so far, for hosts that repeat it in every event.
  std::uint64_t tokens = 0;        ///< Tokens reported so far, for hosts that count them event by event.
  std::uint64_t prompt_added = 0;  ///< What a prompt has beside the count that the host calls its tokens.
  bool content = false;            ///< Content was seen.
  EventTemplate usual;             ///< The stream's usual event.
};

/// How events are cut out of a streamed body.
enum class Framing : std::uint8_t { kServerSentEvents, kLines };

/// The wire dialect of a serving host: how a request is written and what its answer says. Parses without
/// keeping anything of the text. One instance serves one thread (it owns parser buffers).
class Dialect {
 public:
  virtual ~Dialect() = default;

  /// The request path below the target's base URL: "/v1/chat/completions". Fixed for the dialect's life.
  virtual std::string_view path() const = 0;
  virtual Framing framing() const = 0;
  /// Whether a stream says that it is complete, by a finish reason or the end marker: one that does not is
  /// not.
  virtual bool tells_end() const { return false; }
  /// Appends the request's JSON body to `out`.
  virtual void write_body(const Prompt& prompt, UsageOption usage, std::string& out) const = 0;
  /// What a stream's memory must hold before its first event.
  virtual StreamMemory begin_stream(const Prompt& prompt) const = 0;
  /// Reads one event. `data` is readable for `kPadding` bytes past its end. @return false when it is
  /// malformed.
  virtual bool read_event(std::string_view data, StreamMemory& memory, Chunk& chunk) = 0;
  /// Reads the whole body of an answer that was not streamed, or that came whole where a stream was asked
  /// for; same conditions.
  virtual bool read_answer(std::string_view body, const StreamMemory& memory, Chunk& chunk) = 0;
};

/// Whether an event is OpenAI's end marker, as strictly as its readers are: "[DONE]", blanks around it, in
/// any case.
bool is_end_word(std::string_view data);
inline bool is_end_marker(std::string_view data) {
  return !data.empty() && data.front() != '{' &&
         is_end_word(data);  // nearly all events begin so: cheap to tell
}

/// Whether events of this type say that the answer has failed, in the APIs that name their events.
inline bool is_error_type(std::string_view type) {
  return type == "error" || type == "exception" || type == "response.failed" || type == "response.error";
}

/// Whether an event is no JSON because it says nothing: blank, or a word like "ping" or "[heartbeat]".
bool is_heartbeat(std::string_view data);

/// The dialect in which a target is asked for a workload. Fails when the target's own description does not
/// work out. The workload's extra_body must be empty or a JSON object (`check_extra_body`).
Result<std::unique_ptr<Dialect>> make_dialect(const Target& target, const Workload& workload);

/// The same for each of the workload's classes, in their order. Those that ask alike share one.
Result<std::vector<std::shared_ptr<Dialect>>> make_dialects(const Target& target, const Workload& workload);

}  // namespace kneepoint
