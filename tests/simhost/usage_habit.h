#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace kneepoint::simhost {

/// How servers and gateways count tokens wrongly, as seen in public reports. Off unless asked for: a host
/// then counts each of its tokens once.
enum class UsageHabit {
  kReasoningTwice,  ///< Reasoning is counted by itself and in the total.
  kWithPrompt,      ///< The prompt's tokens are in completion_tokens.
  kZeros,           ///< 0 in every count.
  kZerosUntilLast,  ///< 0 while it streams, the count in the last event.
  kQuarter,         ///< A gateway that divides the bytes of the text by four.
  kPerChunk,        ///< Running counts are of the chunk alone.
  kRestarts,        ///< Running counts begin again after the reasoning.
  kTenfold,         ///< Ten times what was made.
};
inline constexpr std::size_t kUsageHabitCount = 8;

/// As in flags: reasoning_twice, with_prompt, zeros, zeros_until_last, quarter, per_chunk, restarts, tenfold.
std::string_view to_string(UsageHabit habit);
std::optional<UsageHabit> parse_usage_habit(std::string_view name);

/// What there is to count when a count is written.
struct Countable {
  int tokens = 0;     ///< Of the answer so far.
  int chunk = 0;      ///< Of this event; 0 in events without content.
  int reasoning = 0;  ///< Of the whole answer.
  int prompt = 0;
  std::size_t text_bytes = 0;  ///< So far.
  bool last = false;           ///< Nothing more comes.
};

/// The count that is written.
std::int64_t counted(std::optional<UsageHabit> habit, const Countable& what);

}  // namespace kneepoint::simhost
