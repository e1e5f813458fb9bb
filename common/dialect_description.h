#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace kneepoint {

/// Where the parts that measurement cares about lie in one event of a stream, or in a whole answer: JSON
/// pointers (RFC 6901), each list tried as a whole, so that a server may write the same thing in different
/// places.
struct AnswerPointers {
  std::vector<std::string> text;               ///< The answer's text: content when it is a non-empty string.
  std::vector<std::string> reasoning;          ///< The same for reasoning.
  std::vector<std::string> tool_call;          ///< Given (see below): a tool call or a part of one.
  std::vector<std::string> finish;             ///< Given, or equal (see below): the answer is complete.
  std::vector<std::string> error;              ///< Given, or equal: the server reports an error.
  std::vector<std::string> completion_tokens;  ///< An unsigned integer.
  std::vector<std::string> prompt_tokens;      ///< An unsigned integer; behind '+': added to the others.
  std::vector<std::string> cached_tokens;      ///< An unsigned integer: those of the prompt from a cache.
  std::vector<std::string> reasoning_tokens;   ///< An unsigned integer: those of the output.
  // A value is "given" unless it is missing, null, false, "", [] or {}; an error not if it is 0 either.
  // Behind a pointer of `finish` or `error` may stand "=VALUE": then the value must be this text, number or
  // boolean. Behind one of `text`, `reasoning` and `tool_call` may stand " when POINTER=VALUE": it counts in
  // events that have this value there.

  bool operator==(const AnswerPointers&) const = default;
};

/// A serving host's dialect that is none of the built-in ones, as a plan describes it (docs/dialects.md).
struct DialectDescription {
  enum class Framing { kServerSentEvents, kJsonLines };
  /// What an event carries: what is new since the event before, or all so far.
  enum class Carries { kDelta, kCumulative };

  std::string path;         ///< Below the base URL; "{model}" in it is replaced, percent-encoded.
  std::string answer_path;  ///< The same for requests that are not streamed.
  std::string request;      ///< A JSON object; strings in it may hold placeholders.
  Framing framing = Framing::kServerSentEvents;
  Carries text_is = Carries::kDelta;
  Carries usage_is = Carries::kCumulative;
  std::string done;       ///< An event that is exactly this, and no JSON, ends the stream; empty: none.
  AnswerPointers stream;  ///< One event of a stream.
  AnswerPointers answer;  ///< An answer that is not streamed.
  bool operator==(const DialectDescription&) const = default;

  /// Whether a stream says that it is complete.
  bool tells_end() const { return !done.empty() || !stream.finish.empty(); }
  /// Whether requests name a model, in the path or in the body.
  bool names_model() const;
};

/// What a "{name}" in a request's string stands for. A string that is nothing but the placeholder takes the
/// value's own type, and a member or item of that kind is left out when the workload does not set the value.
enum class Placeholder {
  kPrompt,        ///< "{prompt}": system prompt, blank line and text as one string.
  kUser,          ///< "{user}": the text alone.
  kSystem,        ///< "{system}": the system prompt; may be unset.
  kMessages,      ///< "{messages}": `[{"role": …, "content": …}]`; only as the whole string.
  kModel,         ///< "{model}"; may be unset.
  kOutputTokens,  ///< "{output_tokens}"; may be unset.
  kTemperature,   ///< "{temperature}"; may be unset.
  kTopP,          ///< "{top_p}"; may be unset.
  kStream,        ///< "{stream}": true or false.
};
inline constexpr std::array<std::string_view, 9> kPlaceholderNames = {
    "prompt", "user", "system", "messages", "model", "output_tokens", "temperature", "top_p", "stream"};

/// A stretch of a request's string: literal text or a placeholder. A "{name}" is one when the name consists
/// of lower-case letters and '_'; other braces are literal.
struct TemplatePiece {
  std::string literal;  ///< When `placeholder` is empty.
  std::optional<Placeholder> placeholder;
};

/// Cuts a string at its placeholders. Fails on an unknown one.
Result<std::vector<TemplatePiece>> split_template(std::string_view text);

/// A pointer and what the value there must be, where that is asked for.
struct PointerCondition {
  std::string_view pointer;
  std::optional<std::string_view> value;
};
/// Cuts "/type=message_stop" at its first '='. Views into `text`.
PointerCondition split_condition(std::string_view text);

/// A count's pointer, and whether it is added to what the event's others say.
struct CountPointer {
  std::string_view pointer;
  bool added = false;
};
/// Takes the '+' from "+/usage/cache_read_input_tokens". A view into `text`.
CountPointer split_plus(std::string_view text);

/// So many places of an answer may hold different things.
inline constexpr std::size_t kMostGuardedPlaces = 8;
/// A pointer that counts in some events only.
struct GuardedPointer {
  std::string_view pointer;
  std::optional<PointerCondition> when;
};
/// Cuts "/delta when /type=text.delta". Views into `text`.
GuardedPointer split_when(std::string_view text);

/// The reference tokens of a JSON pointer, unescaped. Fails when it is none, or points to the whole document.
Result<std::vector<std::string>> parse_pointer(std::string_view pointer);

/// Checks what can be checked without a JSON parser: paths, pointers, that content can be recognised. The
/// message names the key of docs/dialects.md.
Result<void> check(const DialectDescription& description);

}  // namespace kneepoint
