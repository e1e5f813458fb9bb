// The recorder's part about counts: whether what a server says is one, and what can be held against it.
#include <algorithm>
#include <utility>

#include "agent/record/recorded_series.h"
#include "agent/record/recorder.h"

namespace kneepoint::agent {
namespace {

/// Content chunks from which on an answer shows how it was delivered: fewer may be one speculative step.
constexpr std::uint64_t kLongAnswer = 8;
/// 20,000 tokens a second in one stream: what comes faster was made before and kept back.
constexpr Nanos kFasterThanAnyHost = std::chrono::microseconds(50);
/// A host that takes less than this for each chunk of an answer, first token and all, may really have made
/// them so fast.
constexpr Nanos kSlowEnough = std::chrono::microseconds(200);
/// A first chunk that the second follows after so many times as long as each other follows the one before.
constexpr std::int64_t kLongAfter = 5;
constexpr Nanos kLongAfterAtLeast = std::chrono::milliseconds(50);

}  // namespace

std::optional<std::uint64_t> RequestRecord::known_first() const {
  if (first_tokens > 0 && !usage_broke) return first_tokens;
  // Reasoning that the server counted and did not show came before the first chunk.
  if (reasoning_tokens > 0 && reasoning_chunks == 0) return reasoning_tokens + 1;
  return std::nullopt;
}

/// A content chunk of an answer whose first one had running usage, which has not grown since the last one.
/// What falls, or does not grow for two chunks, counts something else than the answer's tokens; they are
/// chunks from there on.
void Recorder::doubt_running(RequestRecord& record, MonoTime at, const Chunk& chunk) {
  const bool falls = chunk.completion_tokens && *chunk.completion_tokens < record.running_tokens;
  if (!falls && !std::exchange(record.stood_still, true)) return;  // two chunks of one token
  record.running_usage = false;
  record.usage_broke = true;
  if (record.streamed) count_tokens(record, at, falls ? 1 : 2);
}

/// What of a successful answer can be held against its count and its times.
void Recorder::bear_witness(const RequestRecord& record, AnswerWitnesses& into) {
  const bool counted = record.counted();
  const std::uint64_t tokens = record.completion_tokens;
  if (record.at_limit && record.asked_output_tokens > 0) {
    (counted ? into.full_asked : into.full_uncounted_asked) += record.asked_output_tokens;
    (counted ? into.full_chunks : into.full_uncounted_chunks) += record.chunks;
    if (counted) into.full_usage += tokens;
  }
  if (counted && record.asked_output_tokens > 0) {
    ++into.limited;
    if (tokens > record.asked_output_tokens) ++into.over_limit;
    into.limited_usage += tokens;
    into.limited_within += std::min<std::uint64_t>(tokens, record.asked_output_tokens);
  }
  if (record.textless_chunks == 0) {
    into.text_bytes += record.text_bytes;
    into.text_chunks += record.chunks;
    if (counted) into.counted_text_bytes += record.text_bytes;
    if (counted) into.counted_text_tokens += tokens;
  }
  if (counted) {
    into.reasoning_chunks += record.reasoning_chunks;
    into.reasoning_tokens += record.reasoning_tokens;
    into.counted_prompt_tokens += record.prompt_tokens;
    into.audio_prompt_tokens += std::min<std::uint64_t>(record.audio_prompt_tokens, record.prompt_tokens);
    into.audio_tokens += std::min<std::uint64_t>(record.audio_tokens, record.completion_tokens);
  }
  if (record.has_prompt_usage && record.cached_tokens) {
    into.cache_told_prompt += record.prompt_tokens;
    into.cached_prompt += std::min<std::uint64_t>(*record.cached_tokens, record.prompt_tokens);
  }
  if (record.model_mark) {
    const std::uint64_t mark = *record.model_mark;
    ++into.named_answers;
    into.model_marks += mark;
    into.model_mark_squares += mark * mark;
  }
  if (!record.streamed) return;
  if (counted && !record.known_first()) {
    into.assumed_usage += tokens;
    into.assumed_chunks += record.chunks;
  }
  if (record.chunks < kLongAnswer) return;
  ++into.long_answers;
  const auto chunks = static_cast<std::int64_t>(record.chunks);
  const bool at_once = record.last - record.first <= kFasterThanAnyHost * (chunks - 1);
  const bool had_time = record.last - record.start >= kSlowEnough * chunks;
  if (at_once && had_time) ++into.one_piece_answers;
  const Nanos others = record.last - record.first - record.first_gap;
  if (record.first_gap >= kLongAfterAtLeast && record.first_gap * (chunks - 2) > kLongAfter * others) {
    ++into.early_firsts;
    into.early_first_micros += static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(record.first_gap).count());
  }
}

}  // namespace kneepoint::agent
