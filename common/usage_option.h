#pragma once

#include <cstdint>
#include <string_view>

namespace kneepoint {

/// How much a streaming OpenAI host is asked to tell of its token counts: running ones in every event, those
/// of the whole answer at its end, or none.
enum class UsageOption : std::uint8_t { kContinuous, kFinal, kNone };

/// What to ask for where `usage` is refused.
UsageOption less(UsageOption usage);

/// The value of a request's `stream_options`, a JSON object; empty for kNone.
std::string_view stream_options(UsageOption usage);

}  // namespace kneepoint
