#include "coordinator/measure/endings.h"

#include <fmt/format.h>

#include <string_view>

namespace kneepoint::coordinator {
namespace {

struct Kind {
  Outcome outcome;
  std::string_view flag;
  std::string_view what;  ///< Behind "12 of 40 requests ".
};

constexpr Kind kKinds[] = {
    {Outcome::kEmpty, "EMPTY_ANSWERS", "got an answer without any content"},
    {Outcome::kUnread, "UNREAD_ANSWERS",
     "got tokens, says the host, of which none was seen: hidden reasoning, another 'api' than the host's, or "
     "a shape "
     "that is not known"},
    {Outcome::kTruncated, "TRUNCATED_ANSWERS",
     "got an answer without an end: no finish reason and no end marker"},
    {Outcome::kAborted, "ABORTED_ANSWERS", "ended with a finish reason that is a failure"},
    {Outcome::kErrorAt200, "ERRORS_AT_200", "got status 200 with an error inside"},
};

}  // namespace

void flag_endings(Step& step) {
  const RequestCounts& requests = step.requests;
  for (const Kind& kind : kKinds) {
    const std::uint64_t count = requests.by_outcome[static_cast<std::size_t>(kind.outcome)];
    if (count == 0) continue;
    step.warn(kind.flag,
              fmt::format("{} of {} requests {}", count, requests.failed + requests.completed, kind.what));
  }
}

}  // namespace kneepoint::coordinator
