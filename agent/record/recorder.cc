#include "agent/record/recorder.h"

#include <algorithm>
#include <utility>

#include "agent/record/recorded_series.h"

namespace kneepoint::agent {
namespace {

constexpr Nanos kSecond = std::chrono::seconds(1);
/// A turn later than this coalesces events by itself.
constexpr Nanos kClientDelay = std::chrono::milliseconds(1);

}  // namespace

Recorder::Recorder(MonoTime zero, MonoTime now, const std::vector<Cell>& cells, bool rows)
    : zero_(zero), next_zero_(zero), cells_(cells), rows_(rows), second_begin_(zero) {
  second_ = std::chrono::floor<std::chrono::seconds>(now - zero).count();
  second_begin_ = begin_of(second_);
  taken_through_ = second_ - 1;
}

Recorder::~Recorder() = default;

std::int64_t Recorder::second_of(MonoTime at) const {
  const Nanos since = at - second_begin_;
  if (since >= Nanos(0) && since < kSecond) return second_;  // nearly always; a division saved
  return std::chrono::floor<std::chrono::seconds>(at - zero_).count();
}
MonoTime Recorder::begin_of(std::int64_t second) const {
  return zero_ + std::chrono::seconds(second);
}

Series& Recorder::series(const SeriesKey& key) {
  auto& held = series_[key];
  if (!held) {
    held = std::make_unique<Series>();
    held->key = key;
    held->cell = &cells_[key.cell];
    held->stats.slo.resize(held->cell->slo.size());
    held->exempt = exempt_limits(*held->cell, key.prompt_class);
  }
  return *held;
}

RecordedSecond& Recorder::recorded(std::int64_t second) {
  RecordedSecond& part = ended_[second];
  part.second = second;
  return part;
}

SeriesStats& Recorder::stats(Series& series, std::int64_t second) {
  if (second > second_) roll(begin_of(second));
  if (second == second_) {
    series.touched = true;
    return series.stats;
  }
  SeriesStats& late = recorded(second).series[series.key];
  late.slo.resize(series.cell->slo.size());
  return late;
}

void Recorder::sample(Series& series, Metric metric, MonoTime at, Nanos value) {
  const std::int64_t second = second_of(at);
  if (second > second_) roll(at);
  if (second == second_) {
    if (series.index == kNoIndex) {
      series.index = static_cast<std::uint32_t>(keys_.size());
      keys_.push_back(series.key);
    }
    samples_.push_back({series.index, metric, value});
    return;
  }
  RecordedSecond& late = recorded(second);
  late.samples.push_back({static_cast<std::uint32_t>(late.keys.size()), metric, value});
  late.keys.push_back(series.key);
}

/// Counts tokens into the half second of `at`: of running usage, or content chunks where there is none.
void Recorder::count_tokens(RequestRecord& record, MonoTime at, std::uint64_t tokens) {
  const std::int64_t second = second_of(at);
  SeriesStats& into = stats(*record.series, second);
  const std::size_t half = at - begin_of(second) >= kSecond / 2 ? 1 : 0;
  (record.running_usage ? into.reported_tokens : into.unreported_chunks)[half] += tokens;
}

/// Changes a number of requests at `at`, and the integral of that number over every second from there on.
void Recorder::step(Series& series, Integral integral, std::int32_t Series::*count, std::int32_t by,
                    MonoTime at) {
  at = std::max(at, begin_of(taken_through_ + 1));
  const std::int64_t second = second_of(at);
  stats(series, second).*integral += by * to_seconds(begin_of(second + 1) - at);
  for (std::int64_t later = second + 1; later <= second_; ++later) stats(series, later).*integral += by;
  series.*count += by;
}

void Recorder::begin(RequestRecord& record, const Start& start) {
  roll(start.at);  // before a reference to a series that nothing keeps alive yet
  record = RequestRecord();
  record.series = &series(start.key);
  record.slot = start.slot;
  record.k = start.k;
  record.scheduled = start.scheduled;
  record.start = start.at;
  record.due = start.arrival.value_or(start.at);
  record.open_loop = start.arrival.has_value();
  record.streamed = record.series->cell->workload.stream;
  record.asked_prompt_tokens = start.asked_prompt_tokens;
  record.asked_output_tokens = start.asked_output_tokens;
  const auto& asked = record.series->cell->workload.output_tokens;
  if (record.asked_output_tokens == 0 && asked && asked->fixed())
    record.asked_output_tokens = asked->sample_whole(0, 1);
  step(*record.series, &SeriesStats::in_flight, &Series::in_flight, 1, start.at);
  if (record.streamed) step(*record.series, &SeriesStats::waiting, &Series::waiting, 1, start.at);
  ++stats(*record.series, second_of(start.at)).started;
  ++in_flight_;
  if (start.sent) generator_.send_lag.record(start.at - start.scheduled);
  record.judged = record.series->exempt;
  const auto& limits = record.series->cell->slo;
  for (std::size_t i = 0; record.streamed && i < limits.size(); ++i) {
    if (!is_time_limit(limits[i].metric) || (record.judged & (1u << i)) != 0) continue;
    watch(record);
    break;
  }
}

void Recorder::reconnected(RequestRecord& record, MonoTime at) {
  ++stats(*record.series, second_of(at)).reconnects;
}

void Recorder::carried(RequestRecord& record, MonoTime at, const SegmentCounts& segments) {
  stats(*record.series, second_of(at)).segments.merge(segments);
}

void Recorder::resend(RequestRecord& record, MonoTime start) {
  record.start = start;
  if (!record.open_loop) record.due = start;
}

void Recorder::restart(RequestRecord& record, MonoTime start) {
  resend(record, start);
  reconnected(record, start);
}

std::optional<std::uint32_t> Recorder::named(std::string_view name) {
  constexpr std::size_t kMostNames = 256;
  constexpr std::size_t kLongestName = 64;
  // Names end up in tables and messages, and hosts may say anything.
  std::string clean(name.substr(0, kLongestName));
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  const std::uint32_t replica = named_replica(clean);
  if (replica_names_.contains(replica)) return replica;
  if (replica_names_.size() == kMostNames) return std::nullopt;
  replica_names_.emplace(replica, std::move(clean));
  return replica;
}

void Recorder::answered_by(RequestRecord& record, MonoTime at, std::uint32_t replica, bool changed) {
  roll(at);
  SeriesKey key = record.series->key;
  key.replica = replica;
  Series& to = series(key);
  if (&to != record.series) {
    // The sum over both never dips: first there, then gone from here.
    step(to, &SeriesStats::in_flight, &Series::in_flight, 1, at);
    step(*record.series, &SeriesStats::in_flight, &Series::in_flight, -1, at);
    if (record.streamed && record.chunks == 0) {
      step(to, &SeriesStats::waiting, &Series::waiting, 1, at);
      step(*record.series, &SeriesStats::waiting, &Series::waiting, -1, at);
    }
    record.series = &to;
  }
  if (changed) ++stats(to, second_of(at)).replica_changes;
}

void Recorder::note_details(RequestRecord& record, const Chunk& chunk) {
  const UsageDetails& details = *chunk.details;
  // A part of a prompt that is not counted is a part of nothing.
  if (details.cached_tokens && chunk.prompt_tokens.value_or(0) != 0)
    record.cached_tokens = details.cached_tokens;
  if (details.reasoning_tokens) record.reasoning_tokens = *details.reasoning_tokens;
  if (details.audio_prompt_tokens) record.audio_prompt_tokens = *details.audio_prompt_tokens;
  if (details.audio_tokens) record.audio_tokens = *details.audio_tokens;
}

void Recorder::chunk(RequestRecord& record, MonoTime at, const Chunk& chunk) {
  Series& series = *record.series;
  // No prompt has none: a host that says 0 has not counted. Running usage says the same in every event.
  if (const std::uint64_t prompt = chunk.prompt_tokens.value_or(0); prompt != 0) {
    if (prompt != record.prompt_tokens) {
      record.has_prompt_usage = true;
      record.prompt_tokens = prompt;
    }
  }
  if (chunk.details) note_details(record, chunk);
  if (chunk.at_limit) record.at_limit = true;
  if (chunk.model_mark) record.model_mark = chunk.model_mark;
  if (!chunk.content()) {
    if (chunk.completion_tokens) {
      record.has_usage = true;
      record.completion_tokens = std::max(record.completion_tokens, *chunk.completion_tokens);
    }
    return;
  }

  record.text_bytes += chunk.text_bytes;
  record.textless_chunks += chunk.text_bytes == 0 ? 1 : 0;
  record.reasoning_chunks += chunk.reasoning ? 1 : 0;
  if (++record.chunks == 1) {
    record.first_tokens = chunk.completion_tokens.value_or(0);
    record.running_usage = record.first_tokens > 0;
    record.first = record.last = at;
    if (record.streamed) {
      ++stats(series, second_of(at)).first_tokens;
      step(series, &SeriesStats::waiting, &Series::waiting, -1, at);
      sample(series, Metric::kTtft, at, at - record.start);
      if (record.open_loop) sample(series, Metric::kTtftIntended, at, at - record.due);
      judge_time_limits(record, SloMetric::kTtft, at);
    }
  } else {
    const Nanos gap = at - record.last;
    record.longest_gap = std::max(record.longest_gap, gap);
    if (record.chunks == 2) record.first_gap = gap;
    record.last = at;
    sample(series, Metric::kIcl, at, gap);
  }
  if (record.streamed && !record.answered && (chunk.answer || chunk.tool_call)) {
    record.answered = true;
    record.first_answer = at;
    sample(series, Metric::kTtfo, at, at - record.start);
    judge_time_limits(record, SloMetric::kTtfo, at);
  }
  ++stats(series, second_of(at)).chunks;
  if (record.running_usage && chunk.completion_tokens && *chunk.completion_tokens > record.running_tokens) {
    record.has_usage = true;
    record.stood_still = false;
    record.completion_tokens = std::max(record.completion_tokens, *chunk.completion_tokens);
    count_tokens(record, at, *chunk.completion_tokens - record.running_tokens);
    record.running_tokens = *chunk.completion_tokens;
    return;
  }
  if (record.running_usage) return doubt_running(record, at, chunk);
  if (chunk.completion_tokens) {
    record.has_usage = true;
    record.completion_tokens = std::max(record.completion_tokens, *chunk.completion_tokens);
  }
  // How many tokens an answer has that came whole, only its server could say.
  if (record.streamed) count_tokens(record, at, 1);
}

void Recorder::end(RequestRecord& record, MonoTime at, Outcome outcome, const FailureDetail& failure) {
  Series& series = *record.series;
  at = std::max(at, record.start);
  unwatch(record);
  // What running usage had not reported by the last content chunk still arrived with it at the latest.
  if (record.running_usage && record.completion_tokens > record.running_tokens) {
    count_tokens(record, record.last, record.completion_tokens - record.running_tokens);
  }
  const bool success = outcome == Outcome::kSuccess;
  if (success && record.chunks > 0) {
    sample(series, Metric::kE2e, at, record.last - record.start);
    if (record.open_loop) sample(series, Metric::kE2eIntended, at, record.last - record.due);
    const std::uint64_t first = record.known_first().value_or(1);
    if (record.streamed && record.tokens() > first) {
      sample(series, Metric::kTpot, at,
             (record.last - record.first) / static_cast<std::int64_t>(record.tokens() - first));
    }
  }
  judge_at_end(record, at, outcome);

  step(series, &SeriesStats::in_flight, &Series::in_flight, -1, at);
  if (record.streamed && record.chunks == 0) step(series, &SeriesStats::waiting, &Series::waiting, -1, at);
  SeriesStats& into = stats(series, second_of(at));
  ++into.outcomes[static_cast<std::size_t>(outcome)];
  if (!success && outcome != Outcome::kCancelled) note_failure(into.failures, outcome, failure);
  if (record.counted()) {
    // Tokens of which none was seen say nothing about how many a chunk holds.
    if (record.chunks > 0) into.usage_tokens += record.completion_tokens;
    into.usage_chunks += record.chunks;
  } else if (record.streamed) {
    into.chunks_without_usage += record.chunks;
  }
  into.prompt_tokens += record.prompt_tokens;
  if (record.streamed && record.chunks == 0) ++into.censored;
  if (record.prompt_tokens > 0 && record.asked_prompt_tokens > 0) {
    ++into.asked_prompts;
    into.asked_prompt_tokens += record.asked_prompt_tokens;
    into.achieved_prompt_tokens += record.prompt_tokens;
  }
  if (success && record.counted() && record.completion_tokens < record.asked_output_tokens)
    ++into.early_stops;
  if (success && record.chunks > 0) {
    bear_witness(record, into.witnesses);
    into.witnesses.tail_micros += static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(at - record.last).count());
  }
  if (outcome == Outcome::kTimeout && record.chunks == 0) ++into.witnesses.unanswered;
  if (rows_) keep_row(record, at, outcome);
  --in_flight_;
  record.series = nullptr;
}

void Recorder::begin_backoff(const SeriesKey& key, MonoTime at) {
  roll(at);
  step(series(key), &SeriesStats::backing_off, &Series::backing_off, 1, at);
  ++backing_off_;
}

void Recorder::end_backoff(const SeriesKey& key, MonoTime at) {
  step(series(key), &SeriesStats::backing_off, &Series::backing_off, -1, at);
  --backing_off_;
}

void Recorder::begin_thinking(const SeriesKey& key, MonoTime at) {
  roll(at);
  step(series(key), &SeriesStats::thinking, &Series::thinking, 1, at);
}

void Recorder::end_thinking(const SeriesKey& key, MonoTime at) {
  step(series(key), &SeriesStats::thinking, &Series::thinking, -1, at);
}

void Recorder::beside(const SeriesKey& key, std::int32_t by, MonoTime at) {
  roll(at);
  step(series(key), &SeriesStats::beside, &Series::beside, by, at);
}

void Recorder::arrived(const SeriesKey& level, MonoTime at) {
  roll(at);
  ++stats(series(level), second_of(at)).arrivals;
}

void Recorder::begin_backlog(const SeriesKey& level, MonoTime at) {
  roll(at);
  step(series(level), &SeriesStats::backlog, &Series::backlog, 1, at);
}

void Recorder::end_backlog(const SeriesKey& level, MonoTime at) {
  step(series(level), &SeriesStats::backlog, &Series::backlog, -1, at);
}

void Recorder::read(MonoTime received, MonoTime processed, bool stamped, std::uint32_t content_events) {
  const Nanos lag = processed - received;
  if (stamped) rx_lag_.record(lag);  // else it is not known
  turn_max_lag_ = std::max(turn_max_lag_, lag);
  ++generator_.reads;
  if (!stamped) ++generator_.unstamped_reads;
  ++turn_reads_;
  if (content_events > 1) {
    ++turn_multi_event_reads_;
    turn_joined_events_ += content_events - 1;
  }
}

void Recorder::connected(Nanos took) {
  generator_.connect.record(took);
}

void Recorder::end_turn(Nanos gap) {
  loop_gap_.record(gap);
  // A read by itself waits for nothing in its own turn.
  const bool late =
      previous_gap_ > kClientDelay || turn_max_lag_ > kClientDelay || (gap > kClientDelay && turn_reads_ > 1);
  if (late) generator_.late_reads += turn_reads_;
  if (turn_multi_event_reads_ != 0) {
    generator_.multi_event_reads += turn_multi_event_reads_;
    generator_.joined_events += turn_joined_events_;
    if (late) generator_.client_coalesced += turn_multi_event_reads_;
    if (late) generator_.late_joined_events += turn_joined_events_;
    turn_multi_event_reads_ = turn_joined_events_ = 0;
  }
  turn_reads_ = 0;
  turn_max_lag_ = Nanos(0);
  previous_gap_ = gap;
}

void Recorder::cost(std::int64_t second, const ProcessCost& used) {
  GeneratorStats& into = second >= second_ ? generator_ : recorded(second).generator;
  into.cpu_user += used.user;
  into.cpu_system += used.system;
  into.busiest_thread += used.thread;
  into.resident_bytes = std::max(into.resident_bytes, used.resident_bytes);
}

void Recorder::end_second() {
  RecordedSecond& part = recorded(second_);
  const std::size_t samples = samples_.size();
  part.keys = std::exchange(keys_, {});
  part.samples = std::exchange(samples_, {});
  samples_.reserve(samples + samples / 4);
  generator_.rx_lag = rx_lag_.drain();
  generator_.loop_gap = loop_gap_.drain();
  part.generator.merge(std::exchange(generator_, GeneratorStats()));
  for (auto at = series_.begin(); at != series_.end();) {
    Series& series = *at->second;
    series.index = kNoIndex;
    if (series.touched) part.series[series.key].merge(std::exchange(series.stats, SeriesStats()));
    series.touched = series.live();
    if (!series.touched) {
      at = series_.erase(at);
      continue;
    }
    series.stats.slo.resize(series.cell->slo.size());
    series.stats.in_flight = series.in_flight;
    series.stats.waiting = series.waiting;
    series.stats.backing_off = series.backing_off;
    series.stats.thinking = series.thinking;
    series.stats.beside = series.beside;
    series.stats.backlog = series.backlog;
    ++at;
  }
  ++second_;
  zero_ = next_zero_;
  second_begin_ = begin_of(second_);
}

void Recorder::roll(MonoTime now) {
  const std::int64_t until = second_of(now);
  while (second_ < until) {
    miss_overdue(second_begin_ + kSecond);
    end_second();
  }
}

std::vector<RecordedSecond> Recorder::take(std::int64_t through) {
  std::vector<RecordedSecond> taken;
  through = std::min(through, second_ - 1);
  while (!ended_.empty() && ended_.begin()->first <= through) {
    taken.push_back(std::move(ended_.extract(ended_.begin()).mapped()));
  }
  taken_through_ = std::max(taken_through_, through);
  return taken;
}

}  // namespace kneepoint::agent
