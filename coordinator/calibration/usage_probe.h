#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/plan.h"
#include "common/result.h"
#include "common/usage_option.h"
#include "coordinator/calibration/answer_signs.h"
#include "coordinator/telemetry/target_client.h"

namespace kneepoint::coordinator {

/// Whether its dialect is one of OpenAI's.
inline bool speaks_openai(const Target& target) {
  return target.api == Api::kOpenAiChat || target.api == Api::kOpenAiCompletions;
}

/// What a host makes of being asked for its token counts.
struct UsageAnswer {
  UsageOption taken = UsageOption::kContinuous;  ///< The most that it does not refuse.
  /// What its answer to that carried; absent: the answer had no content that is known.
  std::optional<UsageReport> reported;
  AnswerForm form = AnswerForm::kUnknown;  ///< How that answer came.
  std::string instead = {};                ///< What came in place of content, in the host's words.
  /// Under which name it takes the most of an answer: the target's, or the other one where it refuses that.
  TokenLimit limit = TokenLimit::kMaxTokens;
  std::string refusal = {};  ///< What it says to the target's name, where it takes the other one.
  /// What it says to these members of the question, where it takes the same without them; else empty.
  std::string temperature_refusal = {}, top_p_refusal = {};
};

/// One small request, and what it asks for besides.
struct UsageQuestion {
  std::string extra_body = {};                         ///< The workload's: a JSON object; empty for none.
  int tokens = 2;                                      ///< The most of its answer.
  bool stream = true;                                  ///< Else nothing is asked of token counts.
  std::optional<double> temperature = {}, top_p = {};  ///< The workload's.
};

/// Whether the reply to a request says that its member `name` is not taken, perhaps by naming `instead`. That
/// its value will not do is another thing.
bool refuses_member(const HttpReply& reply, std::string_view name, std::string_view instead);

/// Asks with running counts, where that is refused with those at the end, then without any: three requests at
/// most. What a refusal names is changed and asked again, each time: a chat's name of the limit is exchanged
/// for the other one, temperature and top_p are left out. What is to blame is thus what is taken without it,
/// each time. A described dialect asks for no counts: one request, for at least 16 tokens, as some allow no
/// fewer.
/// @param target speaks a dialect of OpenAI's or one that is described. @returns why not, in the host's
/// words, where none of them is answered.
Result<UsageAnswer> probe_usage(TargetClient& client, const Target& target, const UsageQuestion& question);

}  // namespace kneepoint::coordinator
