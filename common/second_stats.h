#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/histogram.h"

namespace kneepoint {

/// How a request ended. A closed set: it is a label of exported metrics, and its numbers are those of
/// recorded timelines, so that what is new comes last.
enum class Outcome : std::uint8_t {
  kSuccess,   ///< The answer's end as the protocol has it, and content before it.
  kRejected,  ///< HTTP 429 or 503.
  kHttp4xx,
  kHttp5xx,
  kDns,
  kConnect,
  kTls,
  kTimeout,
  kStream,  ///< Reset or closed before the answer was complete.
  kParse,   ///< Malformed HTTP, SSE or JSON, or another kind of body than was asked for.
  kCancelled,
  kErrorAt200,  ///< Status 200, and inside it the host says that it failed.
  kAborted,     ///< The finish reason says that the answer was broken off: abort, error, …
  kEmpty,       ///< The answer ended as it should, without any content.
  kTruncated,   ///< The body ended in order, but the answer in it has no end.
  kUnread,      ///< Tokens were counted by the host, and none was seen in what it sent.
};
inline constexpr std::size_t kOutcomeCount = 16;
/// As many as the first recorded timelines have.
inline constexpr std::size_t kFirstOutcomes = 11;
/// "success", "rejected", "http_4xx", …
std::string_view to_string(Outcome outcome);
inline constexpr std::array<Outcome, kOutcomeCount> kOutcomes = {
    Outcome::kSuccess, Outcome::kRejected, Outcome::kHttp4xx,   Outcome::kHttp5xx,
    Outcome::kDns,     Outcome::kConnect,  Outcome::kTls,       Outcome::kTimeout,
    Outcome::kStream,  Outcome::kParse,    Outcome::kCancelled, Outcome::kErrorAt200,
    Outcome::kAborted, Outcome::kEmpty,    Outcome::kTruncated, Outcome::kUnread};

/// The number of a replica that a response header names: the same on every thread of every agent, and none of
/// a target's URLs. @return at least 2^31.
std::uint32_t named_replica(std::string_view name);

/// What a second's figures are split by. `epoch` is that of the level under which the request started.
/// `replica` is the URL's place, until the response tells the replica behind it (named_replica).
struct SeriesKey {
  std::uint32_t cell = 0;
  std::uint64_t epoch = 0;
  std::uint32_t replica = 0;
  std::uint32_t prompt_class = 0;
  std::uint32_t turn = 0;
  auto operator<=>(const SeriesKey&) const = default;
};

/// Met and missed requests of one SLO limit.
struct SloCount {
  std::uint64_t met = 0;
  std::uint64_t missed = 0;
  bool operator==(const SloCount&) const = default;
};

/// What can be held against a server's count of its tokens, and against the times at which they came: sums
/// over the answers that ended in the second. Merging is addition. Of successful answers with content, but
/// for `unanswered`.
struct AnswerWitnesses {
  /// Of the answers that ended because they were as long as they might be ("length"), where that length is
  /// known: it, the server's count, and content chunks …
  std::uint64_t full_asked = 0, full_usage = 0, full_chunks = 0;
  /// … and the same of those that the server did not count.
  std::uint64_t full_uncounted_asked = 0, full_uncounted_chunks = 0;
  /// Of the answers with a count and a known longest length, whatever they ended by: how many there are, how
  /// many were counted as longer than that, the count, and Σ min(count, longest).
  std::uint64_t limited = 0, over_limit = 0, limited_usage = 0, limited_within = 0;
  /// Of the answers whose every chunk carried text: bytes of text as written in JSON, chunks; and of those
  /// among them that have a count, bytes and count.
  std::uint64_t text_bytes = 0, text_chunks = 0;
  std::uint64_t counted_text_bytes = 0, counted_text_tokens = 0;
  /// Of the answers with a count: content chunks of reasoning, reasoning tokens as the usage details tell
  /// them, and prompt tokens.
  std::uint64_t reasoning_chunks = 0, reasoning_tokens = 0, counted_prompt_tokens = 0;
  /// Of the streamed answers whose TPOT took the first content chunk for one token, because nothing told how
  /// many had come by then: the count, and content chunks.
  std::uint64_t assumed_usage = 0, assumed_chunks = 0;
  /// Streamed answers of eight chunks or more, and those of them whose chunks came faster than any host makes
  /// tokens, after a time in which it could have made them one by one.
  std::uint64_t long_answers = 0, one_piece_answers = 0;
  std::uint64_t unanswered = 0;   ///< Requests that timed out without any content.
  std::uint64_t tail_micros = 0;  ///< Σ microseconds from the last content chunk to the answer's end.
  /// Of the answers that tell how much of their prompt a prefix cache held: prompt tokens, and those of them.
  std::uint64_t cache_told_prompt = 0, cached_prompt = 0;
  /// Of the answers with a count: tokens of the prompt and of the output that are audio, as details tell
  /// them.
  std::uint64_t audio_prompt_tokens = 0, audio_tokens = 0;
  /// Of the answers of eight chunks or more: those whose first chunk came long before the second, by what the
  /// others took, and Σ microseconds between the two.
  std::uint64_t early_firsts = 0, early_first_micros = 0;
  /// Answers that name their model; Σ of the marks of these names, 0 for the one that was asked for, and Σ of
  /// their squares: of two sums that agree all are one, and of two models they tell the shares.
  std::uint64_t named_answers = 0, model_marks = 0, model_mark_squares = 0;

  /// Every one of them, in the order in which they travel and are recorded: what is new comes last.
  using Field = std::uint64_t AnswerWitnesses::*;
  static const std::vector<Field>& fields();

  void merge(const AnswerWitnesses& other);
  bool operator==(const AnswerWitnesses&) const = default;
};

/// TCP segments of the generator's connections, as its kernel counts them: of data, acknowledgements left
/// out. Merging is addition.
struct SegmentCounts {
  std::uint64_t sent = 0;           ///< Those sent again included.
  std::uint64_t retransmitted = 0;  ///< Sent again.
  std::uint64_t received = 0;
  /// Received before one that had been sent earlier: of a host's segments that were lost on the way the
  /// receiver sees nothing else.
  std::uint64_t out_of_order = 0;

  void merge(const SegmentCounts& other);
  /// What came on top of `before`, an earlier count of the same connection.
  SegmentCounts since(const SegmentCounts& before) const;
  bool operator==(const SegmentCounts&) const = default;
};

/// What tells failures apart: how a request ended, and the status that it was told with.
struct FailureKey {
  Outcome outcome = Outcome::kStream;
  std::uint16_t status = 0;  ///< Of HTTP; 0 where no response came.
  auto operator<=>(const FailureKey&) const = default;
};

/// Failed requests of one kind and status, and one of them for an example.
struct FailureCount {
  std::uint64_t count = 0;
  /// By the host, in the example: its first bytes in one printable line, without secrets. Empty where it said
  /// nothing.
  std::string said;
  std::string request_id;  ///< X-Request-Id of the example: the host's, else ours.
  bool operator==(const FailureCount&) const = default;
};

/// Failed requests by kind and status. Bounded: the first kMost kinds that are met have a place, others count
/// in SeriesStats::outcomes only.
class Failures {
 public:
  static constexpr std::size_t kMost = 16;
  /// Of FailureCount::said and of a request id.
  static constexpr std::size_t kSaidBytes = 200, kIdBytes = 128;

  /// The place of a kind; null where there is none left for a new one.
  FailureCount* of(const FailureKey& key);
  /// Adds counts; the example is the first one in which the host said something, else the first.
  void merge(const Failures& other);
  const std::map<FailureKey, FailureCount>& all() const { return kinds_; }
  bool operator==(const Failures&) const = default;

 private:
  std::map<FailureKey, FailureCount> kinds_;
};

/// What happened to the requests of one series in one second of event time: an event belongs to the second in
/// which it happened, whenever its request began. Merging is addition.
struct SeriesStats {
  std::uint64_t arrivals = 0;  ///< Requests of an open loop that were due, started or not.
  std::uint64_t started = 0;
  std::uint64_t first_tokens = 0;
  std::array<std::uint64_t, kOutcomeCount> outcomes{};  ///< Requests that ended, by Outcome.
  std::uint64_t chunks = 0;                             ///< Content chunks received.

  /// Tokens received in each half of the second, from requests whose server reports running usage …
  std::array<std::uint64_t, 2> reported_tokens{};
  /// … and content chunks from the others, whose tokens are chunks × (Σ usage / Σ chunks of completed
  /// requests).
  std::array<std::uint64_t, 2> unreported_chunks{};
  /// Final usage of the requests that ended in this second and had one, and their content chunks.
  std::uint64_t usage_tokens = 0;
  std::uint64_t usage_chunks = 0;
  /// Content chunks of the requests that ended in this second without usage (their tokens, for totals).
  std::uint64_t chunks_without_usage = 0;
  std::uint64_t prompt_tokens = 0;  ///< From usage, at the end of the request.
  /// Of the requests whose prompt was made to a length and whose server said how long it was: how many, and
  /// the tokens asked for and counted. First turns of conversations only, which have no history.
  std::uint64_t asked_prompts = 0;
  std::uint64_t asked_prompt_tokens = 0;
  std::uint64_t achieved_prompt_tokens = 0;

  AnswerWitnesses witnesses;
  SegmentCounts segments;  ///< Of the requests that ended.

  Failures failures;  ///< Of `outcomes` those that are neither success nor cancelled.

  std::uint64_t joint_good = 0;  ///< Successful requests that met every limit.
  std::vector<SloCount>
      slo;  ///< By index of Cell::slo. A TTFT miss falls in the second when start + limit passed.
  std::uint64_t censored = 0;         ///< Ended without a first token.
  std::uint64_t early_stops = 0;      ///< Succeeded with fewer tokens than asked.
  std::uint64_t replica_changes = 0;  ///< Responses of another named replica than the connection's last one.
  std::uint64_t reconnects =
      0;  ///< Kept-alive connections found closed before any response byte, and reopened.

  /// Integrals over the second, in request-seconds.
  double in_flight = 0;
  double waiting = 0;      ///< Sent, no first token yet.
  double backing_off = 0;  ///< Slots that wait after a failure.
  double thinking = 0;     ///< Slots that wait, as the plan says, between an answer and the next request.
  double beside = 0;       ///< Open lanes of sessions beyond the first of each.
  double backlog = 0;      ///< Arrivals of an open loop that are due and wait for a slot.

  Histogram ttft;
  Histogram ttfo;
  Histogram tpot;
  Histogram icl;
  Histogram e2e;
  /// From the instant at which an open loop's request was due.
  Histogram ttft_intended;
  Histogram e2e_intended;

  void merge(const SeriesStats& other);
  std::uint64_t completed() const { return outcomes[static_cast<std::size_t>(Outcome::kSuccess)]; }
  /// Ended in any other way than success or cancellation by the tool itself.
  std::uint64_t failed() const;
  std::uint64_t ended() const;
  bool operator==(const SeriesStats&) const = default;
};

/// What the generator itself did in one second: the tool's own measurement error. Merging agents adds.
struct GeneratorStats {
  double cpu_user = 0;  ///< Seconds of CPU of the whole agent process.
  double cpu_system = 0;
  /// Busy time of the busiest thread in this second, in seconds; merging takes the larger.
  double busiest_thread = 0;
  /// Resident memory of the agent process at the end of the second; merging takes the larger.
  std::uint64_t resident_bytes = 0;
  Histogram rx_lag;    ///< Processing minus kernel receive stamp, per read that has one.
  Histogram loop_gap;  ///< From a poll's return to the next poll's entry.
  Histogram send_lag;  ///< Actual minus intended send, per request.
  Histogram connect;   ///< TCP and TLS, per connection.
  std::uint64_t reads = 0;
  std::uint64_t multi_event_reads = 0;  ///< Reads that carried several content events.
  std::uint64_t client_coalesced = 0;   ///< Of those, the ones that came in a late turn of the client's.
  /// Content events beyond the first of their read: all, and those in a late turn.
  std::uint64_t joined_events = 0, late_joined_events = 0;
  std::uint64_t late_reads = 0;       ///< Reads in a late turn of the client's, whatever they carried.
  std::uint64_t unstamped_reads = 0;  ///< Reads without a kernel stamp.

  void merge(const GeneratorStats& other);
  bool operator==(const GeneratorStats&) const = default;
};

/// One request from its schedule to its end, for the raw data that a plan may ask for. Instants count from
/// the run's zero.
struct RequestRow {
  SeriesKey key;
  std::uint32_t slot = 0;
  std::uint64_t k = 0;  ///< The slot's k-th request under its level.
  Outcome outcome = Outcome::kSuccess;
  Nanos scheduled{0};
  Nanos sent{0};
  std::optional<Nanos> first;         ///< First content.
  std::optional<Nanos> first_answer;  ///< First content that is not reasoning.
  std::optional<Nanos> last;          ///< Last content.
  Nanos ended{0};
  std::uint64_t chunks = 0;
  std::optional<std::uint64_t> prompt_tokens, output_tokens;  ///< From usage.
  /// Those of them that its details tell.
  std::optional<std::uint64_t> cached_tokens, reasoning_tokens, audio_prompt_tokens, audio_tokens;
  bool operator==(const RequestRow&) const = default;
};

/// A part of one second from one agent. Several parts of the same second add up.
struct SecondSnapshot {
  std::int64_t second = 0;  ///< [second, second + 1) since the run's zero.
  std::map<SeriesKey, SeriesStats> series;
  GeneratorStats generator;
  std::vector<RequestRow> requests;  ///< That ended in it; filled only where the plan asks for records.

  void merge(const SecondSnapshot& other);
  bool operator==(const SecondSnapshot&) const = default;
};

/// What an agent hands over once a second.
struct SnapshotBatch {
  std::uint64_t sequence = 0;
  /// Seconds up to and including this one will only see additions from events that are processed late.
  std::int64_t complete_through = -1;
  std::vector<SecondSnapshot> seconds;
  std::map<std::uint32_t, std::string> replica_names;  ///< By named_replica: all that were met so far.
  /// The agent's gauges now.
  std::uint32_t in_flight = 0;
  std::uint32_t in_flight_beside = 0;  ///< Of these: beyond one for each slot.
  std::uint32_t backing_off = 0;
  std::uint32_t active_slots = 0;
};

}  // namespace kneepoint
