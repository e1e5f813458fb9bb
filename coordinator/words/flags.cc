#include "coordinator/words/flags.h"

#include <algorithm>
#include <array>
#include <set>

namespace kneepoint::coordinator {
namespace {

using Entry = std::pair<std::string_view, std::string_view>;

constexpr std::array kFlags = {
    Entry{"NEAR-LINEAR", "Throughput still grows almost as fast as concurrency: the host has room."},
    Entry{"DIMINISHING", "Throughput grows, but clearly more slowly than concurrency."},
    Entry{"SATURATED",
          "At or past the saturation point: doubling the load would add less than about 5 % throughput."},
    Entry{"COLLAPSING",
          "Throughput is below 95 % of what a lower concurrency reached, or more than 1 % of requests fail."},
    Entry{"CLIENT_BOUND", "The load generator itself was the limit. The row says nothing about the host."},
    Entry{
        "MOVING",
        "The load moved throughout the row, which gives its mean: a survey, not a steady state. Figures lag "
        "behind the load by about the time that a request takes."},
    Entry{"UNSTEADY", "No steady state was reached inside the window."},
    Entry{"TARGET_DOWN", "The host, or one of its replicas, stopped answering and did not come back."},
    Entry{"RESTARTED", "The host was gone for a part of the window: before and after need not be the same."},
    Entry{"INCOMPLETE", "Seconds of an agent are missing, so the figures are too low."},
    Entry{"AGENT_LOST", "An agent was lost during the step, so the load was not what was asked."},
    Entry{"INTERRUPTED", "The step was cut short: by the user, or by a guard rail."},
    Entry{"SHORT_WINDOW",
          "The window held too few batches; its interval is widened by doubling the standard error."},
    Entry{"LOW_CONFIDENCE", "The window reached its longest length before its interval was narrow enough."},
    Entry{"NO_DATA", "No request completed inside the window."},
    Entry{"DRIFT", "The same concurrency, repeated at the end, differed by more than 3 %."},
    Entry{"DRIFTING", "Throughput kept moving in one direction inside the window, by more than 3 %."},
    Entry{"SUPERSEDED", "Later rows have refuted this one: it is shown, and on no curve."},
    Entry{"LITTLES_LAW", "Concurrency, throughput and time in the system do not agree with Little's law."},
    Entry{"LOW_OCCUPANCY", "Fewer than 99 % of the requests that were asked for were in flight."},
    Entry{
        "HANGING",
        "Some requests were taken, or wait for a connection, and got no answer in the whole window: the load "
        "is that of the others."},
    Entry{"UNANSWERED", "Requests were given up after the request timeout without a single token."},
    Entry{"BUFFERED",
          "Answers come in one piece although none was late: a gateway or proxy keeps them back. TTFT, TPOT "
          "and ICL are not the host's and are left out."},
    Entry{"FLUSHED",
          "Chunks come together at a fixed period: a gateway or proxy flushes them on a timer. TTFT may be "
          "late by it."},
    Entry{
        "COUNTS_DIFFER",
        "The server's count of tokens and a second one (chunks, max_tokens, the engine's counter, the length "
        "of the text) differ by more than 5 %."},
    Entry{"COUNT_UNCONFIRMED", "Nothing but the number of chunks says how many tokens there were."},
    Entry{"TPOT_UNKNOWN",
          "How many tokens came after the first chunk, or in what time, is not known, so there is no TPOT."},
    Entry{"CACHED_ANSWERS",
          "Answers came whole at once, faster than any host makes tokens: out of a cache, so that throughput "
          "and latency are the cache's."},
    Entry{"LATE_END",
          "Answers end long after their last token, where E2E ends: something follows that the requests wait "
          "for."},
    Entry{
        "PAGE_TIMES",
        "The times on the server's page cannot be seconds: they are longer than the requests. They are left "
        "out."},
    Entry{"RX_LAG", "The tool was slow to process what it received; kernel stamps have corrected the times."},
    Entry{"UNSTAMPED",
          "Reads came without the kernel's receive stamp: times are those at which they were read, late by "
          "up to "
          "the loop gap."},
    Entry{"SEND_LAG",
          "Requests left late against their schedule; latencies count from the send, so they are not "
          "affected."},
    Entry{"BACKLOG", "Requests of the open loop had to wait, because max_in_flight were in flight already."},
    Entry{
        "CATCHING_UP",
        "Clearly more requests were started or ended than were due: the row shows what the step before left, "
        "not the load that its rate makes."},
    Entry{"RATE_NOT_REACHED",
          "Fewer than 99 % of the requests that were due could be started: the rate is not what was asked."},
    Entry{"OVERLOADED",
          "Requests came faster than they ended: those in flight grew by over 25 % within the window, beyond "
          "what arrivals did."},
    Entry{"EARLY_STOPS", "Some answers ended with fewer tokens than asked for."},
    Entry{"EMPTY_ANSWERS", "Some answers ended as they should and had no content. They count as failures."},
    Entry{"UNREAD_ANSWERS",
          "The host counted tokens of answers in which none was seen. They count as failures: see one with "
          "curl, and see docs/dialects.md."},
    Entry{"TRUNCATED_ANSWERS", "Some answers stopped without saying that they were complete."},
    Entry{"ABORTED_ANSWERS", "Some answers ended with a finish reason that is a failure."},
    Entry{"ERRORS_AT_200", "Some requests were answered with status 200 and an error inside."},
    Entry{
        "EARLY_FIRST",
        "Nothing follows the first chunk for long, and then tokens come fast: something before the host may "
        "answer in its place. TTFT may be the time of that."},
    Entry{"ECHO",
          "More content chunks came than tokens were generated: a server that echoes the prompt, say, and "
          "whose first chunk is then no token. Do not trust TTFT."},
    Entry{"PINNED",
          "Several replicas answer behind one address, and every kept connection stayed with one of them."},
    Entry{"TOKEN_MISMATCH",
          "Prompts that were made to a length missed it by more than 5 %, as the server counts tokens."},
    Entry{"IN_STEP",
          "Streams begin and end together: what is read once a second of the server's queue is one phase of "
          "it."},
    Entry{
        "LOSSY",
        "More than 1 % of the network's packets were lost, as the load generator's kernel counts: latencies "
        "are the network's as well."},
    Entry{"RECONNECTS",
          "Some kept-alive connections had been closed or reset by the host, and their requests were sent "
          "again "
          "on new ones."},
    Entry{"LOWEST LATENCY",
          "The lowest concurrency: latency without competition, the baseline of the others."},
    Entry{"QUEUEING BEGINS", "The median TTFT is more than twice the baseline: requests have begun to wait."},
};

template <class Flags>
std::optional<std::string_view> find(const Flags& table, std::string_view name) {
  const auto entry =
      std::find_if(table.begin(), table.end(), [&](const Entry& e) { return e.first == name; });
  return entry == table.end() ? std::nullopt : std::optional(entry->second);
}

std::set<std::string> flags_of(const ScenarioResult& result) {
  std::set<std::string> seen;
  for (const Step& step : result.steps) {
    seen.insert(step.flags.begin(), step.flags.end());
    seen.insert(step.state);
  }
  return seen;
}

std::vector<std::pair<std::string, std::string_view>> explained(const std::set<std::string>& flags) {
  std::vector<std::pair<std::string, std::string_view>> list;
  for (const std::string& flag : flags) {
    if (const auto meaning = explain_flag(flag)) list.emplace_back(flag, *meaning);
  }
  return list;
}

}  // namespace

std::optional<std::string_view> explain_flag(std::string_view flag) {
  return find(kFlags, flag);
}

std::vector<std::pair<std::string, std::string_view>> flags_explained(const ScenarioResult& result) {
  return explained(flags_of(result));
}

std::vector<std::pair<std::string, std::string_view>> flags_explained(const Report& report) {
  std::set<std::string> seen;
  for (const ScenarioResult& result : report.results) seen.merge(flags_of(result));
  return explained(seen);
}

}  // namespace kneepoint::coordinator
