#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/plan.h"
#include "common/result.h"
#include "common/usage_option.h"
#include "coordinator/telemetry/target_client.h"

namespace kneepoint::coordinator {

/// Where the tokens of a streamed answer are counted.
enum class UsageReport : std::uint8_t { kNone, kAtEnd, kRunning };

/// Reads an answer streamed as server-sent events. @returns absent where no event carries text.
std::optional<UsageReport> usage_of_stream(std::string_view body);

/// What a host makes of being asked for its token counts.
struct UsageAnswer {
  UsageOption taken = UsageOption::kContinuous;  ///< The most that it does not refuse.
  std::optional<UsageReport> reported;  ///< What its answer to that carried; absent: the answer had no text.
};

/// One small request, streamed, and what it asks for besides.
struct UsageQuestion {
  std::string extra_body = {};  ///< The workload's: a JSON object; empty for none.
  int tokens = 2;               ///< The most of its answer.
};

/// Asks with running counts, where that is refused with those at the end, then without any: three requests at
/// most. @param target speaks a dialect of OpenAI's. @returns why not, where none of them is answered.
Result<UsageAnswer> probe_usage(TargetClient& client, const Target& target, const UsageQuestion& question);

}  // namespace kneepoint::coordinator
