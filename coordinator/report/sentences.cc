#include "coordinator/report/sentences.h"

#include <fmt/format.h>

#include "coordinator/report/units.h"

namespace kneepoint::coordinator {

std::string trust_of(const Verdict& verdict) {
  return verdict.valid ? "trustworthy" : "NOT TRUSTWORTHY";
}

std::string saturation_sentence(const ScenarioResult& result) {
  const Saturation& saturation = result.saturation;
  std::string text = fmt::format("{} on {} ", result.scenario, result.target);
  if (saturation.concurrency) {
    text += "saturates at " + format_load(result.load_kind(), *saturation.concurrency);
    if (saturation.ci95) {
      text += fmt::format(" (between {} and {})", format_figure(saturation.ci95->low),
                          format_figure(saturation.ci95->high));
    }
    if (!saturation.knee_kind.empty()) text += fmt::format(", {} knee", saturation.knee_kind);
  } else if (saturation.lower_bound) {
    text += fmt::format("was not saturated: more than {}",
                        format_load(result.load_kind(), *saturation.lower_bound));
  } else {
    text += "has no saturation point in this run";
  }
  if (!saturation.bottleneck.empty()) text += fmt::format("; first to give out: {}", saturation.bottleneck);
  if (saturation.max_output_tokens_per_second) {
    text += fmt::format("; at most {} output tok/s", format_figure(*saturation.max_output_tokens_per_second));
  }
  return text + ".";
}

std::string prompt_sentence(const ScenarioResult& result) {
  double asked = 0, achieved = 0, requests = 0;
  for (const Step& step : result.steps) {
    if (!step.prompt_tokens || !step.prompt_tokens->asked_mean || !step.prompt_tokens->achieved_mean)
      continue;
    const auto n = static_cast<double>(step.requests.completed);
    asked += n * *step.prompt_tokens->asked_mean;
    achieved += n * *step.prompt_tokens->achieved_mean;
    requests += n;
  }
  if (requests == 0) return "";
  return fmt::format("made to {:.0f} tokens on average, the server counted {:.0f} ({:+.1f} %)",
                     asked / requests, achieved / requests, (achieved / asked - 1) * 100);
}

std::string slo_sentence(const SloCriterion& criterion, LoadKind kind) {
  const std::string unit = kind == LoadKind::kRate ? "/s" : kind == LoadKind::kUsers ? " users" : "";
  const std::string what = criterion.limit > 0
                               ? fmt::format("{} ≤ {}", criterion.name, format_time(criterion.limit))
                               : "all limits together";
  const std::string upto = criterion.concurrency ? format_figure(*criterion.concurrency) + unit : "";
  if (criterion.state == "PASS") return fmt::format("{}: holds up to {}, the top of the scan", what, upto);
  if (criterion.state == "FAIL")
    return fmt::format("{}: holds at no {} of this run", what,
                       kind == LoadKind::kRate ? "rate" : "concurrency");
  if (criterion.state == "BRACKETED") {
    return fmt::format("{}: holds up to {}, fails at {}", what, upto,
                       criterion.ci95 ? format_figure(criterion.ci95->high) + unit : "the next step");
  }
  if (criterion.concurrency)
    return fmt::format("{}: holds up to {}; too few requests to tell above", what, upto);
  return fmt::format("{}: too few requests to tell", what);
}

std::string run_line(const Report& report) {
  return fmt::format("kneepoint {} | {} | run {} | {} | {} agent{} | {}", report.version, report.run_name,
                     report.run_id, format_utc(report.started_at), report.agents,
                     report.agents == 1 ? "" : "s", format_time(report.duration_seconds));
}

std::string totals_line(const Totals& totals) {
  return fmt::format(
      "{} requests started, {} completed, {} failed, {} cancelled; {} output tokens; {} reconnects",
      totals.started, totals.completed, totals.failed, totals.cancelled, totals.output_tokens,
      totals.reconnects);
}

std::vector<std::string> step_remarks(const ScenarioResult& result) {
  std::vector<std::string> remarks;
  for (const Step& step : result.steps) {
    if (step.reasons.empty()) continue;
    remarks.push_back(fmt::format("{}: {}{}", load_label(step),
                                  step.valid ? "" : "INVALID: ", fmt::join(step.reasons, "; ")));
  }
  return remarks;
}

const std::vector<std::pair<std::string, std::string>>& definitions() {
  static const std::vector<std::pair<std::string, std::string>> kDefinitions = {
      {"N, in flight",
       "requests kept in flight over the whole fleet: asked, and held on average in the window; where users "
       "think between requests N counts the users; of an open loop N is the rate that was asked for, as "
       "20/s"},
      {"TTFT",
       "time to first token: from just before the first write of the request on an open connection to the "
       "kernel's "
       "receive time of the first chunk with content, reasoning or a tool call; empty and role-only chunks "
       "never count"},
      {"TTFO", "time to first answer: the same until the first content that is not reasoning"},
      {"TPOT", "time per output token: (last - first content chunk) / (tokens - 1), for each request"},
      {"ICL", "inter-chunk latency: from one content chunk to the next"},
      {"E2E", "from the same start as TTFT to the last content chunk"},
      {"tok/s",
       "output tokens whose receive time lies in the window, over the window, unfinished requests included; "
       "tokens: "
       "usage = the server's count, estimated = chunks scaled by the server's count for finished requests, "
       "chunks = one "
       "a chunk, where the server reports no usage"},
      {"req/s", "requests completed with success in the window, over the window"},
      {"a ± b", "95 % confidence by batch means; for 'mean ± SD' the standard deviation over requests"},
      {"open loop, due",
       "a request is due when the arrivals say so; latencies from due include a late start, and SLO limits "
       "of an "
       "open loop are judged by them; backlog: due and not started, because 'at most' so many may be in "
       "flight"},
      {"n/a (n=...)", "too few requests for that percentile: p90 needs 64, p95 130, p99 662"},
      {"good", "requests that met every limit of the SLO, over those that ended"},
      {"rx lag, send lag",
       "the generator's own delay between the kernel's receive stamp and reading, and between the "
       "intended and the actual send; CPU µs/tok is all agents' CPU over tokens received"},
      {"saturation", "the smallest N from which on doubling the load would add less than 5 % throughput"}};
  return kDefinitions;
}

}  // namespace kneepoint::coordinator
