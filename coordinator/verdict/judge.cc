#include "coordinator/verdict/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "coordinator/measure/validity.h"
#include "coordinator/results/units.h"
#include "coordinator/verdict/page_remarks.h"
#include "coordinator/verdict/sick_replica.h"

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

std::string code_of_invalid(const Step& step) {
  const auto failed = failed_gates(step);
  return failed.empty() ? "invalid_row" : code_of(failed.front());
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
    verdict.warn("invalid_bins", fmt::format("{} of {} bins are invalid", invalid, result.steps.size()));
}

void judge_rows(const ScenarioResult& result, Verdict& verdict) {
  const auto& knee = result.saturation.concurrency;
  for (const Step& step : result.steps) {
    // Marked last, so its reason is the last one: what else was noted of the row is the row's.
    if (step.has_flag("DRIFT") && !step.reasons.empty()) verdict.warn("drift", step.reasons.back());
    if (step.valid) continue;
    std::string reason = fmt::format("at {}: {}", row_label(step), fmt::join(step.reasons, "; "));
    // A host that refuses is a finding, not a fault of the measurement; rows past twice the knee did not
    // decide it.
    if (invalid_by_target_only(step) || (knee && step.load() > 2 * *knee)) {
      verdict.warn(code_of_invalid(step), std::move(reason));
    } else {
      verdict.refuse(code_of_invalid(step), std::move(reason));
    }
  }
}

void judge_windows(const ScenarioResult& result, Verdict& verdict) {
  const auto short_windows = std::count_if(result.steps.begin(), result.steps.end(),
                                           [](const Step& s) { return s.has_flag("SHORT_WINDOW"); });
  if (short_windows > 0) {
    verdict.warn("short_windows",
                 fmt::format("{} of {} windows are short against the time that a request takes; "
                             "their intervals are doubled",
                             short_windows, result.steps.size()));
  }
  if (result.moving()) {
    verdict.warn("survey",
                 "every row is a survey, because the load moved all the time: figures lag behind it, "
                 "and none is of a steady state. Confirm them with a stepped ramp or a search");
  }
}

void judge_findings(const ScenarioResult& result, Verdict& verdict) {
  if (auto sick = sick_replica(result))
    verdict.warn("sick_replica", std::move(*sick), "Take it out, or look after it, and measure again");
  remark_on_pages(result, verdict);
  if (result.proof && result.proof->state == "FAILS")
    verdict.refuse("proof_fails", result.proof->explanation);
  if (result.descent && result.descent->state == "HYSTERESIS")
    verdict.warn("hysteresis", result.descent->explanation);
  if (!result.saturation.concurrency && result.steps.size() > 1)
    verdict.warn("not_saturated", "saturation was not reached");
}

/// What befell the whole run, whatever its rows say.
void judge_run(const Report& report, std::size_t scenarios, bool unfinished, Verdict& verdict) {
  if (report.interrupted) {
    verdict.refuse("interrupted",
                   unfinished
                       ? fmt::format("the run was interrupted: its recording ends after {}, and only steps "
                                     "that were complete by then are reported",
                                     format_time(report.duration_seconds))
                       : "the run was interrupted");
  }
  if (!report.stopped_by.empty())
    verdict.refuse("guard_rail", "the run was stopped by a " + report.stopped_by);
  if (report.agents_lost > 0) {
    verdict.refuse("agent_lost", fmt::format("{} of {} agents were lost", report.agents_lost, report.agents));
  }
  if (report.results.size() < scenarios) {
    verdict.refuse("not_measured", fmt::format("{} of {} scenarios were not measured",
                                               scenarios - report.results.size(), scenarios));
  }
  if (report.clock_uncertainty_seconds.value_or(0) > kClockTolerance) {
    verdict.warn("clocks", fmt::format("agents' clocks may differ by {}",
                                       format_time(*report.clock_uncertainty_seconds)));
  }
}

}  // namespace

Verdict judge(const ScenarioResult& result) {
  Verdict verdict;
  if (std::none_of(result.steps.begin(), result.steps.end(), [](const Step& s) { return s.valid; }))
    verdict.refuse("no_valid_step", "no step is valid");
  if (result.soak) {
    judge_soak(result, verdict);
    return verdict;
  }
  judge_rows(result, verdict);
  judge_windows(result, verdict);
  judge_findings(result, verdict);
  return verdict;
}

Verdict judge(const Report& report, std::size_t scenarios, bool unfinished) {
  Verdict verdict;
  judge_run(report, scenarios, unfinished, verdict);
  for (const ScenarioResult& result : report.results) {
    for (Remark remark : result.verdict.remarks()) {
      if (report.results.size() > 1)
        remark.text = fmt::format("{} on {}: {}", result.scenario, result.target, remark.text);
      verdict.add(std::move(remark));
    }
  }
  return verdict;
}

}  // namespace kneepoint::coordinator
