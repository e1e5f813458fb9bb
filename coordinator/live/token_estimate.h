#pragma once

#include <algorithm>
#include <cstdint>

#include "common/second_stats.h"
#include "coordinator/measure/token_count.h"

namespace kneepoint::coordinator {

/// Output tokens received so far, from seconds in any order. Requests add up as
/// - running usage: the tokens as reported when they were received;
/// - ended, with usage at the end: that usage;
/// - still running, or ended without usage: content chunks × (Σ usage / Σ chunks of the requests that ended),
/// × 1
///   until one has.
/// Once every request has ended this is the report's total of output tokens.
class TokenEstimate {
 public:
  void add(const SeriesStats& stats) {
    for (std::size_t half = 0; half < 2; ++half) {
      sum_.reported_tokens[half] += stats.reported_tokens[half];
      sum_.unreported_chunks[half] += stats.unreported_chunks[half];
    }
    sum_.usage_tokens += stats.usage_tokens;
    sum_.usage_chunks += stats.usage_chunks;
    sum_.chunks_without_usage += stats.chunks_without_usage;
  }

  /// The ratio of all that was added.
  ChunkRate rate() const { return chunk_rate(sum_, sum_); }

  /// May fall by a little when the ratio does: a counter keeps its maximum.
  double tokens() const {
    const std::uint64_t chunks = sum_.unreported_chunks[0] + sum_.unreported_chunks[1];
    // Chunks of running usage and others cannot be told apart among the ended: what arrived counts, and at
    // least what has ended.
    if (sum_.reported_tokens[0] + sum_.reported_tokens[1] > 0)
      return std::max(rate().ended(sum_), rate().arrived(sum_));
    const std::uint64_t running = chunks - std::min(chunks, sum_.usage_chunks);
    return static_cast<double>(sum_.usage_tokens) +
           static_cast<double>(running) * rate().tokens_per_chunk.value_or(1);
  }

 private:
  SeriesStats sum_;  // its counters only
};

}  // namespace kneepoint::coordinator
