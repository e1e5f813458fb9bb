#include "coordinator/measure/validity.h"

#include <algorithm>
#include <cmath>

#include "coordinator/measure/endings.h"
#include "coordinator/measure/littles_law.h"
#include "coordinator/measure/network.h"
#include "coordinator/measure/statistics.h"
#include "coordinator/words/rows.h"

namespace kneepoint::coordinator {
namespace {

void check_delivery(Step& step, const WindowEvidence& evidence) {
  if (evidence.interrupted) step.invalidate("INTERRUPTED", words::cut_short());
  if (evidence.agent_lost) step.invalidate(kAgentLost, words::lost_an_agent());
  if (!evidence.complete) step.invalidate("INCOMPLETE", words::seconds_missing());
  if (step.requests.completed > 0) return;
  // Whether a host is slow or gone cannot be told from this; that nothing came can.
  const bool silent = step.ttft_seconds.count == 0 && step.waiting.value_or(0) > 0 &&
                      *step.waiting > Gates::kOccupancy * step.achieved_concurrency.value_or(0);
  step.invalidate("NO_DATA", words::nothing_completed(silent ? step.waiting : std::nullopt));
}

/// Whether more requests than `due` is beyond what chance makes of the edges of a window.
bool surely_more(std::uint64_t requests, std::uint64_t due) {
  constexpr double kSure = 2.576;  // 99.5 %
  const auto served = static_cast<double>(requests);
  const auto asked = static_cast<double>(due);
  return served > Gates::kRateExceeded * asked + kSure * std::sqrt(served + asked);
}

/// A window whose requests came before it: its figures are those of the step before. Under a moving rate what
/// ends lags behind what comes, but only a backlog lets more start than come.
void check_backlog_of_before(Step& step, const WindowEvidence& evidence) {
  const RequestCounts& requests = step.requests;
  const std::uint64_t ended = requests.completed + requests.failed;
  if (surely_more(requests.started, evidence.due)) {
    step.invalidate("CATCHING_UP", words::started_backlog(requests.started, evidence.due));
  } else if (!evidence.moving && surely_more(ended, evidence.due)) {
    step.invalidate("CATCHING_UP", words::ended_backlog(ended, evidence.due));
  }
}

/// Whether what an open loop offered was started, and ended as fast as it was started.
void check_rate(Step& step, const WindowEvidence& evidence) {
  if (!evidence.open_loop || evidence.interrupted || evidence.due == 0) return;
  check_backlog_of_before(step, evidence);
  if (step.backlog.value_or(0) > 0)
    step.warn("BACKLOG", words::waited_for_others(step.concurrency, *step.backlog));
  const auto started = static_cast<double>(step.requests.started);
  if (started < Gates::kRateReached * static_cast<double>(evidence.due))
    step.warn("RATE_NOT_REACHED", words::rate_not_reached(step.requests.started, evidence.due));
  if (evidence.in_flight_growth && *evidence.in_flight_growth > Gates::kOverload)
    step.warn("OVERLOADED", words::came_faster_than_they_ended(*evidence.in_flight_growth, evidence.moving));
}

/// Sessions come at their rate from the first second on, their later turns do not: until the first ones have
/// ended there is less load than the rate stands for, and after a higher rate more.
void check_filling(Step& step, const WindowEvidence& evidence) {
  if (evidence.interrupted || std::abs(evidence.thinking_moved.value_or(0)) <= Gates::kFilling) return;
  step.invalidate("UNSTEADY", words::sessions_still_come(*evidence.thinking_moved));
}

void check_occupancy(Step& step, const WindowEvidence& evidence) {
  if (evidence.open_loop || evidence.by_requests || evidence.interrupted || !step.achieved_concurrency ||
      step.concurrency == 0)
    return;
  // A slot that thinks, as the plan says it should, is a user at work.
  const double occupied = *step.achieved_concurrency + step.thinking.value_or(0) - step.beside.value_or(0);
  const double rounding = evidence.moving ? 1 : 0;  // of the mean that was asked for, and of a slot's start
  if (occupied >= Gates::kOccupancy * step.concurrency - rounding) return;
  if (evidence.unconnected) return;  // said by check_hanging
  const bool back_off = step.backing_off && *step.backing_off >= 0.005 * step.concurrency;
  step.invalidate("LOW_OCCUPANCY", words::too_few_in_flight(*step.achieved_concurrency, step.concurrency,
                                                            back_off ? step.backing_off : std::nullopt));
}

/// Requests that a host has taken and does not answer, or does not even take: the load is that of the others.
void check_hanging(Step& step, const WindowEvidence& evidence) {
  if (evidence.interrupted || step.requests.completed == 0) return;
  const double waiting = evidence.hanging.value_or(0), outside = evidence.unconnected.value_or(0);
  if (waiting + outside <= (1 - Gates::kOccupancy) * step.concurrency) return;
  step.hanging = waiting + outside;
  step.invalidate("HANGING", words::hanging(step.concurrency, waiting, outside, evidence.seconds));
}

/// Chunks that are flushed blur both ends of an answer by up to the period: what that is of the time between
/// them, TPOT may be off by.
void check_flushes(Step& step, const WindowEvidence& evidence) {
  constexpr double kBlurred = 0.1;
  if (!step.delivery.flush_seconds || step.has_flag("CLIENT_BOUND")) return;
  step.warn("FLUSHED", words::flushed(*step.delivery.events_per_flush, *step.delivery.flush_seconds));
  const double decoding = evidence.icl.sum_seconds() / static_cast<double>(step.requests.completed);
  if (step.tpot_seconds.count == 0 || *step.delivery.flush_seconds <= kBlurred * decoding) return;
  step.warn("TPOT_UNKNOWN", words::ends_blurred(decoding));
}

/// Answers that nobody made while the client waited.
void check_cached(Step& step) {
  if (!step.delivery.at_once_ratio || step.has_flag("CLIENT_BOUND")) return;
  step.warn("CACHED_ANSWERS", words::out_of_a_cache(*step.delivery.at_once_ratio));
}

/// What the host still does after the last token: a check of the whole answer, say.
void check_tails(Step& step, const WindowEvidence& evidence) {
  constexpr double kWorthTelling = 0.1, kLeastSeconds = 0.01;
  if (step.requests.completed == 0 || !step.e2e_seconds.mean) return;
  const double tail = evidence.tails / static_cast<double>(step.requests.completed);
  if (tail < std::max(kLeastSeconds, kWorthTelling * *step.e2e_seconds.mean)) return;
  step.warn("LATE_END", words::ends_late(tail));
}

/// Sent and without an answer a second time: a host that drops requests hides in that.
void check_reconnects(Step& step) {
  if (step.reconnects > 0) step.warn("RECONNECTS", words::sent_again(step.reconnects, step.requests.started));
}

void check_delivery_of_answers(Step& step, const WindowEvidence& evidence) {
  if (step.unanswered > 0) step.warn("UNANSWERED", words::unanswered(step.unanswered));
  if (evidence.buffered && !step.has_flag("CLIENT_BOUND"))
    step.warn("BUFFERED", words::in_one_piece(*step.delivery.one_piece_ratio));
  check_flushes(step, evidence);
  // What is flushed on a timer may pass the first chunk on at once, and the others together.
  if (evidence.early_first && !evidence.buffered && !step.delivery.flush_seconds)
    step.warn("EARLY_FIRST",
              words::first_comes_alone(evidence.early_first->ratio, evidence.early_first->gap));
  check_cached(step);
}

/// With failures the residence of the failed is unknown, so only an excess of completed residence is a fault.
bool breaks(double error, double tolerance, const Step& step) {
  const bool only_successes = step.requests.failed == 0 &&
                              step.requests.by_outcome[static_cast<std::size_t>(Outcome::kCancelled)] == 0;
  return only_successes ? std::abs(error) > tolerance : -error > tolerance;
}

void check_littles_law(Step& step, const WindowEvidence& evidence) {
  if (evidence.interrupted || !evidence.complete || step.requests.completed == 0) return;
  // Requests that pile up are in flight and not among the ended: the law holds for a steady state.
  if (step.has_flag("OVERLOADED") || step.has_flag("HANGING")) return;
  // Arrivals and sessions that think have as many in flight as it happens.
  double slots =
      step.load_kind() == LoadKind::kRequests ? step.concurrency : evidence.in_flight / evidence.seconds;
  auto mean = evidence.e2e.mean_seconds();
  // E2E ends with the last content; the request is in flight until the answer has ended.
  const double tail = evidence.tails / static_cast<double>(step.requests.completed);
  if (mean) *mean += tail;
  // A moving load has more in flight at one end of the window than at the other: at most twice its mean.
  if (evidence.moving) slots *= 2;
  // Of sessions with several turns under way: Σ size² is at most Σ size + the largest · Σ (size - 1).
  constexpr double kFan = 8;
  const double lanes = step.achieved_concurrency.value_or(0) + step.thinking.value_or(0);
  const double at_work = lanes > 0 ? step.beside.value_or(0) / lanes : 0;  // the others think
  if (mean && !evidence.moving) {
    const auto law = littles_law({.window = evidence.seconds,
                                  .in_flight = evidence.in_flight,
                                  .ended = evidence.e2e.sum_seconds() + evidence.tails,
                                  .mean = *mean,
                                  .longest = evidence.e2e.max_seconds() + tail,
                                  .together = 1 + kFan * at_work,
                                  .held = step.load_kind() == LoadKind::kRequests,
                                  .slots = slots});
    if (law && breaks(law->error, law->tolerance, step))
      step.invalidate("LITTLES_LAW", words::law_broken(law->error, law->tolerance));
  }
  // At token level: a stream that decodes is, at every instant, inside one inter-chunk gap, or between its
  // last content and its end. An answer of one chunk has no gap at all.
  const double decoding = evidence.in_flight - evidence.waiting;
  const auto gap = evidence.icl.mean_seconds();
  if (!gap || decoding <= 0 || evidence.buffered) return;
  const double error = (decoding - evidence.icl.sum_seconds() - evidence.tails) / decoding;
  const double edges = std::max(slots, 1.0) * std::max(evidence.icl.max_seconds(), tail) / decoding;
  const double tails = static_cast<double>(step.requests.completed) * *gap / decoding;
  const double tolerance = Gates::kTokenLittle + edges + tails;
  if (breaks(error, tolerance, step)) step.invalidate("LITTLES_LAW", words::gaps_broken(error, tolerance));
}

/// Whether reads are late by the network's doing: a segment that waits for a lost one has its stamp from
/// before, and is read with all that waited like it. Then only the loop's own gaps tell of the generator.
bool late_by_loss(const Step& step, const WindowEvidence& evidence) {
  return surely_lossy(step.network) && !surely_exceeds(evidence.loop_gap, Gates::kLateTurn);
}

void check_generator(Step& step, const WindowEvidence& evidence) {
  const GeneratorSummary& generator = step.generator;
  const bool by_loss = late_by_loss(step, evidence);
  if (!by_loss && generator.client_coalesced_ratio && *generator.client_coalesced_ratio > Gates::kCoalesced &&
      evidence.late_reads_together >= Gates::kFewestCoalesced) {
    step.invalidate("CLIENT_BOUND", words::read_late_together(*generator.client_coalesced_ratio));
  }
  if (generator.busiest_thread_ratio && *generator.busiest_thread_ratio > Gates::kBusyThread) {
    step.invalidate("CLIENT_BOUND", words::thread_was_busy(*generator.busiest_thread_ratio));
  }
  const auto& ttft = step.ttft_seconds.p50;
  const auto& tpot = step.tpot_seconds.p50;
  if (ttft && surely_exceeds(evidence.send_lag, Gates::kLagShare * *ttft)) {
    // In a closed loop a late start shifts no latency, which counts from the send: it only leaves the slot
    // empty, and LOW_OCCUPANCY is the gate for that.
    std::string reason = words::left_late(*generator.send_lag_p99_seconds, *ttft);
    // In an open loop it is the load itself that is not what was asked for; but for lags that are small
    // against the gaps between requests, too.
    const double gap = evidence.due > 0 ? evidence.seconds / static_cast<double>(evidence.due) : 0;
    if (evidence.open_loop && surely_exceeds(evidence.send_lag, Gates::kLagShare * std::max(*ttft, gap))) {
      step.invalidate("CLIENT_BOUND", std::move(reason));
    } else {
      step.warn("SEND_LAG", std::move(reason));
    }
  }
  const bool unstamped = generator.unstamped_read_ratio.value_or(0) > Gates::kUnstamped;
  if (unstamped) step.warn("UNSTAMPED", words::unstamped(*generator.unstamped_read_ratio));
  const auto scale = ttft && tpot ? std::min(*ttft, *tpot) : ttft.value_or(tpot.value_or(0));
  if (scale <= 0) return;
  // Without stamps the lag of a read is not seen; the time that the loop was away from poll bounds it. It
  // does, too, where stamps are from before a segment that was lost.
  const Histogram& lag = unstamped || by_loss ? evidence.loop_gap : evidence.rx_lag;
  if (!surely_exceeds(lag, Gates::kLagShare * scale)) return;
  const double lag_p99 = lag.quantile_seconds(Gates::kLagQuantile).value_or(0);
  if (unstamped) {
    step.invalidate("CLIENT_BOUND", words::unstamped_and_late(lag_p99));
  } else {
    step.warn("RX_LAG", words::lag_corrected(lag_p99, scale));
  }
}

void check_weaknesses(Step& step, const WindowEvidence& evidence) {
  if (!evidence.moving && evidence.trend && std::abs(*evidence.trend) > Gates::kTrend)
    step.warn("DRIFTING", words::drifts_within(*evidence.trend));
  if (step.early_stops > 0) step.warn("EARLY_STOPS", words::stopped_early(step.early_stops));
  if (const auto& tokens = step.prompt_tokens; tokens && tokens->asked_mean && tokens->achieved_mean) {
    const double off = *tokens->achieved_mean / *tokens->asked_mean - 1;
    if (std::abs(off) > Gates::kPromptTokens)
      step.warn("TOKEN_MISMATCH", words::prompts_off(*tokens->achieved_mean, *tokens->asked_mean));
  }
  if (evidence.answer_chunks > evidence.answer_tokens)
    step.warn("ECHO", words::more_chunks_than_tokens(evidence.answer_chunks, evidence.answer_tokens));
  check_tails(step, evidence);
  check_reconnects(step);
}

}  // namespace

bool surely_exceeds(const Histogram& values, double limit_seconds) {
  if (values.empty()) return false;
  return proportion_lower(values.count_above(limit_seconds), static_cast<double>(values.count())) >
         1 - Gates::kLagQuantile;
}

bool surely_failing(const RequestCounts& requests) {
  return proportion_lower(static_cast<double>(requests.failed),
                          static_cast<double>(requests.failed + requests.completed)) > Gates::kErrors;
}

void apply_gates(Step& step, const WindowEvidence& evidence) {
  check_delivery(step, evidence);
  check_rate(step, evidence);
  check_filling(step, evidence);
  check_hanging(step, evidence);
  check_occupancy(step, evidence);
  check_littles_law(step, evidence);
  check_generator(step, evidence);
  check_delivery_of_answers(step, evidence);
  check_weaknesses(step, evidence);
  flag_endings(step);
  flag_loss(step);
}

bool mostly_unreached(const RequestCounts& requests) {
  std::uint64_t unreached = 0;
  for (const Outcome kind : {Outcome::kDns, Outcome::kConnect, Outcome::kTls})
    unreached += requests.by_outcome[static_cast<std::size_t>(kind)];
  return static_cast<double>(unreached) > Gates::kUnreached * static_cast<double>(requests.failed);
}

std::vector<std::string> failed_gates(const Step& step) {
  std::vector<std::string> failed;
  for (const char* gate :
       {"TARGET_DOWN", "RESTARTED", "INTERRUPTED", "AGENT_LOST", "INCOMPLETE", "NO_DATA", "CLIENT_BOUND",
        "LOW_OCCUPANCY", "HANGING", "LITTLES_LAW", "CATCHING_UP", "UNSTEADY"}) {
    if (step.has_flag(gate)) failed.emplace_back(gate);
  }
  return failed;
}

bool host_was_gone(const Step& step) {
  return step.has_flag("TARGET_DOWN") || step.has_flag("RESTARTED");
}

bool invalid_by_target_only(const Step& step) {
  const bool hangs = step.has_flag("HANGING");
  if (step.valid || (step.requests.failed == 0 && !hangs) || mostly_unreached(step.requests)) return false;
  const auto failed = failed_gates(step);
  return std::all_of(failed.begin(), failed.end(), [](const std::string& gate) {
    return gate == "NO_DATA" || gate == "LOW_OCCUPANCY" || gate == "HANGING";
  });
}

}  // namespace kneepoint::coordinator
