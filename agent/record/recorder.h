#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/record/recorded_second.h"
#include "agent/record/self_monitor.h"
#include "common/clock.h"
#include "common/dialects/dialect.h"
#include "common/plan.h"
#include "common/second_stats.h"

namespace kneepoint::agent {

struct Series;

/// The measurement of one open request. Lives where the request lives; the recorder fills it.
struct RequestRecord {
  Series* series = nullptr;  ///< Null when the request is not open.
  std::uint32_t slot = 0;
  std::uint64_t k = 0;      ///< The slot's k-th request.
  MonoTime scheduled{};     ///< The intended send.
  MonoTime start{};         ///< Just before the first write.
  MonoTime due{};           ///< From when limits count: `start`, in an open loop the arrival's instant.
  MonoTime first{};         ///< First content; meaningful when chunks > 0.
  MonoTime first_answer{};  ///< First content that is not reasoning; meaningful when `answered`.
  MonoTime last{};          ///< Last content.
  Nanos longest_gap{0};     ///< Between content chunks.
  Nanos first_gap{0};       ///< Between the first two.
  std::uint64_t chunks = 0;
  std::uint64_t running_tokens = 0;  ///< Already counted in a half second.
  std::uint64_t first_tokens = 0;    ///< Running usage of the first content chunk; 0 where there was none.
  std::uint64_t completion_tokens = 0;
  std::uint64_t prompt_tokens = 0;
  std::optional<std::uint32_t> cached_tokens;  ///< As the usage details tell it, of the prompt …
  std::uint64_t reasoning_tokens = 0;          ///< … and of the output.
  std::uint32_t audio_prompt_tokens = 0, audio_tokens = 0;
  std::uint64_t reasoning_chunks = 0;
  std::uint64_t text_bytes = 0;       ///< Of answer and reasoning, as written.
  std::uint64_t textless_chunks = 0;  ///< Content chunks without text: tool calls, and what else is no text.
  std::uint32_t asked_output_tokens = 0;    ///< 0: the answer's length is the host's affair.
  std::uint32_t asked_prompt_tokens = 0;    ///< 0: the prompt was not made to a length.
  std::optional<std::uint16_t> model_mark;  ///< Of the name that the answer gave its model last.
  std::uint32_t judged = 0;                 ///< A bit per SLO limit, set too where it does not apply.
  bool streamed = true;
  bool has_usage = false;
  bool has_prompt_usage = false;
  bool running_usage = false;  ///< The first content chunk carried usage, and it has grown since.
  bool stood_still = false;    ///< The last content chunk's running usage was no more than the one before.
  bool usage_broke = false;    ///< Running usage fell, or stood still for two content chunks: it is no count.
  bool at_limit = false;       ///< The answer ended because it might be no longer.
  bool answered = false;       ///< Non-reasoning content was seen.
  bool missed = false;         ///< At least one limit.
  bool open_loop = false;

  /// The server's own count, where it is one: a 0 beside content is none, nor is what is left of a running
  /// count that broke and says less than one token a chunk.
  bool counted() const {
    if (!has_usage || (completion_tokens == 0 && chunks > 0)) return false;
    return !usage_broke || completion_tokens >= chunks;
  }
  std::uint64_t tokens() const { return counted() ? completion_tokens : chunks; }
  /// Tokens that had come with the first content chunk, as far as anything told; else nothing.
  std::optional<std::uint64_t> known_first() const;

  RequestRecord* earlier =
      nullptr;  ///< Neighbours among the requests whose clock still runs on a time limit.
  RequestRecord* later = nullptr;
};

/// What is known of a failed request beside its outcome. Views that live as long as the call.
struct FailureDetail {
  int status = 0;         ///< Of HTTP; 0: no response came.
  std::string_view said;  ///< By the host, as it came.
  std::string_view
      request_id;           ///< X-Request-Id: the host's, else that of the request; empty: it was not sent.
  std::string_view secret;  ///< Not to be reported, should the host have said it.
};

/// Turns the events of one event-loop thread into seconds. Called with explicit times only, so that it can be
/// tested without waiting. Every event belongs to the second in which it happened; one that is told late
/// becomes an addition to an earlier second.
///
/// Cheap where it is called per token: counters of the current second, and 16 bytes appended to a log of
/// samples. Histograms are made of the log by the thread that collects (RecordedSecond::resolve). Nothing is
/// allocated per token once the log has reached a second's size.
///
/// SLO limits are judged as follows: in a closed loop from the send, in an open loop from the instant at
/// which the request was due: whoever waits for a late start waits. TTFT and TTFO: met in the second of the
/// event, missed in the second in which that instant + limit passes, whether or not the request ever answers.
/// TPOT, ICL (a request's longest gap) and E2E: when the request succeeds; TPOT and ICL hold for an answer of
/// one token. A failed request misses every limit that is not judged yet, in the second of the failure; one
/// that the tool cancels is not judged. Without streaming only E2E can be judged, and a request with any
/// other limit is never jointly good.
class Recorder {
 public:
  /// @param zero the run's zero. @param now where recording begins. @param cells outlives the recorder.
  /// @param rows whether to keep a RequestRow of every request.
  Recorder(MonoTime zero, MonoTime now, const std::vector<Cell>& cells, bool rows = false);
  ~Recorder();

  /// A request begins: its first byte is about to be written.
  struct Start {
    SeriesKey key;
    std::uint32_t slot = 0;
    std::uint64_t k = 0;
    MonoTime scheduled{};                   ///< The intended send.
    MonoTime at{};                          ///< Now, just before the first write.
    std::optional<MonoTime> arrival;        ///< When an open loop's request was due.
    bool sent = true;                       ///< False for a request that has no connection to be sent on.
    std::uint32_t asked_output_tokens = 0;  ///< 0: as the workload says.
    std::uint32_t asked_prompt_tokens = 0;  ///< 0: the prompt was not made to a length.
  };
  void begin(RequestRecord& record, const Start& start);
  /// The request runs on a connection that was opened in place of a kept-alive one that the host had closed.
  void reconnected(RequestRecord& record, MonoTime at);
  /// The request is sent once more with other words, as if it were the first time: its times count from
  /// `start`.
  void resend(RequestRecord& record, MonoTime start);
  /// The kept-alive connection was closed under the request before any response byte, and it is sent again on
  /// a new one: its times count from `start`, its presence from the first attempt.
  void restart(RequestRecord& record, MonoTime start);
  /// The number of the replica that a response header names, which is remembered. Absent for a name that
  /// comes after the first 256: the header names something else than replicas.
  std::optional<std::uint32_t> named(std::string_view name);
  /// The response's headers, received at `at`, say which replica answers: what follows counts as its.
  /// @param changed the connection's last response came from another.
  void answered_by(RequestRecord& record, MonoTime at, std::uint32_t replica, bool changed);
  /// All replicas named so far.
  const std::map<std::uint32_t, std::string>& replica_names() const { return replica_names_; }
  /// An event of the answer, received at `at`.
  void chunk(RequestRecord& record, MonoTime at, const Chunk& chunk);
  /// What its connection carried for the request, told at its end.
  void carried(RequestRecord& record, MonoTime at, const SegmentCounts& segments);
  /// The request is over. `at` is the receive time of its last byte, or now where there was none.
  void end(RequestRecord& record, MonoTime at, Outcome outcome, const FailureDetail& failure = {});

  /// A slot begins and ends to wait after a failure in the series of the failed request.
  void begin_backoff(const SeriesKey& key, MonoTime at);
  void end_backoff(const SeriesKey& key, MonoTime at);
  /// A slot begins and ends to think after an answer, in the series of its request.
  void begin_thinking(const SeriesKey& key, MonoTime at);
  void end_thinking(const SeriesKey& key, MonoTime at);
  /// A session has so many lanes more, beyond its first one. @param by may be negative.
  void beside(const SeriesKey& key, std::int32_t by, MonoTime at);
  /// A request of an open loop is due; `level` is its cell and epoch, the rest is not known yet.
  void arrived(const SeriesKey& level, MonoTime at);
  /// It begins and ends to wait for a slot.
  void begin_backlog(const SeriesKey& level, MonoTime at);
  void end_backlog(const SeriesKey& level, MonoTime at);

  /// A read that yielded `content_events` events with content.
  void read(MonoTime received, MonoTime processed, bool stamped, std::uint32_t content_events);
  /// A connection was opened.
  void connected(Nanos took);
  /// The end of a turn of the event loop, see Poller::run: says whether the turn's multi-event reads may be
  /// the client's own doing: the turn's largest receive lag, the gap before its poll or, where it had other
  /// reads to make one wait, its own length exceeds 1 ms.
  void end_turn(Nanos gap);
  /// What the self monitor found about `second`.
  void cost(std::int64_t second, const ProcessCost& used);

  /// The run's zero has moved, by less than a second: seconds begin by it from the next one on. None comes
  /// twice, and events of those before stay where they would be found.
  void move_zero(MonoTime zero) { next_zero_ = zero; }
  /// Ends every second before the one of `now`.
  void roll(MonoTime now);
  /// Hands over the ended seconds up to and including `through`. Later events of those seconds become
  /// additions; except to the integrals, which never go back: a change that happened before is counted from
  /// then on.
  std::vector<RecordedSecond> take(std::int64_t through);

  std::int64_t second_of(MonoTime at) const;
  MonoTime begin_of(std::int64_t second) const;
  std::uint32_t in_flight() const { return in_flight_; }
  std::uint32_t backing_off() const { return backing_off_; }

 private:
  using Integral = double SeriesStats::*;

  Series& series(const SeriesKey& key);
  SeriesStats& stats(Series& series, std::int64_t second);
  RecordedSecond& recorded(std::int64_t second);
  void sample(Series& series, Metric metric, MonoTime at, Nanos value);
  void count_tokens(RequestRecord& record, MonoTime at, std::uint64_t tokens);
  void step(Series& series, Integral integral, std::int32_t Series::*count, std::int32_t by, MonoTime at);
  void judge(RequestRecord& record, std::size_t limit, std::int64_t second, bool met);
  void judge_time_limits(RequestRecord& record, SloMetric metric, MonoTime at);
  void judge_at_end(RequestRecord& record, MonoTime at, Outcome outcome);
  static void note_failure(Failures& into, Outcome outcome, const FailureDetail& failure);
  static void bear_witness(const RequestRecord& record, AnswerWitnesses& into);
  void doubt_running(RequestRecord& record, MonoTime at, const Chunk& chunk);
  void miss_overdue(MonoTime now);
  void watch(RequestRecord& record);
  void unwatch(RequestRecord& record);
  void end_second();

  static void note_details(RequestRecord& record, const Chunk& chunk);
  void keep_row(const RequestRecord& record, MonoTime at, Outcome outcome);

  MonoTime zero_;
  MonoTime next_zero_;  // from the next second on
  const std::vector<Cell>& cells_;
  const bool rows_;
  std::map<SeriesKey, std::unique_ptr<Series>> series_;
  std::map<std::uint32_t, std::string> replica_names_;
  std::map<std::int64_t, RecordedSecond> ended_;  // not handed over yet
  std::vector<SeriesKey> keys_;                   // of the current second, by sample index
  std::vector<Sample> samples_;                   // of the current second
  GeneratorStats generator_;                      // of the current second
  DenseHistogram rx_lag_;
  DenseHistogram loop_gap_;

  std::int64_t second_ = 0;  // the current one
  MonoTime second_begin_{};
  std::int64_t taken_through_ = 0;
  RequestRecord* oldest_watched_ = nullptr;
  RequestRecord* newest_watched_ = nullptr;

  std::uint32_t in_flight_ = 0;
  std::uint32_t backing_off_ = 0;
  std::uint32_t turn_reads_ = 0;
  std::uint32_t turn_multi_event_reads_ = 0;
  std::uint32_t turn_joined_events_ = 0;
  Nanos turn_max_lag_{0};
  Nanos previous_gap_{0};
};

}  // namespace kneepoint::agent
