#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "tests/simhost/random.h"

namespace kneepoint::simhost {

/// Ways in which a request can go wrong on purpose. Mid-stream faults strike after half the output tokens, or
/// after as many as the header `X-Simhost-Fault-After` says.
enum class Fault {
  kHttp429,              ///< Answer 429 with Retry-After: 1.
  kHttp503,              ///< Answer 503.
  kReset,                ///< RST mid-stream.
  kTruncate,             ///< FIN mid-stream, without the last HTTP chunk.
  kStall,                ///< Send nothing for the stall time, then what has gathered.
  kByteByByte,           ///< Each byte of the response in a write of its own.
  kGiantLine,            ///< One token's text is 1 MiB.
  kBadJson,              ///< One more event, whose JSON breaks off; the stream goes on.
  kErrorInStream,        ///< An error object as event, then [DONE].
  kNeverEnd,             ///< Ignore max_tokens until the context is full, then stay silent.
  kSlowAccept,           ///< Leave a new connection (by header: a request) unread for the stall time.
  kCloseBeforeResponse,  ///< On a reused connection: FIN instead of an answer. A first request is served.
  kNoUsage,              ///< Never send usage.
  kNoDone,               ///< End the stream without [DONE].
};
inline constexpr std::size_t kFaultCount = 14;

/// As in flags, headers and stats: http429, http503, reset, truncate, stall, byte_by_byte, giant_line,
/// bad_json, error_in_stream, never_end, slow_accept, close_before_response, no_usage, no_done.
std::string_view to_string(Fault fault);
std::optional<Fault> parse_fault(std::string_view name);

/// Which share of requests suffers which fault.
struct FaultRate {
  Fault fault = Fault::kHttp429;
  double rate = 0;  ///< 0 to 1; the rates of all faults but slow_accept together are at most 1.
};

/// The fault of one request, if any: one draw, so the rates are exact shares. slow_accept belongs to
/// connections and is left out.
std::optional<Fault> draw_request_fault(const std::vector<FaultRate>& rates, SplitMix64& random);
/// Whether a new connection is slow_accept's.
bool draw_slow_accept(const std::vector<FaultRate>& rates, SplitMix64& random);

}  // namespace kneepoint::simhost
