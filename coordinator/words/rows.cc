#include "coordinator/words/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/plural.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator::words {
namespace {

/// Behind "12 of 40 requests ".
std::string_view odd_end(Outcome outcome) {
  switch (outcome) {
    case Outcome::kEmpty:
      return "got an answer without any content";
    case Outcome::kUnread:
      return "got tokens, says the host, of which none was seen: hidden reasoning, another 'api' than the "
             "host's, or a shape that is not known";
    case Outcome::kTruncated:
      return "got an answer without an end: no finish reason and no end marker";
    case Outcome::kAborted:
      return "ended with a finish reason that is a failure";
    case Outcome::kErrorAt200:
      return "got status 200 with an error inside";
    default:
      return "failed";
  }
}

}  // namespace

std::string cut_short() {
  return "the step was cut short";
}

std::string lost_an_agent() {
  return "an agent was lost while it ran";
}

std::string seconds_missing() {
  return "not every agent delivered every second of it";
}

std::string nothing_completed(std::optional<double> unanswered) {
  std::string text = "no request completed in the window";
  if (!unanswered) return text;
  return fmt::format("{}, and none of the {} in flight got an answer", text, format_figure(*unanswered));
}

std::string still_settling() {
  return "it was still settling in the second half of its window";
}

std::string too_short_for_intervals() {
  return "the window is too short for any interval";
}

std::string longest_window_not_enough() {
  return "the longest window was not enough for an interval of ± 2.5 %";
}

std::string started_backlog(std::uint64_t started, std::uint64_t due) {
  return fmt::format("it served the backlog of the step before: {} requests were started where {} were due",
                     started, due);
}

std::string ended_backlog(std::uint64_t ended, std::uint64_t due) {
  return fmt::format("the host still served requests of the step before: {} ended where {} were due", ended,
                     due);
}

std::string waited_for_others(std::uint32_t max_in_flight, double backlog) {
  constexpr double kFew = 0.01;
  return fmt::format("requests waited for one of the {} to end that max_in_flight allows, {} on average",
                     max_in_flight, backlog < kFew ? "less than 0.01" : format_figure(backlog));
}

std::string rate_not_reached(std::uint64_t started, std::uint64_t due) {
  return fmt::format("{} of {} requests that were due could be started", started, due);
}

std::string came_faster_than_they_ended(double growth, bool moving) {
  return fmt::format(
      "requests came faster than they ended: those in flight grew by {:.0f} % within the window{}",
      growth * 100, moving ? ", beyond what the rate did" : "");
}

std::string sessions_still_come(double moved) {
  return fmt::format(
      "the number of sessions that think moved by {:+.0f} % within the window at an even rate, "
      "so the load had not settled; use a warm-up as long as a session",
      moved * 100);
}

std::string too_few_in_flight(double achieved, std::uint32_t asked, std::optional<double> backing_off) {
  std::string text = fmt::format("only {} of {} were in flight on average", format_figure(achieved), asked);
  if (backing_off) text += fmt::format(": {} waited after failures", format_figure(*backing_off));
  return text;
}

std::string hanging(std::uint32_t asked, double waiting, double outside, double window) {
  const double served = std::max(0.0, asked - waiting - outside);
  std::string how = fmt::format("{:.0f} got no answer", waiting);
  if (outside >= waiting) how = fmt::format("{:.0f} wait for a connection", outside);
  if (std::min(outside, waiting) >= 1)
    how = fmt::format("{:.0f} got no answer, {:.0f} wait for a connection", waiting, outside);
  return fmt::format("of {} requests {:.0f} are served, the rest hang: {} in the whole window of {}", asked,
                     served, how, format_time(window));
}

std::string law_broken(double error, double tolerance) {
  return fmt::format(
      "requests in flight and rate × mean residence disagree by {:.1f} % (at most {:.1f} % can be chance)",
      error * 100, tolerance * 100);
}

std::string gaps_broken(double error, double tolerance) {
  return fmt::format(
      "time spent decoding and the sum of the gaps between chunks disagree by {:.1f} % (at most {:.1f} % can "
      "be chance)",
      error * 100, tolerance * 100);
}

std::string flushed(double events, double period) {
  return fmt::format(
      "chunks come {:.0f} together every {}: something between buffers and flushes them, TTFT may be late by "
      "that time, and ICL is its period",
      events, format_time(period));
}

std::string flushed_elsewhere(std::size_t rows, std::size_t all) {
  return fmt::format(
      "TPOT is left out: {} of {} rows show that chunks are passed on in bundles, and this one has too few "
      "to "
      "show that it is none",
      rows, all);
}

std::string ends_blurred(double decoding) {
  return fmt::format(
      "TPOT is left out: of the {} in which the chunks of an answer come, each end may be late by that time",
      format_time(decoding));
}

std::string out_of_a_cache(double ratio) {
  return fmt::format(
      "{:.0f} % of the answers came whole at once, faster than any host makes tokens: they come out of a "
      "cache, and figures are the cache's",
      ratio * 100);
}

std::string ends_late(double tail) {
  return fmt::format("answers end {} after their last token: E2E leaves that out, throughput does not",
                     format_time(tail));
}

std::string sent_again(std::uint64_t reconnects, std::uint64_t started) {
  return fmt::format(
      "{} of {} requests met a closed connection and were sent again on a new one (not counted as failures)",
      reconnects, started);
}

std::string unanswered(std::uint64_t requests) {
  return fmt::format("{} never got an answer, not one token before the request timeout",
                     plural(requests, "request"));
}

std::string in_one_piece(double ratio) {
  return fmt::format(
      "{:.0f} % of the answers came in one piece, all chunks together after the whole time of the answer: "
      "something between buffers them, so that neither TTFT nor TPOT is the host's, and no limit on them can "
      "be judged",
      ratio * 100);
}

std::string first_comes_alone(double ratio, double gap) {
  return fmt::format(
      "in {:.0f} % of the answers the second chunk came {} after the first, and the others at a much faster "
      "pace: what comes first may be no token, and TTFT its time",
      ratio * 100, format_time(gap));
}

std::string stopped_early(std::uint64_t answers) {
  return fmt::format("{} ended with fewer tokens than asked for", plural(answers, "answer"));
}

std::string prompts_off(double achieved, double asked) {
  return fmt::format("prompts had {} tokens on average where {} were asked for", format_figure(achieved),
                     format_figure(asked));
}

std::string more_chunks_than_tokens(std::uint64_t chunks, std::uint64_t tokens) {
  return fmt::format("{} came for {}: some are no part of the answer, and TTFT may be theirs",
                     plural(chunks, "content chunk"), plural(tokens, "token"));
}

std::string ended_oddly(Outcome outcome, std::uint64_t count, std::uint64_t all) {
  return fmt::format("{} of {} requests {}", count, all, odd_end(outcome));
}

std::string pinned(std::size_t replicas, double skew, bool uneven) {
  return fmt::format(
      "kept connections never left their replica: of {} replicas the busiest got {:.2f} times an equal "
      "share{}",
      replicas, skew,
      uneven ? ", which is the client's doing; use connection: per_request, or the replicas' own urls" : "");
}

std::string read_late_together(double ratio) {
  return fmt::format("the generator read {:.1f} % of the events late and together", ratio * 100);
}

std::string thread_was_busy(double ratio) {
  return fmt::format("a generator thread was busy {:.0f} % of the time", ratio * 100);
}

std::string left_late(double lag, double ttft) {
  return fmt::format("requests left late: send lag p99 {} is over 5 % of TTFT p50 {}", format_time(lag),
                     format_time(ttft));
}

std::string unstamped(double ratio) {
  return fmt::format("{:.0f} % of the reads carry no kernel stamp: they count from when they were read",
                     ratio * 100);
}

std::string unstamped_and_late(double lag) {
  return fmt::format("reads carry no kernel stamp and came up to {} late (p99)", format_time(lag));
}

std::string lag_corrected(double lag, double scale) {
  return fmt::format("receive lag p99 {} is over 5 % of TPOT or TTFT ({}); kernel stamps have corrected it",
                     format_time(lag), format_time(scale));
}

std::string drifts_within(double trend) {
  return fmt::format("throughput moved by {} % within the window", format_change(trend));
}

std::string packet_loss(const NetworkSummary& network) {
  const double again = network.retransmitted_ratio.value_or(-1);
  const double disordered = network.out_of_order_ratio.value_or(-1);
  if (again < 0 && disordered < 0) return "";
  if (again >= disordered)
    return fmt::format("{:.1f} % of the segments sent had to be sent again", again * 100);
  return fmt::format("{:.1f} % of the segments received came out of order", disordered * 100);
}

std::string lossy(const NetworkSummary& network) {
  return fmt::format("the network loses packets: {}", packet_loss(network));
}

std::string page_times_off() {
  return "the times on the server's page are longer than the requests: they are not in seconds, and are left "
         "out";
}

std::string streams_in_step() {
  return "streams run in step: what is read once a second of the server's queue is one phase of it";
}

std::string counters_began_anew(std::int64_t second) {
  return fmt::format("the engine's counters began anew by {}", format_run_time(second));
}

std::string reason_with(const Step& row, std::string_view flag) {
  // Words that stand in one of the sentences above, and in no other.
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"BUFFERED", "one piece"},
      {"FLUSHED", "flushes"},
      {"EARLY_FIRST", "the second chunk came"},
      {"ECHO", "no part of the answer"},
      {"CACHED_ANSWERS", "cache"},
      {"RECONNECTS", "sent again"},
      {"UNANSWERED", "never got an answer"},
      {"HANGING", "hang"}};
  for (const auto& [name, word] : kWords) {
    if (name != flag) continue;
    for (const std::string& reason : row.reasons) {
      if (reason.find(word) != std::string::npos) return reason;
    }
  }
  return "";
}

std::string proof_with(std::size_t agents) {
  return fmt::format("proof with {}", plural(agents, "agent"));
}

std::string measured_again() {
  return "measured again";
}

std::string lost_and_run_again() {
  return "an agent was lost; run again";
}

std::string host_speed(double ratio, double throughput, const char* unit) {
  return fmt::format("host at {:.0f} % of its usual speed: counts as {} {}", ratio * 100,
                     format_figure(throughput), unit);
}

}  // namespace kneepoint::coordinator::words
