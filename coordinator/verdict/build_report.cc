#include "coordinator/verdict/build_report.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "coordinator/measure/client_load.h"
#include "coordinator/measure/delivery.h"
#include "coordinator/measure/in_step.h"
#include "coordinator/measure/reconcile.h"
#include "coordinator/measure/repeat.h"
#include "coordinator/measure/slowest.h"
#include "coordinator/measure/token_count.h"
#include "coordinator/measure/validity.h"
#include "coordinator/measure/window.h"
#include "coordinator/verdict/after_top.h"
#include "coordinator/verdict/annotate.h"
#include "coordinator/verdict/attribution.h"
#include "coordinator/verdict/confirmation.h"
#include "coordinator/verdict/drift.h"
#include "coordinator/verdict/host_speed.h"
#include "coordinator/verdict/judge.h"
#include "coordinator/verdict/movement.h"
#include "coordinator/verdict/recommend.h"
#include "coordinator/verdict/restarts.h"
#include "coordinator/verdict/saturation.h"
#include "coordinator/verdict/scatter.h"
#include "coordinator/verdict/slo.h"
#include "coordinator/verdict/soak.h"
#include "coordinator/verdict/supersede.h"
#include "coordinator/verdict/token_counts.h"
#include "coordinator/words/remarks.h"
#include "coordinator/words/rows.h"
#include "coordinator/words/saturation.h"

namespace kneepoint::coordinator {
namespace {

/// Who took part: one that came back has several entries.
std::set<std::string> names_of(const RunFacts& facts) {
  std::set<std::string> names;
  for (const RunFacts::Agent& agent : facts.agents) names.insert(agent.name);
  return names;
}

Totals totals_of(const Timeline& timeline, const std::vector<Cell>& cells) {
  Totals totals;
  double tokens = 0;
  for (const Cell& cell : cells) {
    const SeriesStats sum = counts_of_cell(timeline, cell.id);
    totals.started += sum.started;
    totals.completed += sum.completed();
    totals.failed += sum.failed();
    totals.cancelled += sum.outcomes[static_cast<std::size_t>(Outcome::kCancelled)];
    totals.reconnects += sum.reconnects;
    tokens += chunk_rate(sum, sum).ended(sum);
  }
  totals.output_tokens = static_cast<std::uint64_t>(std::llround(tokens));
  return totals;
}

/// Everything that is decided from a result's rows, once they are all there.
void conclude(ScenarioResult& result, const Ramp& ramp, const std::vector<SloLimit>& slo,
              const RunFacts& facts) {
  if (!ramp.soak) {
    if (!result.moving()) mark_speed(result.steps);
    // What is left once the first is gone may show another, as it did while it was measured.
    constexpr int kMostChanges = 4;
    for (int i = 0; i < kMostChanges && mark_superseded(result.steps);) ++i;
  }
  if (!ramp.soak && !result.moving()) result.movement = find_movement(result.steps);
  result.saturation =
      find_saturation(result.steps, {.seed = facts.seed, .moved = result.movement.has_value()});
  result.slo = find_slo(result.steps, slo);
  if (ramp.soak) {
    result.soak = judge_soak(result.steps);
  } else {
    mark_drift(result.steps);
  }
  annotate(result.steps, result.saturation);
  if (!ramp.soak) {
    result.confirmation = judge_confirmation(result.steps, result.saturation);
    // From here on, as everything that was decided so far makes it a part of the errors by itself.
    const double scatter =
        std::hypot(result.saturation.scatter_ratio.value_or(0), known_scatter(result.steps));
    widen_by_scatter(result.steps, scatter);
    widen_by_scatter(result.after, scatter);
  }
  if (!ramp.proof.empty()) {
    result.proof = judge_proof(result.steps, result.after, ramp.proof, names_of(facts).size(),
                               result.movement.has_value());
  }
  if (ramp.descend) result.descent = judge_descent(result.steps, result.after, result.saturation.middle());
}

/// The rows of a cell; of descending ones also how long the host took to recover.
void measure_rows(ScenarioResult& result, const Plan& plan, const Timeline& timeline, const Cell& cell,
                  const std::vector<StepWindow>& windows, const std::string& run_id) {
  for (const StepWindow& window : windows) {
    if (window.cell != cell.id) continue;
    Step step = measure_step(timeline, plan, cell, window);
    step.slowest = slowest_in(timeline, window, run_id);
    if (window.role == StepRole::kRamp) {
      result.steps.push_back(std::move(step));
      continue;
    }
    const Step* before = reference_row(result.steps, step.concurrency);
    if (window.role == StepRole::kDescent && before != nullptr) {
      step.recovery_seconds = recovery_seconds(timeline, window, *before);
    }
    result.after.push_back(std::move(step));
  }
}

/// Where a request's first token takes its time, where the server's own clock tells and is of our requests.
void split_ttft(StepTelemetry& told, const Step& step) {
  if (told.page.state != "covered" || !told.ttft_mean_seconds) return;
  if (step.ttft_seconds.mean)
    told.outside_server_seconds = std::max(0.0, *step.ttft_seconds.mean - *told.ttft_mean_seconds);
  if (told.queue_time_mean_seconds && told.prefill_time_mean_seconds) {
    told.front_end_seconds = std::max(
        0.0, *told.ttft_mean_seconds - *told.queue_time_mean_seconds - *told.prefill_time_mean_seconds);
  }
}

/// A server cannot need longer for its part of a request than the client waits for all of it, nor hold more
/// than were sent: then its times are not in seconds.
bool times_are_off(const StepTelemetry& told, const Step& step) {
  constexpr double kSurely = 2;  // requests of other seconds are in its mean
  if (told.page.state != "covered") return false;
  const double held = told.running_by_time.value_or(0) + told.waiting_by_time.value_or(0);
  if (step.achieved_concurrency && held > kSurely * *step.achieved_concurrency + 1) return true;
  return told.ttft_mean_seconds && step.e2e_seconds.mean &&
         *told.ttft_mean_seconds > kSurely * *step.e2e_seconds.mean;
}

/// What the target said of itself in each step's window, held against what the client saw.
void add_telemetry(std::vector<Step>& steps, const TelemetrySeries& telemetry, const std::string& target,
                   const ClientLoad& client) {
  ClientLoad all_of_ours = client;
  if (const Readings* beside = telemetry.bystander_readings(target)) all_of_ours.add_bystander(*beside);
  const Reconciler reconciler(all_of_ours, telemetry.pages(target));
  for (Step& step : steps) {
    const double begin = step.window_begin_seconds, end = begin + step.duration_seconds;
    step.bystander = telemetry.bystander(target, begin, end);
    StepTelemetry told = telemetry.summarise(target, begin, end);
    if (told != StepTelemetry{}) {
      told.page = reconciler.check(begin, end);
      if (told.page.state == "rotating") told.forget_counters();
      if (times_are_off(told, step)) {
        told.forget_times();
        step.warn("PAGE_TIMES", words::page_times_off());
      }
      split_ttft(told, step);
      step.telemetry = std::move(told);
    }
    if (streams_in_step(step, client)) step.warn("IN_STEP", words::streams_in_step());
  }
}

std::set<std::uint32_t> cells_of_target(const std::vector<Cell>& cells, std::uint32_t target) {
  std::set<std::uint32_t> ids;
  for (const Cell& cell : cells) {
    if (cell.target == target) ids.insert(cell.id);
  }
  return ids;
}

/// What gave out first, with its evidence.
void attribute(ScenarioResult& result, std::size_t replicas) {
  const Attribution attribution = find_bottleneck({.steps = result.steps,
                                                   .saturation = result.saturation.from(),
                                                   .knee_kind = result.saturation.knee_kind,
                                                   .replicas = replicas,
                                                   .range = result.saturation.ci95});
  result.saturation.bottleneck = attribution.bottleneck;
  if (const std::string text = attribution.text(); !text.empty()) result.saturation.explanation += " " + text;
}

/// The steps of a fixed ramp stay one for each step of the plan, in its order: what was measured again beside
/// the knee stands with what else came after the ramp. A search has no such order.
void set_apart(ScenarioResult& result, const Ramp& ramp) {
  if (ramp.search) return;
  const auto again =
      std::stable_partition(result.steps.begin(), result.steps.end(), [](const Step& s) { return !s.look; });
  for (auto step = again; step != result.steps.end(); ++step) {
    step->role = "confirmation";
    step->note = words::measured_again() + (step->note.empty() ? "" : "; " + step->note);
  }
  result.after.insert(result.after.begin(), std::make_move_iterator(again),
                      std::make_move_iterator(result.steps.end()));
  result.steps.erase(again, result.steps.end());
}

std::size_t count_lost(const std::vector<Step>& steps) {
  return static_cast<std::size_t>(
      std::count_if(steps.begin(), steps.end(), [](const Step& step) { return step.has_flag(kAgentLost); }));
}

/// Rows that lost an agent and were run again decide nothing: what is concluded is concluded without them, as
/// the run did when it chose its steps.
std::vector<Step> take_lost(std::vector<Step>& steps) {
  std::vector<Step> kept, lost;
  for (auto step = steps.begin(); step != steps.end(); ++step) {
    const bool again =
        step->has_flag(kAgentLost) && std::any_of(std::next(step), steps.end(), [&](const Step& later) {
          return later.load() == step->load() && later.role == step->role && later.agents == step->agents &&
                 !later.has_flag(kAgentLost);
        });
    if (again) step->note = words::lost_and_run_again();
    (again ? lost : kept).push_back(std::move(*step));
  }
  steps = std::move(kept);
  return lost;
}

/// In the order in which they were run.
void put_back(std::vector<Step> lost, std::vector<Step>& steps) {
  const auto middle = static_cast<std::ptrdiff_t>(steps.size());
  steps.insert(steps.end(), std::make_move_iterator(lost.begin()), std::make_move_iterator(lost.end()));
  std::inplace_merge(steps.begin(), steps.begin() + middle, steps.end(), [](const Step& a, const Step& b) {
    return a.window_begin_seconds < b.window_begin_seconds;
  });
}

}  // namespace

Report build_report(const Plan& plan, const Timeline& timeline, const std::vector<StepWindow>& windows,
                    const RunFacts& facts, const TelemetrySeries& telemetry) {
  Report report{.run_id = facts.run_id,
                .run_name = plan.name,
                .version = facts.version,
                .started_at = facts.started_at};
  report.duration_seconds = to_seconds(facts.duration);
  report.interrupted = facts.interrupted;
  report.alternated = plan.alternate;
  report.stopped_by = facts.stopped_by;
  report.resumed = facts.resumed;
  report.fleet_failure = facts.fleet_failure;
  report.agents = names_of(facts).size();
  report.agents_returned = facts.agents.size() - report.agents;
  for (const RunFacts::Agent& agent : facts.agents) {
    if (agent.presence.over()) ++report.agents_lost;
    report.clock_uncertainty_seconds =
        std::max(report.clock_uncertainty_seconds.value_or(0), to_seconds(agent.clock_round_trip) / 2);
  }

  std::vector<std::string> gone;  // targets of scenarios of which there is no row
  const std::vector<Cell> cells = cells_of(plan);
  for (const Cell& cell : cells) {
    ScenarioResult result{.target = plan.targets[cell.target].name,
                          .scenario = plan.scenarios[cell.scenario].name,
                          .model = plan.targets[cell.target].model};
    if (const auto load = facts.load_seconds.find(cell.target); load != facts.load_seconds.end()) {
      result.load_seconds = load->second;
    }
    if (const auto from = facts.datasets.find(cell.id); from != facts.datasets.end())
      result.dataset = from->second;
    if (const auto asked = facts.workloads.find(cell.id); asked != facts.workloads.end())
      result.workload = asked->second;
    const Target& target = plan.targets[cell.target];
    const Circumstances circumstances{.outages = find_outages(timeline, target, cell.id),
                                      .restarts = find_restarts(telemetry, target.name),
                                      .target = target,
                                      .seed = facts.seed};
    measure_rows(result, plan, timeline, cell, windows, facts.run_id);
    report.steps_lost += count_lost(result.steps) + count_lost(result.after);
    if (result.steps.empty()) {
      for (const Outage& outage : circumstances.outages)
        gone.push_back(words::of_result(result, outage_sentence(outage, target)));
      continue;
    }
    const ClientLoad client(timeline, cells_of_target(cells, cell.target));
    add_telemetry(result.steps, telemetry, result.target, client);
    mark_restarts(result.steps, circumstances.restarts);
    settle_token_counts(result.steps, result.after);
    settle_flushes(result.steps, result.after);
    std::vector<Step> lost = take_lost(result.steps), lost_after = take_lost(result.after);
    conclude(result, plan.scenarios[cell.scenario].ramp, cell.slo, facts);
    attribute(result, target.urls.size());
    const Ramp& ramp = plan.scenarios[cell.scenario].ramp;
    if (const auto cut = facts.cut_short.find(cell.id); cut != facts.cut_short.end()) {
      result.saturation.explanation += " " + words::ramp_ended_early(ramp.search.has_value(), cut->second);
    }
    result.verdict = judge(result, circumstances);
    const bool whole = !report.interrupted && report.stopped_by.empty() && report.fleet_failure.empty();
    // A survey gives no figures to plan by.
    if (whole && result.verdict.valid() && !result.moving())
      result.recommendations = recommend(result, target);
    put_back(std::move(lost), result.steps);
    put_back(std::move(lost_after), result.after);
    set_apart(result, ramp);
    report.results.push_back(std::move(result));
  }
  report.totals = totals_of(timeline, cells);

  report.verdict = judge(report, cells.size(), facts.unfinished);
  for (std::string& sentence : gone) report.verdict.refuse("target_down", std::move(sentence));
  return report;
}

}  // namespace kneepoint::coordinator
