#include "coordinator/words/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "common/plural.h"
#include "coordinator/results/sessions.h"
#include "coordinator/results/units.h"
#include "coordinator/words/bottlenecks.h"

namespace kneepoint::coordinator {

namespace {

std::string capitalised(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

/// With a stop, unless it ends with one.
std::string stopped(std::string text) {
  if (!text.empty() && text.back() != '.') text += '.';
  return text;
}

}  // namespace

std::string trust_sentence(Trust trust) {
  switch (trust) {
    case Trust::kTrustworthy:
      return "Trustworthy.";
    case Trust::kReserved:
      return "With reservations: not all that is claimed was confirmed.";
    case Trust::kUntrusted:
      break;
  }
  return "Not trustworthy: do not rely on it.";
}

std::string weight_word(Remark::Weight weight) {
  return capitalised(std::string(to_string(weight)));
}

std::string threshold_sentence(const ThresholdOutcome& outcome) {
  const bool unchecked = outcome.state == "UNCHECKED";
  return fmt::format("{} {}: {}{}",
                     outcome.state == "HELD" ? "✓"
                     : unchecked             ? "?"
                                             : "✗",
                     outcome.expression, unchecked ? "UNCHECKED: " : "", outcome.explanation);
}

std::vector<std::string> gate_words(const std::vector<ThresholdOutcome>& outcomes) {
  if (outcomes.empty()) return {};
  std::size_t failed = 0;
  const ThresholdOutcome* first = nullptr;
  for (const ThresholdOutcome& each : outcomes) {
    if (each.state == "HELD") continue;
    ++failed;
    // One that was missed weighs more than one that could not be checked.
    if (first == nullptr || (first->state != "MISSED" && each.state == "MISSED")) first = &each;
  }
  if (first == nullptr) return {fmt::format("✓ {} held", plural(outcomes.size(), "threshold"))};
  std::string text = threshold_sentence(*first);
  if (failed > 1) text += fmt::format(" (and {} more)", plural(failed - 1, "threshold"));
  return {text};
}

std::string remark_sentence(const Remark& remark) {
  std::string text = stopped(capitalised(remark.text));
  if (!remark.remedy.empty()) text += " " + stopped(capitalised(remark.remedy));
  return text;
}

std::string title_sentence(const ScenarioResult& result) {
  std::string text = fmt::format("{} on {}, model {}", result.scenario, result.target, result.model);
  if (result.load_seconds) text += fmt::format(", loaded in {}", format_time(*result.load_seconds));
  return text;
}

const Step* only_load(const ScenarioResult& result) {
  const Step* only = nullptr;
  for (const Step& step : result.steps) {
    if (!step.valid) continue;
    if (only != nullptr && step.load() != only->load()) return nullptr;
    only = &step;
  }
  return only;
}

std::string figures_of(const Step& step) {
  std::string text;
  if (const auto& tokens = step.output_tokens_per_second.value) {
    text = format_figure(*tokens) + " output tok/s";
  } else if (const auto& requests = step.requests_per_second.value) {
    text = format_figure(*requests) + " req/s";
  }
  const LatencySummary& first = step.ttft_seconds.p50 ? step.ttft_seconds : step.e2e_seconds;
  const char* name = step.ttft_seconds.p50 ? "TTFT" : "E2E";
  if (first.p50) text += fmt::format("{}{} p50 {}", text.empty() ? "" : ", ", name, format_time(*first.p50));
  return text;
}

namespace {

/// What a result without a saturation point can still say.
std::string unsaturated(const ScenarioResult& result) {
  std::multiset<double> valid;
  std::set<double> tried;
  for (const Step& step : result.steps) {
    tried.insert(step.load());
    if (step.valid) valid.insert(step.load());
  }
  const auto at = [&](double load) { return format_load(result.load_kind(), load); };
  if (valid.empty()) return "gives no answer: no step is valid";
  if (const Step* only = only_load(result)) {
    return fmt::format(
        "gave {} at {}, {}", figures_of(*only), at(only->load()),
        tried.size() == 1 ? "the one load that was measured" : "the one load of which a row is valid");
  }
  if (const auto& bound = result.saturation.lower_bound) {
    const double top = *tried.rbegin(), most = *valid.rbegin();
    return fmt::format(
        "was not seen to saturate up to {}, {}: its saturation point lies above {}", at(most),
        top > most ? fmt::format("the most of which a row is valid ({} was tried)", format_figure(top))
                   : "the most that was tried",
        format_figure(*bound));
  }
  return fmt::format("gives no clear answer: {} valid rows between {} and {} show no saturation point",
                     valid.size(), format_figure(*valid.begin()), at(*valid.rbegin()));
}

/// The most that any row gave.
std::string most_of(const ScenarioResult& result) {
  if (const auto& tokens = result.saturation.max_output_tokens_per_second)
    return fmt::format("; at most {} output tok/s", format_figure(*tokens));
  std::optional<double> most;
  for (const Step& step : result.steps) {
    if (step.valid && step.requests_per_second.value)
      most = std::max(most.value_or(0), *step.requests_per_second.value);
  }
  return most ? fmt::format("; at most {} req/s", format_figure(*most)) : "";
}

}  // namespace

std::string survey_sentence(const ScenarioResult& result) {
  return result.moving() ? "A survey: the load moved all the time. A stepped ramp or a search confirms it."
                         : "";
}

std::string saturation_sentence(const ScenarioResult& result) {
  const std::string subject = fmt::format("{} on {} ", result.scenario, result.target);
  if (result.soak) return fmt::format("{}under soak: {}", subject, result.soak->explanation);
  const Saturation& saturation = result.saturation;
  std::string text = subject;
  if (saturation.concurrency) {
    text += "saturates at " + format_load(result.load_kind(), *saturation.concurrency);
    if (saturation.ci95) {
      text += fmt::format(" (between {} and {})", format_figure(saturation.ci95->low),
                          format_figure(saturation.ci95->high));
    }
    if (!saturation.knee_kind.empty()) text += fmt::format(", {} knee", saturation.knee_kind);
  } else if (saturation.ci95) {
    text += fmt::format("saturates between {} and {}", format_figure(saturation.ci95->low),
                        format_load(result.load_kind(), saturation.ci95->high));
    if (!saturation.knee_kind.empty()) text += fmt::format(", {} knee", saturation.knee_kind);
  } else {
    text += unsaturated(result);
  }
  const auto has_shape = [&](const char* kind) {
    return std::find(saturation.shape.begin(), saturation.shape.end(), kind) != saturation.shape.end();
  };
  if (has_shape("two peaks")) {
    text += "; its throughput has two peaks";
  } else if (has_shape("collapse")) {
    text += "; past its peak throughput collapses";
  }
  if (!saturation.bottleneck.empty())
    text += fmt::format("; {}: {}",
                        saturation.ci95                                ? "first to give out"
                        : saturation.lower_bound && !only_load(result) ? "close to it already"
                                                                       : "what gives out",
                        saturation.bottleneck);
  if (saturation.ci95 || !only_load(result)) text += most_of(result);
  text += ".";
  if (const std::string survey = survey_sentence(result); !survey.empty()) text += " " + survey;
  return text;
}

std::string saturation_text(const ScenarioResult& result) {
  const std::string sentence = saturation_sentence(result);
  if (result.soak) return sentence;
  const std::string_view out = way_out(result.saturation.bottleneck);
  return fmt::format("{} {}{}", sentence, result.saturation.explanation,
                     out.empty() ? "" : fmt::format(" The way out: {}.", out));
}

std::vector<std::pair<std::string, std::string>> findings_of(const ScenarioResult& result) {
  std::vector<std::pair<std::string, std::string>> all;
  if (result.movement) all.emplace_back("Movement", result.movement->explanation);
  if (result.confirmation) all.emplace_back("Confirmation", result.confirmation->explanation);
  if (result.proof) all.emplace_back("Proof", result.proof->explanation);
  if (result.descent) all.emplace_back("Way back down", result.descent->explanation);
  return all;
}

std::string recommendation_sentence(const Recommendation& recommendation) {
  return fmt::format("{} {}: {}", format_with_interval(recommendation.value, recommendation.ci95),
                     recommendation.unit, recommendation.basis);
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
  std::string text;
  if (const auto& dataset = result.dataset) {
    text = fmt::format("from {} ({} entr{}, sha256 {}…)", dataset->file, dataset->entries,
                       dataset->entries == 1 ? "y" : "ies", dataset->sha256.substr(0, 16));
  }
  if (requests == 0) return text;
  if (!text.empty()) text += ", ";
  return text + fmt::format("made to {:.0f} tokens on average, the server counted {:.0f} ({} %)",
                            asked / requests, achieved / requests, format_change(achieved / asked - 1));
}

std::string sessions_sentence(const ScenarioResult& result) {
  std::string rows;
  for (const Step& step : result.steps) {
    const auto thinking = think_ratio(step);
    if (!thinking || (*thinking <= 0 && !step.beside)) continue;
    rows +=
        fmt::format("{}{} {} {} in flight and {} think ({:.0f} %)", rows.empty() ? "" : "; ",
                    step.offered_rate ? "at" : "of", load_label(step),
                    format_figure(requests_in_flight(step)), format_figure(*step.thinking), *thinking * 100);
    if (step.beside)
      rows += fmt::format(", {} of these beside others of their session", format_figure(*step.beside));
  }
  if (rows.empty()) return "";
  const Step& first = result.steps.front();
  return fmt::format("N counts sessions{}, which think between two {}: {}",
                     first.offered_rate ? " that begin in a second" : "",
                     first.turns.empty() ? "requests" : "turns", rows);
}

std::string slo_sentence(const SloCriterion& criterion, LoadKind kind) {
  const std::string unit = kind == LoadKind::kSessionRate ? " sessions/s"
                           : kind == LoadKind::kRate      ? "/s"
                           : kind == LoadKind::kUsers     ? " sessions"
                                                          : "";
  const std::string what = criterion.limit > 0
                               ? fmt::format("{} ≤ {}", criterion.name, format_time(criterion.limit))
                               : "all limits together";
  const std::string upto = criterion.concurrency ? format_figure(*criterion.concurrency) + unit : "";
  if (criterion.state == "PASS") return fmt::format("{}: holds up to {}, the top of the scan", what, upto);
  if (criterion.state == "FAIL")
    return fmt::format("{}: holds at no {} of this run", what, is_rate(kind) ? "rate" : "concurrency");
  if (criterion.state == "BRACKETED") {
    return fmt::format("{}: holds up to {}, fails at {}", what, upto,
                       criterion.ci95 ? format_figure(criterion.ci95->high) + unit : "the next step");
  }
  const std::string& doubt = criterion.doubt;
  if (!criterion.concurrency && criterion.ci95) {
    return fmt::format("{}: fails at {}; {}", what, format_figure(criterion.ci95->high) + unit,
                       doubt.empty() ? "too few requests to decide below" : doubt);
  }
  if (criterion.concurrency)
    return fmt::format("{}: holds up to {}; {}", what, upto,
                       doubt.empty() ? "too few requests to decide above" : doubt);
  return fmt::format("{}: {}", what, doubt.empty() ? "too few requests to decide" : doubt);
}

std::string criterion_meaning(const SloCriterion& criterion) {
  if (criterion.state == "PASS") return "holds up to the highest valid step";
  if (criterion.state == "BRACKETED") {
    return criterion.ci95 ? "holds there, breaks at " + format_figure(criterion.ci95->high)
                          : "holds there, then breaks";
  }
  if (criterion.state == "FAIL") return "broken from the lowest step on";
  if (criterion.state == "INDETERMINATE") {
    const std::string why = criterion.doubt.empty() ? "too few requests to decide" : criterion.doubt;
    return criterion.ci95 && !criterion.concurrency
               ? "breaks at " + format_figure(criterion.ci95->high) + "; below it " + why
               : why;
  }
  return criterion.state;
}

std::string_view knee_meaning(std::string_view kind) {
  if (kind == "hard") return "The knee is hard: past it, more load adds waiting and no throughput.";
  if (kind == "soft") return "The knee is soft: past it, throughput still creeps up while latency grows.";
  return "";
}

std::string run_line(const Report& report) {
  return fmt::format("kneepoint {} | {} | run {} | {} | {} | {}", report.version, report.run_name,
                     report.run_id, format_utc(report.started_at), plural(report.agents, "agent"),
                     format_time(report.duration_seconds));
}

std::string totals_line(const Totals& totals) {
  const std::string tokens = totals.output_tokens == 0 && totals.completed > 0
                                 ? "output tokens not counted"
                                 : plural(totals.output_tokens, "output token");
  return fmt::format("{} started, {} completed, {} failed, {} cancelled; {}; {}",
                     plural(totals.started, "request"), totals.completed, totals.failed, totals.cancelled,
                     tokens, plural(totals.reconnects, "reconnect"));
}

std::vector<std::string> step_remarks(const ScenarioResult& result) {
  std::vector<std::string> remarks;
  for (const Step& step : result.steps) {
    if (step.reasons.empty()) continue;
    remarks.push_back(fmt::format("{}: {}{}", row_label(step),
                                  step.valid ? "" : "INVALID: ", fmt::join(step.reasons, "; ")));
  }
  return remarks;
}

}  // namespace kneepoint::coordinator
