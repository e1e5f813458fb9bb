#include "coordinator/measure/token_count.h"

#include <cmath>

#include "coordinator/measure/statistics.h"
#include "coordinator/words/tokens.h"

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

namespace {

double real(std::uint64_t count) {
  return static_cast<double>(count);
}

/// What the longest length that was asked for makes of the count that it is nearer to, on the same answers:
/// what arrived in a window and what ended in it differ by its edges.
std::optional<double> by_max_tokens(const TokenEvidence& evidence, std::optional<double> chunks_per_second) {
  constexpr double kNear = 0.05;
  const AnswerWitnesses& w = evidence.window.witnesses;
  const double asked = real(w.full_asked + w.full_uncounted_asked);
  // Uncounted answers that came whole are one chunk of any length: they are no part of the row's count.
  const double uncounted =
      evidence.streamed ? evidence.rate.tokens_per_chunk.value_or(1) * real(w.full_uncounted_chunks) : 0;
  const auto of_count = ratio(asked, real(w.full_usage) + uncounted);
  const auto of_chunks = ratio(asked, real(w.full_chunks + w.full_uncounted_chunks));
  const auto near = [](std::optional<double> right) { return right && std::abs(*right - 1) <= kNear; };
  if (asked > 0 && chunks_per_second && near(of_chunks) && !near(of_count))
    return *chunks_per_second * *of_chunks;
  if (asked > 0 && of_count) return *evidence.tokens_per_second * *of_count;
  // None reached it: it bounds them all the same.
  if (w.over_limit == 0) return std::nullopt;
  return *evidence.tokens_per_second * real(w.limited_within) / real(w.limited_usage);
}

/// What would explain that usage is more than what was seen.
std::string suspicion_of(const SeriesStats& window) {
  const AnswerWitnesses& w = window.witnesses;
  constexpr double kAbout = 0.05;
  const double beyond = real(window.usage_tokens) - real(window.usage_chunks);
  const auto about = [&](double amount) {
    return amount > kAbout * real(window.usage_chunks) && std::abs(beyond - amount) <= kAbout * amount;
  };
  if (about(real(w.counted_prompt_tokens))) return words::exceeds_by_prompt();
  if (about(real(w.reasoning_chunks)) || (w.reasoning_chunks > 0 && about(real(w.reasoning_tokens))))
    return words::exceeds_by_reasoning();
  // Answers that end where the model has done are of any length; a host may repeat what it was asked for.
  constexpr double kFewestAnswers = 20, kFewEarly = 0.05;
  const bool all_at_limit = real(w.limited) >= kFewestAnswers && w.over_limit == 0 &&
                            real(window.early_stops) <= kFewEarly * real(w.limited);
  const bool none_ended_there = w.full_asked + w.full_uncounted_asked == 0;
  if (all_at_limit && none_ended_there && beyond > kAbout * real(window.usage_chunks))
    return words::as_long_as_might_be();
  return "";
}

}  // namespace

std::optional<TokenCount> count_witnesses(const TokenEvidence& evidence) {
  if (!evidence.source || !evidence.tokens_per_second || *evidence.tokens_per_second <= 0)
    return std::nullopt;
  const SeriesStats& window = evidence.window;
  const AnswerWitnesses& w = window.witnesses;
  TokenCount count;
  const auto add = [&](const char* name, std::optional<double> rate) {
    if (rate) count.witnesses.push_back({name, *rate});
  };
  if (*evidence.source != TokenSource::kChunks) add("usage", evidence.tokens_per_second);
  const std::uint64_t chunks =
      evidence.by_requests ? window.usage_chunks + window.chunks_without_usage : window.chunks;
  std::optional<double> chunks_per_second;
  if (evidence.streamed && chunks > 0) chunks_per_second = ratio(real(chunks), evidence.seconds);
  add("chunks", chunks_per_second);
  add("max_tokens", by_max_tokens(evidence, chunks_per_second));
  count.text_bytes_per_token = ratio(real(w.counted_text_bytes), real(w.counted_text_tokens));
  if (evidence.streamed) count.text_bytes_per_chunk = ratio(real(w.text_bytes), real(w.text_chunks));
  count.over_limit_ratio = ratio(real(w.over_limit), real(w.limited));
  count.assumed_tokens_per_chunk = ratio(real(w.assumed_usage), real(w.assumed_chunks));
  if (evidence.streamed) count.suspicion = suspicion_of(window);
  return count;
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
