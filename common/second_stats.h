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
  std::uint64_t client_coalesced = 0;   ///< Of those, the ones that the client's own delay explains.
  std::uint64_t unstamped_reads = 0;    ///< Reads without a kernel stamp.

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
  std::uint32_t backing_off = 0;
  std::uint32_t active_slots = 0;
};

}  // namespace kneepoint
