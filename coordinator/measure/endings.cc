#include "coordinator/measure/endings.h"

#include <string_view>

#include "coordinator/words/rows.h"

namespace kneepoint::coordinator {
namespace {

struct Kind {
  Outcome outcome;
  std::string_view flag;
};

constexpr Kind kKinds[] = {
    {Outcome::kEmpty, "EMPTY_ANSWERS"},         {Outcome::kUnread, "UNREAD_ANSWERS"},
    {Outcome::kTruncated, "TRUNCATED_ANSWERS"}, {Outcome::kAborted, "ABORTED_ANSWERS"},
    {Outcome::kErrorAt200, "ERRORS_AT_200"},
};

}  // namespace

void flag_endings(Step& step) {
  const RequestCounts& requests = step.requests;
  for (const Kind& kind : kKinds) {
    const std::uint64_t count = requests.by_outcome[static_cast<std::size_t>(kind.outcome)];
    if (count == 0) continue;
    step.warn(kind.flag, words::ended_oddly(kind.outcome, count, requests.failed + requests.completed));
  }
}

}  // namespace kneepoint::coordinator
