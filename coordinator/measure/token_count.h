#pragma once

#include <optional>

#include "common/second_stats.h"
#include "coordinator/results/model.h"
#include "coordinator/timeline/timeline.h"

/// How many tokens the chunks stand for. The server's own count wherever there is one; never words or the
/// length asked.
namespace kneepoint::coordinator {

/// Tokens per content chunk, for streams whose server reports usage only at their end.
struct ChunkRate {
  std::optional<double>
      tokens_per_chunk;  ///< Absent where no request had usage: a chunk then counts as one token.

  /// Tokens that arrived. Both halves of the second where `half` is negative.
  double arrived(const SeriesStats& stats, int half = -1) const;
  /// Tokens of the requests that ended.
  double ended(const SeriesStats& stats) const;
  /// How arrived() came about; absent where nothing arrived.
  std::optional<TokenSource> source(const SeriesStats& stats) const;
};

/// Σ usage / Σ chunks of the requests with usage that ended in `window`: at high load servers put more tokens
/// into a chunk, so the window's own requests know best. Without any, of `whole`, the cell's run so far.
ChunkRate chunk_rate(const SeriesStats& window, const SeriesStats& whole);

/// What a window's figures are held against.
struct TokenEvidence {
  const SeriesStats& window;
  ChunkRate rate;
  std::optional<TokenSource> source;
  std::optional<double> tokens_per_second;  ///< As the row gives it.
  double seconds = 0;
  bool by_requests = false;  ///< The row counts the tokens of the requests that ended.
  bool streamed = true;
};

/// The client's own witnesses of a row's count. Absent where no tokens were counted.
std::optional<TokenCount> count_witnesses(const TokenEvidence& evidence);

/// Everything that `timeline` holds of a cell, without its histograms.
SeriesStats counts_of_cell(const Timeline& timeline, std::uint32_t cell);

}  // namespace kneepoint::coordinator
