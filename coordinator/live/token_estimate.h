#pragma once

#include <algorithm>
#include <cstdint>

#include "common/second_stats.h"

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
    reported_ += stats.reported_tokens[0] + stats.reported_tokens[1];
    unreported_chunks_ += stats.unreported_chunks[0] + stats.unreported_chunks[1];
    usage_tokens_ += stats.usage_tokens;
    usage_chunks_ += stats.usage_chunks;
    chunks_without_usage_ += stats.chunks_without_usage;
  }

  /// Tokens per content chunk; 1 until a request with usage has ended.
  double tokens_per_chunk() const {
    if (usage_tokens_ == 0 || usage_chunks_ == 0) return 1;
    return static_cast<double>(usage_tokens_) / static_cast<double>(usage_chunks_);
  }

  /// May fall by a little when the ratio does: a counter keeps its maximum.
  double tokens() const {
    if (reported_ == 0)
      return static_cast<double>(usage_tokens_) + estimated(unreported_chunks_, usage_chunks_);
    // Chunks of running usage and others cannot be told apart among the ended: what arrived counts, and at
    // least what has ended.
    const double ended = static_cast<double>(usage_tokens_) + estimated(chunks_without_usage_, 0);
    return std::max(ended, static_cast<double>(reported_) + estimated(unreported_chunks_, 0));
  }

 private:
  /// The tokens of `chunks` − `counted` chunks.
  double estimated(std::uint64_t chunks, std::uint64_t counted) const {
    return static_cast<double>(chunks - std::min(chunks, counted)) * tokens_per_chunk();
  }

  std::uint64_t reported_ = 0;
  std::uint64_t unreported_chunks_ = 0;
  std::uint64_t usage_tokens_ = 0;
  std::uint64_t usage_chunks_ = 0;
  std::uint64_t chunks_without_usage_ = 0;
};

}  // namespace kneepoint::coordinator
