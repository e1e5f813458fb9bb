#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simhost/random.h"

namespace kneepoint::simhost {

/// Ways in which hosts and gateways answer that no API document has: nothing is broken on the wire, and what
/// is said is not what it seems. (What breaks on the wire is a Fault.) Off unless asked for.
enum class Misbehaviour {
  // Instead of the model's answer, at status 200:
  kDoneAlone,    ///< The end marker and nothing else; not streamed, an answer with empty choices.
  kFinishAlone,  ///< A finish reason without a token; not streamed, a message without content.
  kErrorLine,    ///< llama.cpp until late 2025: `error: {…}`, which is no field of a stream, then [DONE].
  kErrorObject,  ///< {"object":"error", …}, then [DONE].
  kErrorEvent,   ///< `event: error`.
  kDetail,       ///< {"detail": …}, as FastAPI writes it, with no stream around it.
  kCodeMessage,  ///< {"code": …, "message": …}, as many gateways write it, with no stream around it.
  kNoChoices,    ///< Events and answers without choices.
  kCached,       ///< The whole answer at once, without the model.
  // At the end of the model's answer:
  kAbort,    ///< The finish reason is "abort".
  kNoEnd,    ///< The body ends in order, without a finish reason and without [DONE].
  kLateEnd,  ///< What follows the last token of a stream comes later by the stall time.
  // In the answer:
  kHeartbeats,     ///< Events without data, comments and pings between the tokens.
  kParts,          ///< Content is a list of parts.
  kThinkingParts,  ///< A list of thinking parts.
  kRefusal,        ///< The text is a refusal.
  kFunctionCall,   ///< The text is the arguments of a function call (the old form).
  kUnknownShape,   ///< The text is where no document has it.
  // Before the answer:
  kInterim,        ///< 102 and 103 come first.
  kFoldedHeaders,  ///< Header values go on in the next line (obs-fold).
};
inline constexpr std::size_t kMisbehaviourCount = 20;

/// As in flags and headers: done_alone, finish_alone, …
std::string_view to_string(Misbehaviour kind);
std::optional<Misbehaviour> parse_misbehaviour(std::string_view name);

/// Which share of requests is answered in which way.
struct MisbehaviourRate {
  Misbehaviour kind = Misbehaviour::kDoneAlone;
  double rate = 1;  ///< 0 to 1; all of them together are at most 1.
};

/// The way of one request, if any: one draw, and none where no way is asked for.
std::optional<Misbehaviour> draw_misbehaviour(const std::vector<MisbehaviourRate>& rates, SplitMix64& random);

/// The body that comes instead of the model's answer; absent for the ways that change the model's own.
std::optional<std::string> answer_instead(Misbehaviour kind, bool stream);
/// Whether answer_instead is an event stream, where one was asked for.
bool streams_instead(Misbehaviour kind);

/// What stands around a text in a chat message, streamed or not.
struct Wrapping {
  std::string_view before = R"("content":")";
  std::string_view behind = R"(")";
};
Wrapping wrapping(std::optional<Misbehaviour> kind, bool reasoning);

/// Comes before the status line; empty for most.
std::string_view before_head(std::optional<Misbehaviour> kind);
/// The headers that say how the body is framed.
std::string_view framing_headers(std::optional<Misbehaviour> kind);
/// Comes before each content event of a stream; empty for most.
std::string_view before_content(std::optional<Misbehaviour> kind);

}  // namespace kneepoint::simhost
