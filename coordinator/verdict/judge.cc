#include "coordinator/verdict/judge.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "coordinator/measure/repeat.h"
#include "coordinator/measure/statistics.h"
#include "coordinator/measure/validity.h"
#include "coordinator/results/stopped_by.h"
#include "coordinator/results/units.h"
#include "coordinator/verdict/answer_lengths.h"
#include "coordinator/verdict/burst.h"
#include "coordinator/verdict/influence.h"
#include "coordinator/verdict/light_load.h"
#include "coordinator/verdict/page_remarks.h"
#include "coordinator/verdict/pod_skew.h"
#include "coordinator/verdict/revisits.h"
#include "coordinator/verdict/saturation.h"
#include "coordinator/verdict/scatter.h"
#include "coordinator/verdict/sick_replica.h"
#include "coordinator/verdict/slow_pod.h"
#include "coordinator/verdict/token_counts.h"
#include "coordinator/words/health.h"
#include "coordinator/words/remarks.h"
#include "coordinator/words/rows.h"

namespace kneepoint::coordinator {
namespace {

/// Windows are cut at whole seconds: clocks further apart than this blur their edges.
constexpr double kClockTolerance = 0.05;

/// A flag of a row as a code of a remark: "CLIENT_BOUND" is "client_bound".
std::string code_of(std::string_view flag) {
  std::string code(flag);
  std::transform(code.begin(), code.end(), code.begin(), [](unsigned char c) {
    return c == ' ' || c == '-' ? '_' : static_cast<char>(std::tolower(c));
  });
  return code;
}

std::string without_stop(std::string text) {
  if (!text.empty() && text.back() == '.') text.pop_back();
  return text;
}

/// Rows that are not valid for the same cause, of which one remark tells.
struct Invalid {
  std::string code;
  bool decisive = false;  ///< The answer may hang on them.
  const Step* first = nullptr;
  std::string why;  ///< Of the first.
  std::vector<std::string> others;
};

void add_invalid(std::vector<Invalid>& all, const Step& step, bool decisive) {
  std::vector<std::pair<std::string, std::string>> faults;  // one for each cause
  for (std::size_t i = 0; i < step.faults.size(); ++i) {
    const std::string code = code_of(step.faults[i]);
    const auto same =
        std::find_if(faults.begin(), faults.end(), [&](const auto& fault) { return fault.first == code; });
    if (same == faults.end()) {
      faults.emplace_back(code, step.reasons[i]);
    } else {
      same->second += "; " + step.reasons[i];
    }
  }
  if (faults.empty()) faults.emplace_back("invalid_row", words::row_is_invalid());
  for (auto& [code, why] : faults) {
    const auto told = std::find_if(all.begin(), all.end(), [&, &code = code](const Invalid& each) {
      return each.code == code && each.decisive == decisive;
    });
    if (told == all.end()) {
      all.push_back({code, decisive, &step, std::move(why), {}});
    } else {
      told->others.push_back(row_label(step));
    }
  }
}

/// One bin of many decides nothing, the trend over all of them does.
void judge_soak(const ScenarioResult& result, Verdict& verdict) {
  if (result.soak->state == "UNDECIDED") {
    verdict.refuse("soak_undecided", result.soak->explanation);
  } else if (result.soak->state != "STEADY") {
    verdict.warn("soak_moved", result.soak->explanation);
  }
  const auto invalid =
      std::count_if(result.steps.begin(), result.steps.end(), [](const Step& s) { return !s.valid; });
  if (invalid > 0)
    verdict.warn("invalid_bins", words::invalid_bins(static_cast<std::size_t>(invalid), result.steps.size()));
}

/// A host that was gone: told once, whatever the number of rows that fell into it.
void judge_health(const Circumstances& circumstances, Verdict& verdict) {
  for (const Outage& outage : circumstances.outages) {
    const std::string sentence = outage_sentence(outage, circumstances.target);
    if (outage.ended) {
      verdict.reserve("restarted", words::absence_ended(sentence));
    } else {
      verdict.refuse("target_down", sentence);
    }
  }
}

/// An engine that began anew without a request that failed for it, or whose outage did not show the cause.
void judge_restarts(const ScenarioResult& result, const Circumstances& circumstances, Verdict& verdict) {
  if (result.steps.empty()) return;
  constexpr std::int64_t kSoon = 60;  // an engine loads before its page can be read again
  const auto begin = static_cast<std::int64_t>(result.steps.front().window_begin_seconds);
  const Step& last = result.steps.back();
  const auto end = static_cast<std::int64_t>(last.window_begin_seconds + last.duration_seconds);
  for (const std::int64_t second : circumstances.restarts) {
    if (second < begin || second > end) continue;
    const bool told =
        std::any_of(circumstances.outages.begin(), circumstances.outages.end(),
                    [&](const Outage& outage) { return outage.touches(second - kSoon, second + 1); });
    if (told) continue;
    verdict.reserve("restarted", words::engine_restarted(second));
  }
}

void judge_rows(const ScenarioResult& result, const Circumstances& circumstances, Verdict& verdict) {
  const auto decisive = decisive_invalid_rows(result, circumstances.seed);
  std::vector<Invalid> invalid;
  for (std::size_t i = 0; i < result.steps.size(); ++i) {
    const Step& step = result.steps[i];
    // Marked last, so its reason is the last one: what else was noted of the row is the row's.
    if (step.has_flag("DRIFT") && !step.reasons.empty()) verdict.warn("drift", step.reasons.back());
    if (step.valid || (step.has_flag("HANGING") && invalid_by_target_only(step)) ||  // told once
        (host_was_gone(step) && !(circumstances.outages.empty() && circumstances.restarts.empty())))
      continue;
    add_invalid(invalid, step, std::find(decisive.begin(), decisive.end(), i) != decisive.end());
  }
  for (const Invalid& each : invalid) {
    std::string text = words::at_rows(*each.first, each.why, each.others);
    each.decisive ? verdict.refuse(each.code, std::move(text)) : verdict.warn(each.code, std::move(text));
  }
}

/// Surely more than now and then, which is a connection that was idle for too long.
bool often_reconnected(const Step& step) {
  constexpr double kOften = 0.01;
  return proportion_lower(static_cast<double>(step.reconnects), static_cast<double>(step.requests.started)) >
         kOften;
}

/// What lies between us and the host, each told once, of the row with the highest load.
void judge_delivery(const ScenarioResult& result, Verdict& verdict) {
  const auto any = [](const Step&) { return true; };
  const auto told = [&](std::string_view flag, bool (*counts)(const Step&)) {
    const Step* last = nullptr;
    std::size_t rows = 0;
    for (const Step& step : result.steps) {
      if (!step.has_flag(flag) || !counts(step)) continue;
      ++rows;
      if (last == nullptr || step.load() >= last->load()) last = &step;
    }
    if (last == nullptr) return std::string();
    const std::string reason = words::reason_with(*last, flag);
    if (reason.empty()) return std::string();
    return words::at_row_of(*last, reason, rows, result.steps.size());
  };
  const bool limited = std::any_of(result.slo.criteria.begin(), result.slo.criteria.end(),
                                   [](const SloCriterion& c) { return !c.name.starts_with("e2e"); });
  if (std::string text = told("BUFFERED", any); !text.empty()) {
    // What was measured stands; limits on what could not be are not decided.
    limited ? verdict.reserve("buffered", std::move(text)) : verdict.warn("buffered", std::move(text));
  }
  if (std::string text = told("EARLY_FIRST", any); !text.empty())
    limited ? verdict.reserve("early_first", std::move(text)) : verdict.warn("early_first", std::move(text));
  if (std::string text = told("ECHO", any); !text.empty())
    limited ? verdict.reserve("echo", std::move(text)) : verdict.warn("echo", std::move(text));
  if (std::string text = told("FLUSHED", any); !text.empty()) verdict.warn("flushed", std::move(text));
  if (std::string text = told("CACHED_ANSWERS", any); !text.empty())
    verdict.reserve("cached_answers", std::move(text));
  if (std::string text = told("RECONNECTS", often_reconnected); !text.empty())
    verdict.warn("reconnects", std::move(text));
  if (std::string text = told("UNANSWERED", any); !text.empty()) verdict.warn("unanswered", std::move(text));
  if (std::string text = told("HANGING", any); !text.empty()) verdict.reserve("hanging", std::move(text));
}

void judge_windows(const ScenarioResult& result, Verdict& verdict) {
  const auto short_windows = std::count_if(result.steps.begin(), result.steps.end(),
                                           [](const Step& s) { return s.has_flag("SHORT_WINDOW"); });
  if (short_windows > 0) {
    verdict.warn("short_windows",
                 words::short_windows(static_cast<std::size_t>(short_windows), result.steps.size()));
  }
  // What is claimed of moving rows was not seen to stay.
  if (result.moving()) verdict.reserve("survey", words::survey());
}

std::size_t loads_of(const ScenarioResult& result) {
  std::set<double> loads;
  for (const Step& step : result.steps) loads.insert(step.load());
  return loads.size();
}

/// Whether what is claimed was confirmed, and is as precise as a search promises.
void judge_claims(const ScenarioResult& result, Verdict& verdict) {
  if (result.confirmation && result.confirmation->state == "CONTRADICTED") {
    verdict.refuse("contradicted", without_stop(result.confirmation->explanation));
  } else if (result.confirmation && result.confirmation->state == "MEASURED ONCE" && !result.moving()) {
    verdict.reserve("measured_once", without_stop(result.confirmation->explanation));
  }
  const Saturation& saturation = result.saturation;
  if (!saturation.ci95 && !saturation.lower_bound && loads_of(result) >= kFewestLoads &&
      !verdict.has("target_down"))
    verdict.reserve("undecided", words::rows_do_not_agree());
  const bool searched =
      std::any_of(result.steps.begin(), result.steps.end(), [](const Step& s) { return s.scout; });
  if (searched && saturation.ci95 && !saturation.concurrency) {
    constexpr double kScatters = 0.015;
    const double scatter = saturation.scatter_ratio.value_or(0);
    verdict.reserve(
        "imprecise",
        words::imprecise(*saturation.ci95, scatter < kScatters ? std::nullopt : std::optional(scatter)));
  }
}

void judge_findings(const ScenarioResult& result, const Circumstances& circumstances, Verdict& verdict) {
  // Pods that have a URL each are replicas, of which the client itself knows.
  const bool behind = pods_behind(result, circumstances.target) > 1 || has_ranks(result);
  auto slow = behind ? slow_pod(result) : std::nullopt;
  if (slow) {
    verdict.warn("slow_pod", std::move(*slow));
  } else if (auto sick = sick_replica(result)) {
    verdict.warn("sick_replica", std::move(*sick));
  } else {
    judge_light_load(result, verdict);  // a slow replica that serves light load alone makes it so, too
  }
  if (auto skew = pod_skew(result)) verdict.warn("pod_skew", std::move(*skew));
  remark_on_pages(result, verdict);
  if (result.proof && result.proof->state == "FAILS")
    verdict.refuse("proof_fails", result.proof->explanation);
  if (result.descent && result.descent->state == "HYSTERESIS")
    verdict.warn("hysteresis", result.descent->explanation);
  // Of a host that is gone, or that fails, or a generator at its limit no higher load would tell; nor where
  // no load is surely below.
  const std::string& limit = result.saturation.bottleneck;
  const bool told =
      verdict.has("target_down") || verdict.has("undecided") || limit == "errors" || limit == "client";
  if (!result.saturation.ci95 && loads_of(result) > 1 && !told)
    verdict.warn("not_saturated", words::not_saturated());
}

/// Whether the rows that are left after what was refuted is gone agree with each other, but for those of the
/// lowest load (what moves a lone request need not move a full host): the movement is over.
bool holds_still(const std::vector<Step>& steps) {
  std::vector<Step> left;
  double lowest = 0;
  for (const Step& step : steps) {
    if (step.has_flag(kSuperseded)) continue;
    if (lowest == 0 || step.load() < lowest) lowest = step.load();
    left.push_back(step);
  }
  const auto revisits = revisits_of(left);
  return std::none_of(revisits.begin(), revisits.end(), [&](const Revisit& revisit) {
    return revisit.moved() && left[revisit.after].load() > lowest;
  });
}

/// What lasts is told by rows that refused throughout, more than one.
bool lasting_rate_is_known(const std::vector<Step>& steps) {
  const auto burst = find_burst(steps);
  return burst && burst->rows > 1;
}

/// A host that moved. What a search measured again and held is true of the host as it is now, where nothing
/// that was refuted carries it. A ramp of fixed steps does not go back for the curve.
void judge_movement(const ScenarioResult& result, Verdict& verdict) {
  if (!result.movement) return;
  std::string text = without_stop(result.movement->explanation);  // says what to do as well
  const std::string& kind = result.movement->kind;
  const bool searched =
      std::any_of(result.steps.begin(), result.steps.end(), [](const Step& s) { return s.scout; });
  const bool over = kind == "burst"     ? lasting_rate_is_known(result.steps)
                    : kind == "warming" ? holds_still(result.steps)
                                        : true;
  const bool held = searched && result.confirmation && result.confirmation->state == "HOLDS" && over;
  const bool scan = loads_of(result) >= kFewestLoads;  // fewer claim nothing that could be wrong
  if (scan && !held) {
    verdict.reserve("moved", std::move(text));
  } else {
    verdict.warn("moved", std::move(text));
  }
}

/// What befell the whole run, whatever its rows say.
void judge_run(const Report& report, std::size_t scenarios, bool unfinished, Verdict& verdict) {
  if (report.interrupted) {
    verdict.refuse("interrupted", unfinished ? words::interrupted_without_end(report.duration_seconds)
                                             : words::interrupted());
  }
  if (!report.stopped_by.empty())
    verdict.refuse(report.stopped_by.starts_with(kStoppedByUser) ? "user_stopped" : "guard_rail",
                   words::stopped_by(report.stopped_by));
  if (!report.fleet_failure.empty()) {
    verdict.refuse("agent_lost", report.fleet_failure);
  } else if (report.agents_lost > 0) {
    verdict.warn("agent_lost", words::agents_lost(report.agents, report.agents_lost, report.agents_returned,
                                                  report.steps_lost));
  }
  if (report.results.size() < scenarios)
    verdict.refuse("not_measured", words::not_measured(scenarios - report.results.size(), scenarios));
  for (const Resumption& resumption : report.resumed) verdict.warn("resumed", words::resumed(resumption));
  if (report.clock_uncertainty_seconds.value_or(0) > kClockTolerance)
    verdict.warn("clocks", words::clocks_differ(*report.clock_uncertainty_seconds));
}

}  // namespace

Verdict judge(const ScenarioResult& result, const Circumstances& circumstances) {
  Verdict verdict;
  judge_health(circumstances, verdict);
  judge_restarts(result, circumstances, verdict);
  if (std::none_of(result.steps.begin(), result.steps.end(), [](const Step& s) { return s.valid; })) {
    // Of a host that is gone that is said, and what to do about it.
    if (!verdict.has("target_down")) verdict.refuse("no_valid_step", words::no_valid_step());
  } else if (std::none_of(result.steps.begin(), result.steps.end(), stands)) {
    verdict.refuse("nothing_stands", words::nothing_stands());
  }
  judge_token_counts(result, verdict);
  judge_answer_lengths(result, verdict);
  judge_answer_models(result, verdict);
  judge_delivery(result, verdict);
  if (result.soak) {
    judge_soak(result, verdict);
    return verdict;
  }
  judge_rows(result, circumstances, verdict);
  judge_windows(result, verdict);
  judge_claims(result, verdict);
  judge_movement(result, verdict);
  judge_findings(result, circumstances, verdict);
  return verdict;
}

Verdict judge(const Report& report, std::size_t scenarios, bool unfinished) {
  Verdict verdict;
  judge_run(report, scenarios, unfinished, verdict);
  for (const ScenarioResult& result : report.results) {
    for (Remark remark : result.verdict.remarks()) {
      if (report.results.size() > 1) remark.text = words::of_result(result, remark.text);
      verdict.add(std::move(remark));
    }
  }
  return verdict;
}

}  // namespace kneepoint::coordinator
