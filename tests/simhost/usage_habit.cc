#include "tests/simhost/usage_habit.h"

#include <algorithm>
#include <array>

namespace kneepoint::simhost {
namespace {

constexpr std::array<std::string_view, kUsageHabitCount> kNames = {
    "reasoning_twice", "with_prompt", "zeros",    "zeros_until_last",
    "quarter",         "per_chunk",   "restarts", "tenfold"};

}  // namespace

std::string_view to_string(UsageHabit habit) {
  return kNames[static_cast<std::size_t>(habit)];
}

std::optional<UsageHabit> parse_usage_habit(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<UsageHabit>(found - kNames.begin());
}

std::int64_t counted(std::optional<UsageHabit> habit, const Countable& what) {
  if (!habit) return what.tokens;
  switch (*habit) {
    case UsageHabit::kReasoningTwice:
      return what.tokens + std::min(what.tokens, what.reasoning);
    case UsageHabit::kWithPrompt:
      return what.tokens + what.prompt;
    case UsageHabit::kZeros:
      return 0;
    case UsageHabit::kZerosUntilLast:
      return what.last ? what.tokens : 0;
    case UsageHabit::kQuarter:
      return static_cast<std::int64_t>(what.text_bytes / 4);
    case UsageHabit::kPerChunk:
      return what.last ? what.tokens : what.chunk;
    case UsageHabit::kRestarts:
      return what.tokens > what.reasoning ? what.tokens - what.reasoning : what.tokens;
    case UsageHabit::kTenfold:
      return 10 * std::int64_t{what.tokens};
  }
  return what.tokens;
}

}  // namespace kneepoint::simhost
