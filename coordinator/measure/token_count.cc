#include "coordinator/measure/token_count.h"

namespace kneepoint::coordinator {

double ChunkRate::arrived(const SeriesStats& stats, int half) const {
  double tokens = 0;
  for (int h = 0; h < 2; ++h) {
    if (half >= 0 && h != half) continue;
    const auto at = static_cast<std::size_t>(h);
    tokens += static_cast<double>(stats.reported_tokens[at]) +
              static_cast<double>(stats.unreported_chunks[at]) * tokens_per_chunk.value_or(1);
  }
  return tokens;
}

double ChunkRate::ended(const SeriesStats& stats) const {
  return static_cast<double>(stats.usage_tokens) +
         static_cast<double>(stats.chunks_without_usage) * tokens_per_chunk.value_or(1);
}

std::optional<TokenSource> ChunkRate::source(const SeriesStats& stats) const {
  const auto reported = stats.reported_tokens[0] + stats.reported_tokens[1];
  const auto unreported = stats.unreported_chunks[0] + stats.unreported_chunks[1];
  if (reported + unreported == 0) return std::nullopt;
  if (unreported == 0) return TokenSource::kUsage;
  return tokens_per_chunk ? TokenSource::kEstimated : TokenSource::kChunks;
}

ChunkRate chunk_rate(const SeriesStats& window, const SeriesStats& whole) {
  for (const SeriesStats* stats : {&window, &whole}) {
    if (stats->usage_chunks == 0 || stats->usage_tokens == 0) continue;
    return {static_cast<double>(stats->usage_tokens) / static_cast<double>(stats->usage_chunks)};
  }
  return {};
}

SeriesStats counts_of_cell(const Timeline& timeline, std::uint32_t cell) {
  SeriesStats sum;
  for (const auto& [second, data] : timeline.seconds()) {
    for (const auto& [key, stats] : data.series) {
      if (key.cell != cell) continue;
      sum.started += stats.started;
      for (std::size_t i = 0; i < kOutcomeCount; ++i) sum.outcomes[i] += stats.outcomes[i];
      sum.usage_tokens += stats.usage_tokens;
      sum.usage_chunks += stats.usage_chunks;
      sum.chunks_without_usage += stats.chunks_without_usage;
      sum.reconnects += stats.reconnects;
    }
  }
  return sum;
}

}  // namespace kneepoint::coordinator
