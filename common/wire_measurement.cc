#include <google/protobuf/arena.h>

#include <algorithm>
#include <limits>

#include "common/batch_bytes.h"
#include "common/printable.h"
#include "common/wire.h"
#include "common/wire_check.h"
#include "common/wire_histogram.h"
#include "common/wire_workload.h"
#include "kneepoint/v1/measurement.pb.h"

namespace kneepoint {
namespace {

using wire::amount;
using wire::count;
using wire::Field;
using wire::histogram_from;
using wire::refuse;

/// A batch holds what came since the last one: a few seconds, more after a stall. These are the bounds of
/// absurdity.
constexpr std::size_t kMaxSeconds = 4096;
constexpr std::size_t kMaxSeries = 65'536;
/// Requests that end in one second on one agent.
constexpr std::size_t kMaxRows = 1'000'000;
constexpr std::size_t kMaxReplicas = 65'536;
/// With the mark that tells that there was more.
constexpr std::size_t kMaxSaid = Failures::kSaidBytes + std::string_view("…").size();
constexpr std::int64_t kMaxSecond = std::int64_t{366} * 86'400;

/// Sums are doubles added in any order: they may miss 0 by this much.
constexpr double kTimeRounding = 1e-6;

template <std::size_t N>
std::array<std::uint64_t, N> counts_from(const Field& at,
                                         const google::protobuf::RepeatedField<std::uint64_t>& values) {
  if (values.size() != static_cast<int>(N))
    refuse(at, fmt::format("{} entries instead of {}", values.size(), N));
  std::array<std::uint64_t, N> counts{};
  for (int i = 0; i < static_cast<int>(N); ++i) {
    counts[static_cast<std::size_t>(i)] = count({at.parent, at.name, i}, values[i]);
  }
  return counts;
}

/// Outcomes that a recording is too old to know did not happen in it.
std::array<std::uint64_t, kOutcomeCount> outcomes_from(
    const Field& at, const google::protobuf::RepeatedField<std::uint64_t>& values) {
  const auto given = static_cast<std::size_t>(values.size());
  if (given < kFirstOutcomes || given > kOutcomeCount)
    refuse(at, fmt::format("{} entries instead of {}", given, kOutcomeCount));
  std::array<std::uint64_t, kOutcomeCount> counts{};
  for (std::size_t i = 0; i < given; ++i) {
    const int place = static_cast<int>(i);
    counts[i] = count({at.parent, at.name, place}, values[place]);
  }
  return counts;
}

AnswerWitnesses witnesses_from(const Field& at,
                               const google::protobuf::RepeatedField<std::uint64_t>& values) {
  AnswerWitnesses witnesses;
  const auto& fields = AnswerWitnesses::fields();
  wire::size_at_most(at, static_cast<std::size_t>(values.size()), fields.size());
  for (int i = 0; i < values.size(); ++i) {
    witnesses.*fields[static_cast<std::size_t>(i)] = count({at.parent, at.name, i}, values[i]);
  }
  return witnesses;
}

SegmentCounts segments_from(const Field& at, const v1::Segments& message) {
  return {.sent = count({&at, "sent"}, message.sent()),
          .retransmitted = count({&at, "retransmitted"}, message.retransmitted()),
          .received = count({&at, "received"}, message.received()),
          .out_of_order = count({&at, "out_of_order"}, message.out_of_order())};
}

/// What a host has said comes by way of an agent, which may be anybody's.
std::string said_from(const Field& at, const std::string& value, std::size_t most) {
  if (printable(value) != value) refuse(at, "is not one printable line");
  return wire::text(at, value, most);
}

Failures failures_from(const Field& at, const v1::SeriesSecond& message, const SeriesStats& stats) {
  Failures failures;
  std::array<std::uint64_t, kOutcomeCount> counted{};
  wire::size_at_most(at, static_cast<std::size_t>(message.failures_size()), Failures::kMost);
  for (int i = 0; i < message.failures_size(); ++i) {
    const Field here{at.parent, at.name, i};
    const v1::Failures& from = message.failures(i);
    const auto outcome = from.outcome() < kOutcomeCount ? kOutcomes[from.outcome()] : Outcome::kSuccess;
    if (outcome == Outcome::kSuccess || outcome == Outcome::kCancelled)
      refuse({&here, "outcome"}, fmt::format("{} is no failure", from.outcome()));
    if (from.status() != 0 && (from.status() < 100 || from.status() > 999))
      refuse({&here, "status"}, fmt::format("{} is no status", from.status()));
    FailureCount& to = *failures.of({outcome, static_cast<std::uint16_t>(from.status())});
    if (to.count != 0) refuse(here, "repeats another's kind and status");
    to = {.count = count({&here, "count"}, from.count()),
          .said = said_from({&here, "said"}, from.said(), kMaxSaid),
          .request_id = said_from({&here, "request_id"}, from.request_id(), Failures::kIdBytes)};
    if (to.count == 0) refuse({&here, "count"}, "is 0");
    counted[from.outcome()] += to.count;
    if (counted[from.outcome()] > stats.outcomes[from.outcome()])
      refuse({&here, "count"}, "is more than have ended so");
  }
  return failures;
}

SeriesStats series_from(const Field& at, const v1::SeriesSecond& message) {
  SeriesStats stats;
  stats.replica_changes = count({&at, "replica_changes"}, message.replica_changes());
  stats.arrivals = count({&at, "arrivals"}, message.arrivals());
  stats.started = count({&at, "started"}, message.started());
  stats.first_tokens = count({&at, "first_tokens"}, message.first_tokens());
  stats.outcomes = outcomes_from({&at, "outcomes"}, message.outcomes());
  stats.chunks = count({&at, "chunks"}, message.chunks());
  stats.reported_tokens = counts_from<2>({&at, "reported_tokens"}, message.reported_tokens());
  stats.unreported_chunks = counts_from<2>({&at, "unreported_chunks"}, message.unreported_chunks());
  stats.usage_tokens = count({&at, "usage_tokens"}, message.usage_tokens());
  stats.usage_chunks = count({&at, "usage_chunks"}, message.usage_chunks());
  stats.chunks_without_usage = count({&at, "chunks_without_usage"}, message.chunks_without_usage());
  stats.prompt_tokens = count({&at, "prompt_tokens"}, message.prompt_tokens());
  stats.asked_prompts = count({&at, "asked_prompts"}, message.asked_prompts());
  stats.asked_prompt_tokens = count({&at, "asked_prompt_tokens"}, message.asked_prompt_tokens());
  stats.achieved_prompt_tokens = count({&at, "achieved_prompt_tokens"}, message.achieved_prompt_tokens());
  stats.witnesses = witnesses_from({&at, "witnesses"}, message.witnesses());
  if (message.has_segments()) stats.segments = segments_from({&at, "segments"}, message.segments());
  stats.failures = failures_from({&at, "failures"}, message, stats);
  stats.joint_good = count({&at, "joint_good"}, message.joint_good());
  wire::size_at_most({&at, "slo"}, static_cast<std::size_t>(message.slo_size()), kMostSloLimits);
  for (int i = 0; i < message.slo_size(); ++i) {
    const Field here{&at, "slo", i};
    stats.slo.push_back({.met = count({&here, "met"}, message.slo(i).met()),
                         .missed = count({&here, "missed"}, message.slo(i).missed())});
  }
  stats.censored = count({&at, "censored"}, message.censored());
  stats.early_stops = count({&at, "early_stops"}, message.early_stops());
  stats.reconnects = count({&at, "reconnects"}, message.reconnects());
  stats.in_flight = amount({&at, "in_flight"}, message.in_flight());
  stats.waiting = amount({&at, "waiting"}, message.waiting());
  stats.backing_off = amount({&at, "backing_off"}, message.backing_off());
  stats.thinking = amount({&at, "thinking"}, message.thinking());
  stats.beside = amount({&at, "beside"}, message.beside());
  stats.backlog = amount({&at, "backlog"}, message.backlog());
  if (message.has_ttft()) stats.ttft = histogram_from({&at, "ttft"}, message.ttft());
  if (message.has_ttfo()) stats.ttfo = histogram_from({&at, "ttfo"}, message.ttfo());
  if (message.has_tpot()) stats.tpot = histogram_from({&at, "tpot"}, message.tpot());
  if (message.has_icl()) stats.icl = histogram_from({&at, "icl"}, message.icl());
  if (message.has_e2e()) stats.e2e = histogram_from({&at, "e2e"}, message.e2e());
  if (message.has_ttft_intended())
    stats.ttft_intended = histogram_from({&at, "ttft_intended"}, message.ttft_intended());
  if (message.has_e2e_intended())
    stats.e2e_intended = histogram_from({&at, "e2e_intended"}, message.e2e_intended());
  return stats;
}

GeneratorStats generator_from(const Field& at, const v1::GeneratorSecond& message) {
  GeneratorStats stats;
  stats.cpu_user = amount({&at, "cpu_user_seconds"}, message.cpu_user_seconds());
  stats.cpu_system = amount({&at, "cpu_system_seconds"}, message.cpu_system_seconds());
  stats.busiest_thread = amount({&at, "busiest_thread_seconds"}, message.busiest_thread_seconds());
  if (message.has_rx_lag()) stats.rx_lag = histogram_from({&at, "rx_lag"}, message.rx_lag());
  if (message.has_loop_gap()) stats.loop_gap = histogram_from({&at, "loop_gap"}, message.loop_gap());
  if (message.has_send_lag()) stats.send_lag = histogram_from({&at, "send_lag"}, message.send_lag());
  if (message.has_connect()) stats.connect = histogram_from({&at, "connect"}, message.connect());
  stats.reads = count({&at, "reads"}, message.reads());
  stats.multi_event_reads = count({&at, "multi_event_reads"}, message.multi_event_reads());
  stats.client_coalesced = count({&at, "client_coalesced"}, message.client_coalesced());
  stats.unstamped_reads = count({&at, "unstamped_reads"}, message.unstamped_reads());
  stats.joined_events = count({&at, "joined_events"}, message.joined_events());
  stats.late_joined_events = count({&at, "late_joined_events"}, message.late_joined_events());
  stats.late_reads = count({&at, "late_reads"}, message.late_reads());
  stats.resident_bytes = count({&at, "resident_bytes"}, message.resident_bytes());
  return stats;
}

std::optional<Nanos> instant_if(bool present, const Field& at, std::int64_t nanos) {
  if (!present) return std::nullopt;
  return wire::duration(at, nanos);
}

std::optional<std::uint64_t> optional_tokens(bool present, const Field& at, std::uint64_t value) {
  if (!present) return std::nullopt;
  return count(at, value);
}

RequestRow row_from(const Field& at, const v1::RequestRow& message) {
  if (message.outcome() >= kOutcomeCount) {
    refuse({&at, "outcome"}, fmt::format("{} is no outcome", message.outcome()));
  }
  return {.key = {.cell = message.cell(),
                  .epoch = message.epoch(),
                  .replica = message.replica(),
                  .prompt_class = message.prompt_class(),
                  .turn = message.turn()},
          .slot = message.slot(),
          .k = message.k(),
          .outcome = kOutcomes[message.outcome()],
          .scheduled = wire::duration({&at, "scheduled_nanos"}, message.scheduled_nanos()),
          .sent = wire::duration({&at, "sent_nanos"}, message.sent_nanos()),
          .first = instant_if(message.has_first_nanos(), {&at, "first_nanos"}, message.first_nanos()),
          .first_answer = instant_if(message.has_first_answer_nanos(), {&at, "first_answer_nanos"},
                                     message.first_answer_nanos()),
          .last = instant_if(message.has_last_nanos(), {&at, "last_nanos"}, message.last_nanos()),
          .ended = wire::duration({&at, "ended_nanos"}, message.ended_nanos()),
          .chunks = count({&at, "chunks"}, message.chunks()),
          .prompt_tokens =
              optional_tokens(message.has_prompt_tokens(), {&at, "prompt_tokens"}, message.prompt_tokens()),
          .output_tokens =
              optional_tokens(message.has_output_tokens(), {&at, "output_tokens"}, message.output_tokens()),
          .cached_tokens =
              optional_tokens(message.has_cached_tokens(), {&at, "cached_tokens"}, message.cached_tokens()),
          .reasoning_tokens = optional_tokens(message.has_reasoning_tokens(), {&at, "reasoning_tokens"},
                                              message.reasoning_tokens()),
          .audio_prompt_tokens = optional_tokens(message.has_audio_prompt_tokens(),
                                                 {&at, "audio_prompt_tokens"}, message.audio_prompt_tokens()),
          .audio_tokens =
              optional_tokens(message.has_audio_tokens(), {&at, "audio_tokens"}, message.audio_tokens())};
}

SecondSnapshot second_from(const Field& at, const v1::SecondSnapshot& message) {
  SecondSnapshot snapshot;
  snapshot.second = message.second();
  if (snapshot.second < 0 || snapshot.second > kMaxSecond) {
    refuse({&at, "second"}, fmt::format("{} is not a second of a run", snapshot.second));
  }
  wire::size_at_most({&at, "series"}, static_cast<std::size_t>(message.series_size()), kMaxSeries);
  for (int i = 0; i < message.series_size(); ++i) {
    const v1::SeriesSecond& series = message.series(i);
    const SeriesKey key{.cell = series.cell(),
                        .epoch = series.epoch(),
                        .replica = series.replica(),
                        .prompt_class = series.prompt_class(),
                        .turn = series.turn()};
    const Field here{&at, "series", i};
    if (!snapshot.series.emplace(key, series_from(here, series)).second)
      refuse(here, "repeats another's key");
  }
  if (message.has_generator()) snapshot.generator = generator_from({&at, "generator"}, message.generator());
  wire::size_at_most({&at, "requests"}, static_cast<std::size_t>(message.requests_size()), kMaxRows);
  for (int i = 0; i < message.requests_size(); ++i) {
    snapshot.requests.push_back(row_from({&at, "requests", i}, message.requests(i)));
  }
  return snapshot;
}

/// Most histograms of a second are empty: they do not travel.
template <class Mutable>
void put(const Histogram& histogram, Mutable make) {
  if (!histogram.empty()) to_wire(histogram, *make());
}

/// Integrals are sums of differences: rounding may leave −1e-18 where 0 is meant.
double integral(double value) {
  return value < 0 && value > -kTimeRounding ? 0 : value;
}

void to_message(const SeriesKey& key, const SeriesStats& stats, v1::SeriesSecond& out) {
  out.set_cell(key.cell);
  out.set_epoch(key.epoch);
  out.set_replica(key.replica);
  out.set_prompt_class(key.prompt_class);
  out.set_turn(key.turn);
  out.set_replica_changes(stats.replica_changes);
  out.set_arrivals(stats.arrivals);
  out.set_started(stats.started);
  out.set_first_tokens(stats.first_tokens);
  for (const std::uint64_t n : stats.outcomes) out.add_outcomes(n);
  out.set_chunks(stats.chunks);
  for (const std::uint64_t n : stats.reported_tokens) out.add_reported_tokens(n);
  for (const std::uint64_t n : stats.unreported_chunks) out.add_unreported_chunks(n);
  out.set_usage_tokens(stats.usage_tokens);
  out.set_usage_chunks(stats.usage_chunks);
  out.set_chunks_without_usage(stats.chunks_without_usage);
  out.set_prompt_tokens(stats.prompt_tokens);
  out.set_asked_prompts(stats.asked_prompts);
  out.set_asked_prompt_tokens(stats.asked_prompt_tokens);
  out.set_achieved_prompt_tokens(stats.achieved_prompt_tokens);
  if (stats.witnesses != AnswerWitnesses{}) {
    for (const auto field : AnswerWitnesses::fields()) out.add_witnesses(stats.witnesses.*field);
  }
  if (stats.segments != SegmentCounts{}) {
    v1::Segments& to = *out.mutable_segments();
    to.set_sent(stats.segments.sent);
    to.set_retransmitted(stats.segments.retransmitted);
    to.set_received(stats.segments.received);
    to.set_out_of_order(stats.segments.out_of_order);
  }
  for (const auto& [key, failed] : stats.failures.all()) {
    v1::Failures& to = *out.add_failures();
    to.set_outcome(static_cast<std::uint32_t>(key.outcome));
    to.set_status(key.status);
    to.set_count(failed.count);
    to.set_said(failed.said);
    to.set_request_id(failed.request_id);
  }
  out.set_joint_good(stats.joint_good);
  for (const SloCount& slo : stats.slo) {
    v1::SloCount& to = *out.add_slo();
    to.set_met(slo.met);
    to.set_missed(slo.missed);
  }
  out.set_censored(stats.censored);
  out.set_early_stops(stats.early_stops);
  out.set_reconnects(stats.reconnects);
  out.set_in_flight(integral(stats.in_flight));
  out.set_waiting(integral(stats.waiting));
  out.set_backing_off(integral(stats.backing_off));
  out.set_thinking(integral(stats.thinking));
  out.set_beside(integral(stats.beside));
  out.set_backlog(integral(stats.backlog));
  put(stats.ttft, [&] { return out.mutable_ttft(); });
  put(stats.ttfo, [&] { return out.mutable_ttfo(); });
  put(stats.tpot, [&] { return out.mutable_tpot(); });
  put(stats.icl, [&] { return out.mutable_icl(); });
  put(stats.e2e, [&] { return out.mutable_e2e(); });
  put(stats.ttft_intended, [&] { return out.mutable_ttft_intended(); });
  put(stats.e2e_intended, [&] { return out.mutable_e2e_intended(); });
}

void to_message(const GeneratorStats& stats, v1::GeneratorSecond& out) {
  out.set_cpu_user_seconds(integral(stats.cpu_user));
  out.set_cpu_system_seconds(integral(stats.cpu_system));
  out.set_busiest_thread_seconds(integral(stats.busiest_thread));
  put(stats.rx_lag, [&] { return out.mutable_rx_lag(); });
  put(stats.loop_gap, [&] { return out.mutable_loop_gap(); });
  put(stats.send_lag, [&] { return out.mutable_send_lag(); });
  put(stats.connect, [&] { return out.mutable_connect(); });
  out.set_reads(stats.reads);
  out.set_multi_event_reads(stats.multi_event_reads);
  out.set_client_coalesced(stats.client_coalesced);
  out.set_unstamped_reads(stats.unstamped_reads);
  out.set_joined_events(stats.joined_events);
  out.set_late_joined_events(stats.late_joined_events);
  out.set_late_reads(stats.late_reads);
  out.set_resident_bytes(stats.resident_bytes);
}

void to_message(const RequestRow& row, v1::RequestRow& out) {
  out.set_cell(row.key.cell);
  out.set_epoch(row.key.epoch);
  out.set_replica(row.key.replica);
  out.set_prompt_class(row.key.prompt_class);
  out.set_turn(row.key.turn);
  out.set_slot(row.slot);
  out.set_k(row.k);
  out.set_outcome(static_cast<std::uint32_t>(row.outcome));
  out.set_scheduled_nanos(row.scheduled.count());
  out.set_sent_nanos(row.sent.count());
  if (row.first) out.set_first_nanos(row.first->count());
  if (row.first_answer) out.set_first_answer_nanos(row.first_answer->count());
  if (row.last) out.set_last_nanos(row.last->count());
  out.set_ended_nanos(row.ended.count());
  out.set_chunks(row.chunks);
  if (row.prompt_tokens) out.set_prompt_tokens(*row.prompt_tokens);
  if (row.output_tokens) out.set_output_tokens(*row.output_tokens);
  if (row.cached_tokens) out.set_cached_tokens(*row.cached_tokens);
  if (row.reasoning_tokens) out.set_reasoning_tokens(*row.reasoning_tokens);
  if (row.audio_prompt_tokens) out.set_audio_prompt_tokens(*row.audio_prompt_tokens);
  if (row.audio_tokens) out.set_audio_tokens(*row.audio_tokens);
}

}  // namespace

void to_wire(const SnapshotBatch& batch, v1::SnapshotBatch& out) {
  out.Clear();
  out.set_sequence(batch.sequence);
  out.set_complete_through(batch.complete_through);
  for (const SecondSnapshot& second : batch.seconds) {
    v1::SecondSnapshot& to = *out.add_seconds();
    to.set_second(second.second);
    for (const auto& [key, stats] : second.series) to_message(key, stats, *to.add_series());
    to_message(second.generator, *to.mutable_generator());
    for (const RequestRow& row : second.requests) to_message(row, *to.add_requests());
  }
  out.set_in_flight(batch.in_flight);
  out.set_in_flight_beside(batch.in_flight_beside);
  out.set_backing_off(batch.backing_off);
  out.set_active_slots(batch.active_slots);
  for (const auto& [replica, name] : batch.replica_names) {
    v1::ReplicaName& named = *out.add_replica_names();
    named.set_replica(replica);
    named.set_name(name);
  }
}

Result<SnapshotBatch> batch_from_bytes(const std::string& bytes) {
  // A busy second is hundreds of messages: they come and go as one.
  google::protobuf::ArenaOptions options;
  options.start_block_size = 8 * 1024;
  google::protobuf::Arena arena(options);
  auto* const message = google::protobuf::Arena::CreateMessage<v1::SnapshotBatch>(&arena);
  if (!message->ParseFromString(bytes)) return Error{"it cannot be read"};
  return from_wire(*message);
}

Result<SnapshotBatch> batch_from_agent(const std::string& bytes) {
  // A message of this size takes little, whatever is in it.
  constexpr std::size_t kSmall = 64 * 1024;
  if (bytes.size() > kSmall) {
    const std::size_t takes = read_bytes(bytes);
    if (takes == std::numeric_limits<std::size_t>::max()) return Error{"it cannot be read"};
    if (takes > kMostReadBytes)
      return Error{fmt::format("it takes more than {} MiB of memory", kMostReadBytes >> 20)};
  }
  return batch_from_bytes(bytes);
}

Result<SnapshotBatch> from_wire(const v1::SnapshotBatch& message) {
  return wire::guarded([&] {
    SnapshotBatch batch;
    batch.sequence = message.sequence();
    if (batch.sequence == 0) refuse({nullptr, "sequence"}, "is 0");
    batch.complete_through = message.complete_through();
    if (batch.complete_through < -1 || batch.complete_through > kMaxSecond) {
      refuse({nullptr, "complete_through"},
             fmt::format("{} is not a second of a run", batch.complete_through));
    }
    wire::size_at_most({nullptr, "seconds"}, static_cast<std::size_t>(message.seconds_size()), kMaxSeconds);
    for (int i = 0; i < message.seconds_size(); ++i) {
      batch.seconds.push_back(second_from({nullptr, "seconds", i}, message.seconds(i)));
    }
    batch.in_flight = message.in_flight();
    batch.in_flight_beside = message.in_flight_beside();
    batch.backing_off = message.backing_off();
    batch.active_slots = message.active_slots();
    wire::size_at_most({nullptr, "replica_names"}, static_cast<std::size_t>(message.replica_names_size()),
                       kMaxReplicas);
    for (int i = 0; i < message.replica_names_size(); ++i) {
      const Field here{nullptr, "replica_names", i};
      const v1::ReplicaName& named = message.replica_names(i);
      if (named.replica() != named_replica(named.name()))
        refuse({&here, "replica"}, "is not its name's number");
      batch.replica_names[named.replica()] = wire::line({&here, "name"}, named.name(), wire::kMaxName);
    }
    return batch;
  });
}

}  // namespace kneepoint
