#include "coordinator/analysis/bottleneck.h"

#include <fmt/format.h>

#include <algorithm>

#include "coordinator/analysis/statistics.h"
#include "coordinator/report/units.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kToleratedErrors = 0.01;

/// The smallest step for which `holds`.
template <class Predicate>
const Step* first_of(const std::vector<Step>& steps, Predicate holds) {
  const Step* first = nullptr;
  for (const Step& step : steps) {
    if (holds(step) && (first == nullptr || step.load() < first->load())) first = &step;
  }
  return first;
}

void say(Saturation& saturation, std::string bottleneck, std::string sentence) {
  saturation.bottleneck = std::move(bottleneck);
  saturation.explanation += " " + sentence;
}

/// The growth of a latency past the knee, for evidence: "TTFT p50 213 ms at 32, 1.34 s at 64".
std::string growth(std::string_view name, const LatencySummary Step::*which, const Step& from,
                   const Step& to) {
  return fmt::format("{} p50 {} at {}, {} at {}", name, format_time((from.*which).p50), load_label(from),
                     format_time((to.*which).p50), load_label(to));
}

}  // namespace

bool surely_failing(const RequestCounts& requests) {
  return proportion_lower(static_cast<double>(requests.failed),
                          static_cast<double>(requests.failed + requests.completed)) > kToleratedErrors;
}

void attribute(Saturation& saturation, const std::vector<Step>& steps) {
  // A generator that was its own limit below a knee that was still found did not make that knee.
  if (const Step* step = first_of(
          steps, [&](const Step& s) { return !saturation.concurrency && s.has_flag("CLIENT_BOUND"); })) {
    return say(saturation, "client",
               fmt::format("The load generator was its own limit at {}: {}.", load_label(*step),
                           step->reasons.empty() ? "see its flags" : step->reasons.front()));
  }
  if (const Step* step = first_of(steps, [&](const Step& s) { return surely_failing(s.requests); })) {
    const auto rejected = step->requests.by_outcome[static_cast<std::size_t>(Outcome::kRejected)];
    const std::string evidence = fmt::format(
        "at {}, {} of {} failed ({})", format_load(step->load_kind(), step->load()), step->requests.failed,
        step->requests.failed + step->requests.completed, format_errors(step->requests));
    if (2 * rejected > step->requests.failed) {
      return say(saturation, "admission", fmt::format("The target turns requests away: {}.", evidence));
    }
    return say(saturation, "errors", fmt::format("The target fails: {}.", evidence));
  }
  if (!saturation.concurrency) return;
  const Step* from =
      first_of(steps, [&](const Step& s) { return s.valid && s.load() >= *saturation.concurrency; });
  const Step* to = from == nullptr ? nullptr : first_of(steps, [&](const Step& s) {
    return s.valid && s.load() >= 1.5 * from->load();
  });
  if (saturation.knee_kind == "hard" && to != nullptr) {
    return say(saturation, "queue_slots",
               fmt::format("Requests wait for a slot while decoding is as fast as before: {}; {}.",
                           growth("TTFT", &Step::ttft_seconds, *from, *to),
                           growth("TPOT", &Step::tpot_seconds, *from, *to)));
  }
  std::string evidence;
  if (saturation.knee_kind == "soft" && to != nullptr) {
    evidence = fmt::format("Every request is slowed by the others ({}). ",
                           growth("TPOT", &Step::tpot_seconds, *from, *to));
  }
  say(saturation, "",
      evidence +
          "Without the server's telemetry, compute, memory bandwidth and KV cache cannot be told apart.");
}

}  // namespace kneepoint::coordinator
