#include "coordinator/words/definitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace kneepoint::coordinator {

const std::string& clock_definition() {
  static const std::string kClock =
      "The clock of every latency is the host's kernel on the load generator: a chunk counts as received "
      "when the "
      "kernel took it from the network, not when the tool got round to reading it. Rows flagged UNSTAMPED "
      "are "
      "the exception: their kernel gave no such times, and a chunk counts from when it was read.";
  return kClock;
}

namespace {

template <class Of>
bool any_step(const Report& report, Of of) {
  return std::any_of(report.results.begin(), report.results.end(), [&](const ScenarioResult& result) {
    return std::any_of(result.steps.begin(), result.steps.end(), of);
  });
}

bool is_open_loop(const Report& report) {
  return any_step(report, [](const Step& step) { return step.offered_rate.has_value(); });
}

bool answers_unstreamed(const Report& report) {
  return any_step(
      report, [](const Step& step) { return step.requests.completed > 0 && step.ttft_seconds.count == 0; });
}

bool has_knee(const Report& report) {
  return std::any_of(report.results.begin(), report.results.end(),
                     [](const ScenarioResult& result) { return !result.saturation.knee_kind.empty(); });
}

bool has_limits(const Report& report) {
  return std::any_of(report.results.begin(), report.results.end(),
                     [](const ScenarioResult& result) { return !result.slo.criteria.empty(); });
}

bool has_telemetry(const Report& report) {
  return any_step(report, [](const Step& step) { return step.telemetry.has_value(); });
}

bool has_energy(const Report& report) {
  return any_step(report, [](const Step& step) {
    return step.telemetry && step.telemetry->gpu.joules_per_token.has_value();
  });
}

bool has_speed(const Report& report) {
  return any_step(report, [](const Step& step) { return step.speed.has_value(); });
}

bool waited_for_a_model(const Report& report) {
  return std::any_of(report.results.begin(), report.results.end(),
                     [](const ScenarioResult& result) { return result.load_seconds.has_value(); });
}

const std::vector<Definition>& all_definitions() {
  static const std::vector<Definition> kDefinitions = {
      {.term = "TTFT, time to first token",
       .starts = "just before the first byte of the request is written, on a connection that is already open",
       .stops =
           "when the first chunk with content, reasoning or a tool call arrives. An empty chunk, or one that "
           "only names the role, does not count"},
      {.term = "TTFO, time to first answer",
       .starts = "as TTFT",
       .stops = "when the first content that is not reasoning arrives"},
      {.term = "ICL, inter-chunk latency", .starts = "one content chunk", .stops = "the next content chunk"},
      {.term = "Silence",
       .meaning = "The longest time between two content chunks of one answer: what a user saw stand still."},
      {.term = "E2E, end-to-end time", .starts = "as TTFT", .stops = "the last content chunk"},
      {.term = "TPOT, time per output token",
       .meaning =
           "The time from the first to the last content chunk, divided by the tokens that came after the "
           "first chunk, for each request. How many had come with it the running usage says, or the "
           "reasoning that was counted and not seen; else it is taken for one token. Absent where that is "
           "not known. Chunks with usage only, and the end marker, do not move it."},
      {.term = "Connect",
       .meaning =
           "TCP and TLS. Never part of TTFT: connections are opened before the first request, and one that "
           "has to be opened again is counted."},
      {.term = "N, in flight",
       .meaning =
           "Requests kept in flight over the whole fleet: asked, and held on average in the window. Where "
           "sessions think between requests N counts the sessions; of an open loop N is the rate that was "
           "asked for, as 20/s: requests, or sessions where these think."},
      {.term = "Due, backlog",
       .meaning =
           "Of an open loop: a request is due when the arrivals say so. Latencies from due include a late "
           "start, and SLO limits are judged by them. Backlog: due and not started, because only so many may "
           "be in flight.",
       .used = is_open_loop},
      {.term = "Tokens",
       .meaning =
           "As the server reports them (usage). Inside a window: its running usage where it sends one; else "
           "content chunks times the tokens per chunk of the completed requests (estimated); with no usage "
           "at "
           "all, content chunks (chunks). Never characters, words or the length asked for."},
      {.term = "Throughput, tok/s",
       .meaning =
           "Output tokens received inside the window over its length, those of requests that began before or "
           "end after it included. req/s: requests completed with success."},
      {.term = "Which window",
       .meaning = "TTFT belongs to the moment of the first token, TPOT and E2E to the moment of completion, "
                  "whenever "
                  "the request began. A request that got no first token in time breaks the SLO; it is not "
                  "left out."},
      {.term = "Goodput, good",
       .meaning = "Requests that meet all limits of the SLO at once, over those that ended."},
      {.term = "Without streaming",
       .meaning =
           "A request has an end-to-end time and tokens only. TTFT is then absent: it is neither 0 nor the "
           "end-to-end time.",
       .used = answers_unstreamed},
      {.term = "N_sat, saturation point",
       .meaning =
           "The smallest concurrency from which doubling the load would add less than about 5 % throughput. "
           "It "
           "does not depend on how far the test went beyond it; where the test did not go far enough, only a "
           "lower bound is given. Its interval holds the 95 % range of a bootstrap over the steps and "
           "reaches "
           "at least the measured steps on both sides: between two steps nothing was measured."},
      {.term = "Knee, hard or soft",
       .meaning =
           "How throughput stops growing. Hard: past the saturation point more load adds waiting and no "
           "throughput. Soft: throughput still creeps up while every answer gets slower.",
       .used = has_knee},
      {.term = "N_slo",
       .meaning = "The largest concurrency that meets a limit, with no smaller one that breaks it. “p95 ≤ "
                  "limit” holds "
                  "when at most 5 % of requests exceed it, with 95 % confidence.",
       .used = has_limits},
      {.term = "a ± b, interval",
       .meaning =
           "95 % confidence, from the means of consecutive batches of the window with Student's t; for “mean "
           "± "
           "SD” the standard deviation over requests. Percentiles are printed only with enough requests: p90 "
           "from 64, p95 from 130, p99 from 662."},
      {.term = "Engine, GPU",
       .meaning =
           "As the host's own metrics say, read once a second: means over the window unless the column says "
           "otherwise, for whoever asked. Page: how much of what came here it shows, where it does not show "
           "it all. Running and waiting: requests in the engine's batch and in its queue, as read, and by "
           "time integrals (run/time, wait/time), which no beat of the streams can mislead. KV: the share of "
           "the engine's KV cache in use, of the fullest engine. Utilisation reads near 100 % with one "
           "request already, so that only a low one says something; memory is allocated in advance.",
       .used = has_telemetry},
      {.term = "J/token",
       .meaning = "The energy of all the target's cards over the tokens that the server generated, for "
                  "whoever asked.",
       .used = has_energy},
      {.term = "Model load",
       .meaning = "From the server's start, or the first attempt, until every replica listed the model.",
       .used = waited_for_a_model},
      {.term = "Speed of the host",
       .meaning =
           "Where the host's speed comes and goes, or it stops for moments, in a way that is known, the "
           "curve "
           "is made of what each row would have given at its usual speed. A row shows what was measured, and "
           "its note what it counts as. “Fitted” is said of figures that no single row shows.",
       .used = has_speed},
      {.term = "Receive lag, send lag, loop gap",
       .meaning =
           "The tool's own error: how late it processed what the kernel had received, how late it sent "
           "against "
           "its schedule, and how long it did not look at the network. CPU µs/token is all agents' CPU over "
           "tokens received."},
      {.term = "Invalid rows",
       .meaning =
           "A row that fails a validity check is shown, marked, and can never be the saturation point."},
      {.term = "n/a", .meaning = "The figure was not measured or could not be. It is never shown as 0."}};
  return kDefinitions;
}

}  // namespace

std::vector<Definition> definitions(const Report& report) {
  std::vector<Definition> used;
  std::copy_if(all_definitions().begin(), all_definitions().end(), std::back_inserter(used),
               [&](const Definition& each) { return each.used == nullptr || each.used(report); });
  return used;
}

std::string to_sentence(const Definition& definition) {
  if (definition.starts.empty()) return definition.meaning;
  return fmt::format("starts: {}; stops: {}.", definition.starts, definition.stops);
}

}  // namespace kneepoint::coordinator
