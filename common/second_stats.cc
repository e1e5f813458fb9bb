#include "common/second_stats.h"

#include <algorithm>
#include <numeric>

namespace kneepoint {

std::string_view to_string(Outcome outcome) {
  static constexpr std::array<std::string_view, kOutcomeCount> kNames = {
      "success", "rejected", "http_4xx",  "http_5xx",     "dns",     "connect", "tls",       "timeout",
      "stream",  "parse",    "cancelled", "error_at_200", "aborted", "empty",   "truncated", "unread"};
  return kNames[static_cast<std::size_t>(outcome)];
}

const std::vector<AnswerWitnesses::Field>& AnswerWitnesses::fields() {
  using A = AnswerWitnesses;
  static const std::vector<Field> kFields = {&A::full_asked,
                                             &A::full_usage,
                                             &A::full_chunks,
                                             &A::full_uncounted_asked,
                                             &A::full_uncounted_chunks,
                                             &A::limited,
                                             &A::over_limit,
                                             &A::limited_usage,
                                             &A::limited_within,
                                             &A::text_bytes,
                                             &A::text_chunks,
                                             &A::counted_text_bytes,
                                             &A::counted_text_tokens,
                                             &A::reasoning_chunks,
                                             &A::reasoning_tokens,
                                             &A::counted_prompt_tokens,
                                             &A::assumed_usage,
                                             &A::assumed_chunks,
                                             &A::long_answers,
                                             &A::one_piece_answers,
                                             &A::unanswered,
                                             &A::tail_micros,
                                             &A::cache_told_prompt,
                                             &A::cached_prompt,
                                             &A::audio_prompt_tokens,
                                             &A::audio_tokens,
                                             &A::early_firsts,
                                             &A::early_first_micros,
                                             &A::named_answers,
                                             &A::model_marks,
                                             &A::model_mark_squares};
  static_assert(sizeof(A) == 31 * sizeof(std::uint64_t));
  return kFields;
}

void AnswerWitnesses::merge(const AnswerWitnesses& other) {
  for (const Field field : fields()) this->*field += other.*field;
}

void SegmentCounts::merge(const SegmentCounts& other) {
  sent += other.sent;
  retransmitted += other.retransmitted;
  received += other.received;
  out_of_order += other.out_of_order;
}

SegmentCounts SegmentCounts::since(const SegmentCounts& before) const {
  return {.sent = sent - before.sent,
          .retransmitted = retransmitted - before.retransmitted,
          .received = received - before.received,
          .out_of_order = out_of_order - before.out_of_order};
}

FailureCount* Failures::of(const FailureKey& key) {
  if (const auto found = kinds_.find(key); found != kinds_.end()) return &found->second;
  return kinds_.size() < kMost ? &kinds_[key] : nullptr;
}

void Failures::merge(const Failures& other) {
  for (const auto& [key, theirs] : other.kinds_) {
    FailureCount* const ours = of(key);
    if (ours == nullptr) continue;
    const bool says_more = ours->said.empty() && !theirs.said.empty();
    if (ours->count == 0 || says_more) ours->said = theirs.said, ours->request_id = theirs.request_id;
    ours->count += theirs.count;
  }
}

void SeriesStats::merge(const SeriesStats& other) {
  arrivals += other.arrivals;
  started += other.started;
  first_tokens += other.first_tokens;
  for (std::size_t i = 0; i < kOutcomeCount; ++i) outcomes[i] += other.outcomes[i];
  chunks += other.chunks;
  for (std::size_t half = 0; half < 2; ++half) {
    reported_tokens[half] += other.reported_tokens[half];
    unreported_chunks[half] += other.unreported_chunks[half];
  }
  usage_tokens += other.usage_tokens;
  usage_chunks += other.usage_chunks;
  chunks_without_usage += other.chunks_without_usage;
  prompt_tokens += other.prompt_tokens;
  asked_prompts += other.asked_prompts;
  asked_prompt_tokens += other.asked_prompt_tokens;
  achieved_prompt_tokens += other.achieved_prompt_tokens;
  witnesses.merge(other.witnesses);
  segments.merge(other.segments);
  failures.merge(other.failures);
  joint_good += other.joint_good;
  if (slo.size() < other.slo.size()) slo.resize(other.slo.size());
  for (std::size_t i = 0; i < other.slo.size(); ++i) {
    slo[i].met += other.slo[i].met;
    slo[i].missed += other.slo[i].missed;
  }
  censored += other.censored;
  early_stops += other.early_stops;
  replica_changes += other.replica_changes;
  reconnects += other.reconnects;
  in_flight += other.in_flight;
  waiting += other.waiting;
  backing_off += other.backing_off;
  thinking += other.thinking;
  beside += other.beside;
  backlog += other.backlog;
  ttft.merge(other.ttft);
  ttfo.merge(other.ttfo);
  tpot.merge(other.tpot);
  icl.merge(other.icl);
  e2e.merge(other.e2e);
  ttft_intended.merge(other.ttft_intended);
  e2e_intended.merge(other.e2e_intended);
}

std::uint32_t named_replica(std::string_view name) {
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash | 0x80000000u;
}

std::uint64_t SeriesStats::ended() const {
  return std::accumulate(outcomes.begin(), outcomes.end(), std::uint64_t{0});
}

std::uint64_t SeriesStats::failed() const {
  return ended() - completed() - outcomes[static_cast<std::size_t>(Outcome::kCancelled)];
}

void GeneratorStats::merge(const GeneratorStats& other) {
  cpu_user += other.cpu_user;
  cpu_system += other.cpu_system;
  busiest_thread = std::max(busiest_thread, other.busiest_thread);
  resident_bytes = std::max(resident_bytes, other.resident_bytes);
  rx_lag.merge(other.rx_lag);
  loop_gap.merge(other.loop_gap);
  send_lag.merge(other.send_lag);
  connect.merge(other.connect);
  reads += other.reads;
  multi_event_reads += other.multi_event_reads;
  client_coalesced += other.client_coalesced;
  joined_events += other.joined_events;
  late_joined_events += other.late_joined_events;
  late_reads += other.late_reads;
  unstamped_reads += other.unstamped_reads;
}

void SecondSnapshot::merge(const SecondSnapshot& other) {
  for (const auto& [key, stats] : other.series) series[key].merge(stats);
  generator.merge(other.generator);
  requests.insert(requests.end(), other.requests.begin(), other.requests.end());
}

}  // namespace kneepoint
