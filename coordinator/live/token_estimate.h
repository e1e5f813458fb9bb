#pragma once

#include <algorithm>
#include <cstdint>

#include "common/second_stats.h"

namespace kneepoint::coordinator {

/// Output tokens received so far, from seconds in any order. Three kinds of requests add up:
/// - running usage: the tokens as reported when they were received;
/// - ended, usage at the end: that usage; ended without usage: their content chunks;
/// - still running without running usage: content chunks × (Σ usage / Σ chunks of the requests that ended), ×
/// 1
///   until one has.
/// Once every request has ended this is Σ usage + Σ chunks without usage, which is how a report counts its
/// total.
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
    const double ended = static_cast<double>(usage_tokens_ + chunks_without_usage_);
    if (reported_ > 0) {
      const double received =
          static_cast<double>(reported_) + static_cast<double>(unreported_chunks_) * tokens_per_chunk();
      return std::max(ended, received);
    }
    const std::uint64_t ended_chunks = usage_chunks_ + chunks_without_usage_;
    const std::uint64_t running_chunks = unreported_chunks_ - std::min(unreported_chunks_, ended_chunks);
    return ended + static_cast<double>(running_chunks) * tokens_per_chunk();
  }

 private:
  std::uint64_t reported_ = 0;
  std::uint64_t unreported_chunks_ = 0;
  std::uint64_t usage_tokens_ = 0;
  std::uint64_t usage_chunks_ = 0;
  std::uint64_t chunks_without_usage_ = 0;
};

}  // namespace kneepoint::coordinator
