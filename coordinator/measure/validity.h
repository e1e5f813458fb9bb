#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/histogram.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// A row during which an agent was lost.
inline constexpr const char* kAgentLost = "AGENT_LOST";

/// Thresholds of the gates (docs/method.md says where each comes from).
struct Gates {
  static constexpr double kOccupancy =
      0.99;  ///< Requests in flight, and slots that think, over slots asked for, at least.
  static constexpr double kTokenLittle = 0.02;  ///< ∫decoding against Σ inter-chunk gaps.
  static constexpr double kCoalesced = 0.01;  ///< Events that lateness of ours put together, of all, at most.
  static constexpr std::uint64_t kFewestCoalesced = 5;  ///< Reads that must show it.
  static constexpr double kLateTurn =
      0.001;  ///< Seconds away from poll from which on a turn of ours is late.
  static constexpr double kUnstamped =
      0.01;  ///< Reads without a kernel stamp before stamps count as missing.
  static constexpr double kLagShare =
      0.05;  ///< Of TTFT p50 (send lag) or of min(TPOT, TTFT) p50 (receive lag).
  static constexpr double kLagQuantile = 0.99;   ///< Of the reads or requests that must stay below that.
  static constexpr double kBusyThread = 0.85;    ///< p95 of the busiest agent thread, at most.
  static constexpr double kPromptTokens = 0.05;  ///< Of the length asked for, that prompts may miss it by.
  static constexpr double kRateReached = 0.99;   ///< Requests started over requests due, at least.
  static constexpr double kRateExceeded = 1.05;  ///< Requests started or ended over requests due, at most.
  static constexpr double kOverload = 0.25;      ///< Growth of an open loop's requests in flight, at most.
  static constexpr double kFilling = 0.1;    ///< Between the halves, of an open loop's sessions that think.
  static constexpr double kTrend = 0.03;     ///< Of throughput over a window, before it is flagged.
  static constexpr double kUnreached = 0.1;  ///< Of the failures, that may be others than the target's own.
  static constexpr double kErrors = 0.01;    ///< Failed requests of those that ended, that are no finding.
};

/// What a window shows about itself beyond the step's figures. Request-seconds and seconds.
struct WindowEvidence {
  double seconds = 0;
  bool complete = true;  ///< Every agent delivered every second of it.
  bool agent_lost = false;
  bool interrupted = false;
  bool open_loop = false;
  bool by_requests =
      false;  ///< Bounded by a number of requests: slots end one by one, so occupancy says nothing.
  /// The load moved throughout: what presupposes a steady state is not asked, and `concurrency` is a mean.
  bool moving = false;
  double in_flight = 0, waiting = 0;
  double tails = 0;  ///< Σ seconds between the last content and the end of the answers that completed.
  Histogram icl, e2e;
  Histogram rx_lag, loop_gap, send_lag;
  /// Relative growth of an open loop's requests in flight over the window, less that of its arrivals, where
  /// the 95 % interval lies above 0.
  std::optional<double> in_flight_growth;
  /// Of the sessions that think, from one half of the window to the other over their mean, where that is no
  /// chance and the rate at which they begin stands still.
  std::optional<double> thinking_moved;
  std::uint64_t due = 0;  ///< Requests of an open loop.
  /// Content chunks of the answers that ended with the server's count of their tokens, and that count.
  std::uint64_t answer_chunks = 0, answer_tokens = 0;
  std::uint64_t late_reads_together = 0;  ///< Reads of several events in late turns of the generator.
  bool buffered = false;                  ///< Answers come in one piece: see measure/delivery.h.
  std::optional<EarlyFirst> early_first;  ///< First chunks that nothing follows for long; likewise.
  std::optional<double> hanging;          ///< Requests without any answer throughout; likewise.
  std::optional<double> unconnected;      ///< Slots that waited for a connection throughout.
  std::optional<double> trend;  ///< Growth of throughput over the window, where its 95 % interval excludes 0.
};

/// Applies every gate of the method to a measured step: each that fails sets a flag, `valid = false` and a
/// reason; weaknesses that leave the step usable set a flag and a reason only. Flags: NO_DATA, INCOMPLETE,
/// AGENT_LOST, INTERRUPTED, LOW_OCCUPANCY, HANGING, LITTLES_LAW, CLIENT_BOUND, of an open loop CATCHING_UP;
/// warnings: BUFFERED, FLUSHED, TPOT_UNKNOWN, CACHED_ANSWERS, LATE_END, UNSTAMPED, RX_LAG, SEND_LAG,
/// DRIFTING, EARLY_STOPS, ECHO, TOKEN_MISMATCH, RECONNECTS, and those of flag_endings and flag_loss; of an
/// open loop BACKLOG, RATE_NOT_REACHED and OVERLOADED.
void apply_gates(Step& step, const WindowEvidence& evidence);

/// True when more than 1 % of the values surely exceed `limit_seconds`: the exact lower 95 % bound of the
/// share above it is over 1 %. A p99 of ten values is their maximum; this asks for evidence instead.
bool surely_exceeds(const Histogram& values, double limit_seconds);

/// Whether more than 1 % of the requests that ended surely failed (exact lower 95 % bound).
bool surely_failing(const RequestCounts& requests);

/// The flags of a step for which a gate failed, as opposed to warnings.
std::vector<std::string> failed_gates(const Step& step);

/// Whether more than a tenth of the failures never reached the target: they say nothing of what it can do.
bool mostly_unreached(const RequestCounts& requests);

/// Whether the target was gone for a part of the window, or for all of it: no finding is made of such a row.
bool host_was_gone(const Step& step);

/// Whether a row that is not valid still says something about the target: it is invalid only because slots
/// backed off from the target's own refusals or errors. Failures that never reached it are not its own.
bool invalid_by_target_only(const Step& step);

}  // namespace kneepoint::coordinator
