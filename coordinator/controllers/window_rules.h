#pragma once

#include "coordinator/results/model.h"
#include "coordinator/timeline/timeline.h"

/// When a window may begin and end, judged by what the fleet has recorded so far: pure.
namespace kneepoint::coordinator {

/// Throughput is known to ± 2.5 %.
bool throughput_is_precise(const Step& step);
/// Every figure that a decision may rest on is known well enough: throughput, p95 of TTFT to ± 10 %, every
/// limit decided.
bool precise(const Step& step);

/// Half seconds from second `from` on, of [from, end), that were still settling by MSER-5; 0 where what it
/// would cut does not differ from the rest by more than 1 %, as chance alone cuts often.
struct Settling {
  std::size_t half_seconds = 0;
  bool most = false;  ///< More than half of them.
};
Settling settling_in(const Timeline& timeline, std::uint32_t cell, std::int64_t from, std::int64_t end);

/// Whether the fleet's queue, or the host's, still holds what a higher rate left: more ends than comes, over
/// the time that a request takes. One queue is known for what it is; without one, an excess may be chance.
/// @param since the second from which the present rate holds.
bool drains(const Timeline& timeline, std::uint32_t cell, Nanos residence, std::int64_t since);

}  // namespace kneepoint::coordinator
