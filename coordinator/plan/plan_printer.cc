#include "coordinator/plan/plan_printer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "common/dataset.h"
#include "common/plural.h"
#include "common/whole_seconds.h"
#include "coordinator/plan/duration.h"
#include "coordinator/plan/search_budget.h"
#include "coordinator/plan/target_printer.h"
#include "coordinator/plan/workload_printer.h"
#include "coordinator/telemetry/guard_rails.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

// The shortest window in which batch means are worth having, and the fewest requests behind a p95.
constexpr Nanos kShortWindow = 20s;
constexpr std::uint32_t kRequestsForP95 = 130;

/// Between steps the added slots start spread out, and a cell ends when its last answers have arrived.
constexpr Nanos kBetweenSteps = 1s;
/// What searches took on the models of docs/method.md: rows, and minutes where windows are as long as needed.
constexpr std::size_t kFewestSearchSteps = 15, kMostSearchSteps = 30;
constexpr Nanos kShortestSearch = 10min, kLongestSearch = 25min;

std::string span(const std::string& least, const std::string& most) {
  return least == most ? least : least + " to " + most;
}

std::string describe_span(Nanos least, Nanos most) {
  const auto whole = [](Nanos t) { return format_duration(std::chrono::ceil<std::chrono::seconds>(t)); };
  return span(whole(least), whole(most));
}

std::string describe_search(const Ramp& ramp) {
  const Search& search = *ramp.search;
  std::string text = fmt::format("search for saturation, up to {} requests in flight, to within {:g} %",
                                 search.max, search.precision * 100);
  text += fmt::format("\n{:15}each step: at least {} warm-up, then ", "", format_duration(ramp.warmup));
  text += ramp.hold ? fmt::format("{} measured", format_duration(*ramp.hold))
                    : "as long as its figures need (20s to 5m)";
  text += fmt::format("\n{:15}at most {} in all", "", format_duration(search_budget(ramp)));
  if (!search.max_duration)
    text += fmt::format(", or the time of {} answers where that is longer (up to {})", kSearchCycles,
                        format_duration(kLongestSlowSearch));
  return text;
}

/// @param what comes in an open loop: "requests" or "sessions".
std::string describe_linear(const Ramp& ramp, std::string_view what) {
  const LinearRamp& linear = *ramp.linear;
  return fmt::format("{:g} to {:g} {} over {}, without a stand", linear.from, linear.to,
                     ramp.open ? fmt::format("{} a second", what) : "requests in flight",
                     format_duration(linear.over));
}

std::string describe_open_loop(const Ramp& ramp, std::string_view what) {
  const OpenLoop& open = *ramp.open;
  const ArrivalProcess& process = open.steps.front();
  std::string text;
  if (ramp.linear) {
    text = fmt::format("open loop: {}, {} arrivals", describe_linear(ramp, what), to_string(process.kind));
  } else if (process.kind == ArrivalProcess::Kind::kTrace) {
    text = fmt::format("open loop: {} as the trace says, {:.4g} a second on average", what, process.rate);
  } else {
    std::vector<double> rates;
    for (const ArrivalProcess& step : open.steps) rates.push_back(step.rate);
    text = fmt::format("open loop, {}: {:g} {} a second, {} arrivals", plural(rates.size(), "step"),
                       fmt::join(rates, " "), what, to_string(process.kind));
  }
  if (process.kind == ArrivalProcess::Kind::kGamma)
    text += fmt::format(" of burstiness {:g}", process.burstiness);
  return text + fmt::format("\n{:15}at most {} {}; the others wait", "", open.max_in_flight,
                            what == "sessions" ? "open" : "in flight");
}

/// How many steps confirming takes: up and down again, where L, H and twice these are three or four loads;
/// twice that where the looks disagree.
constexpr int kFewestVisits = 6;
constexpr int kMostVisits = 16;

Nanos step_time(const Ramp& ramp) {
  return ceil_second(ramp.warmup) + ceil_second(ramp.hold.value_or(Nanos(0)));
}

/// What follows the ramp, a line each.
std::string describe_afterwards(const Ramp& ramp) {
  std::string text;
  const auto line = [&](const std::string& words) { text += fmt::format("\n{:15}{}", "", words); };
  if (ramp.confirm) {
    line(fmt::format(
        "then the steps beside the knee again, up and down, {} to {}: confirm: false leaves them out",
        format_duration(kFewestVisits * step_time(ramp)), format_duration(kMostVisits * step_time(ramp))));
  }
  if (!ramp.proof.empty()) {
    const bool one = ramp.proof.back() == 1;
    line(fmt::format("then a proof: the knee again with {} agent{}", fmt::join(ramp.proof, ", then "),
                     one ? "" : "s"));
  }
  if (!ramp.stop_when_down) line("and goes on when its target gives nothing but failures");
  if (ramp.descend) line("then back down from the top, for hysteresis and recovery");
  return text;
}

std::string describe_steps(const Ramp& ramp, std::string_view what) {
  if (ramp.search) return describe_search(ramp);
  if (ramp.soak) {
    return fmt::format("soak: {} requests in flight for {}, measured in bins of {}\n{:15}{} warm-up",
                       ramp.steps.front(), format_duration(*ramp.hold), format_duration(soak_bin(*ramp.hold)),
                       "", format_duration(ramp.warmup));
  }
  std::string text =
      ramp.open     ? describe_open_loop(ramp, what)
      : ramp.linear ? describe_linear(ramp, what)
                    : fmt::format("{}: {}", plural(ramp.steps.size(), "step"), fmt::join(ramp.steps, " "));
  if (ramp.linear) {
    text += fmt::format("\n{:15}", "");
    if (ramp.warmup > 0s)
      text += fmt::format("{} warm-up at {:g}, then ", format_duration(ramp.warmup), ramp.linear->from);
    return text + fmt::format("{} of {}, flagged MOVING: a survey", plural(ramp.step_count(), "row"),
                              format_duration(*ramp.hold));
  }
  text += fmt::format("\n{:15}each step: ", "");
  if (ramp.warmup > 0s) text += fmt::format("{} warm-up, then ", format_duration(ramp.warmup));
  return text + (ramp.requests ? fmt::format("{}", plural(*ramp.requests, "request"))
                               : fmt::format("{} measured", format_duration(ramp.hold.value_or(0s))));
}

std::string describe_ramp(const Scenario& scenario) {
  return describe_steps(scenario.ramp, scenario.workload.thinks() ? "sessions" : "requests") +
         describe_afterwards(scenario.ramp);
}

std::string describe_slo(const std::vector<SloLimit>& slo) {
  std::vector<std::string> limits;
  for (const SloLimit& limit : slo) {
    limits.push_back(fmt::format("{} p{:g}{} <= {}", to_string(limit.metric), limit.quantile * 100,
                                 limit.prompt_class.empty() ? "" : " of " + limit.prompt_class,
                                 format_duration(limit.limit)));
  }
  return limits.empty() ? "none" : fmt::format("{}", fmt::join(limits, ", "));
}

std::string describe_time(const Ramp& ramp) {
  if (ramp.search) {
    const Forecast likely = forecast(ramp);
    return fmt::format("likely {} for {} to {} steps, longer where answers take more than a few seconds{}",
                       describe_span(likely.least, likely.most), likely.fewest_steps, likely.most_steps,
                       ramp.descend || !ramp.proof.empty() ? "; then the steps after it" : "");
  }
  const auto time = planned_time(ramp);
  if (time && ramp.confirm)
    return fmt::format("{}, and {} or more to confirm", format_duration(*time),
                       format_duration(least_confirmation(ramp)));
  if (time) return format_duration(*time);
  return fmt::format("as long as {} take",
                     plural(std::size_t{ramp.requests.value_or(0)} * ramp.steps.size(), "request"));
}

/// The fewest requests in flight of a closed loop's steps.
std::uint32_t lowest_step(const Ramp& ramp) {
  if (ramp.linear) return static_cast<std::uint32_t>(std::min(ramp.linear->from, ramp.linear->to));
  return *std::min_element(ramp.steps.begin(), ramp.steps.end());
}

std::string describe_limit(const GuardLimit& limit) {
  const auto own = own_figure(limit.metric);
  std::string text = fmt::format(
      "{} {} {}", limit.metric, limit.below ? "below" : "above",
      own && own->seconds ? format_duration(from_seconds(limit.limit)) : fmt::format("{:g}", limit.limit));
  if (!limit.source.empty()) text += " at " + limit.source;
  if (limit.seconds > 1) text += fmt::format(" for {}", format_duration(std::chrono::seconds(limit.seconds)));
  return text;
}

/// From a session's first request to its last but for its answers, on average.
Nanos mean_session(const Workload& workload, const Plan& plan) {
  const Conversation& conversation = *workload.conversation;
  double turns = 0;
  if (conversation.turns) {
    turns = conversation.turns->expected();
  } else {
    const auto& entries = plan.datasets.at(workload.dataset->hash)->entries;
    for (const DatasetEntry& entry : entries) turns += static_cast<double>(entry.turn_count());
    turns /= static_cast<double>(entries.size());
  }
  return from_seconds(std::max(0.0, turns - 1) * conversation.think_time.expected());
}

/// An open loop of sessions has its load only once the first of them have come to their last turns.
void warn_about_filling(const Scenario& scenario, const Plan& plan, std::vector<std::string>& warnings) {
  const auto& open = scenario.ramp.open;
  if (!open || !scenario.workload.conversation) return;
  if (open->steps.front().kind == ArrivalProcess::Kind::kTrace) return;  // as it was
  const Nanos session = ceil_second(mean_session(scenario.workload, plan));
  if (session <= scenario.ramp.warmup) return;
  warnings.push_back(fmt::format(
      "{}: a session takes {} and more from its first turn to its last, the warm-up only {}: what "
      "is measured is less load than the rate stands for; set warmup to {} or more.",
      scenario.name, format_duration(session), format_duration(scenario.ramp.warmup),
      format_duration(session)));
}

void warn_about_ramp(const Scenario& scenario, const Plan& plan, std::vector<std::string>& warnings) {
  const Ramp& ramp = scenario.ramp;
  if (!ramp.linear && ramp.hold && *ramp.hold < kShortWindow) {
    warnings.push_back(
        fmt::format("{}: a hold of {} is short. Below {}, or ten answers' time, intervals are wide and "
                    "rows may be flagged SHORT_WINDOW.",
                    scenario.name, format_duration(*ramp.hold), format_duration(kShortWindow)));
  }
  if (!ramp.linear && ramp.hold && ramp.warmup == 0s) {
    warnings.push_back(fmt::format(
        "{}: without a warm-up each window holds the transition from the step before.", scenario.name));
  }
  warn_about_filling(scenario, plan, warnings);
  if (ramp.search || ramp.open) return;  // a search starts with a request for each replica
  const std::uint32_t most = highest_step(ramp);
  const std::uint32_t fewest = lowest_step(ramp);
  if (ramp.requests && *ramp.requests < most) {
    warnings.push_back(fmt::format("{}: {} cannot keep {} in flight; raise requests.", scenario.name,
                                   plural(*ramp.requests, "request"), most));
  }
  if (ramp.requests && *ramp.requests < kRequestsForP95 && !scenario.slo.empty()) {
    warnings.push_back(fmt::format("{}: {} a step are too few to judge a limit; p95 needs {}.", scenario.name,
                                   plural(*ramp.requests, "request"), kRequestsForP95));
  }
  for (const Target& target : plan.targets) {
    const bool chosen =
        scenario.targets.empty() ||
        std::find(scenario.targets.begin(), scenario.targets.end(), target.name) != scenario.targets.end();
    if (!chosen || fewest >= target.urls.size()) continue;
    warnings.push_back(fmt::format("{}: a step of {} leaves some of the {} replicas of {} idle.",
                                   scenario.name, fewest, target.urls.size(), target.name));
  }
}

/// Those of the ramp and those after it; of a search, only those after it that are known.
std::size_t planned_steps(const Ramp& ramp) {
  std::size_t steps = ramp.step_count() + ramp.proof.size();
  if (ramp.descend) steps += std::set<std::uint32_t>(ramp.steps.begin(), ramp.steps.end()).size();
  return steps;
}

}  // namespace

std::optional<Nanos> planned_time(const Ramp& ramp) {
  if (ramp.search) return search_budget(ramp);
  if (!ramp.hold) return std::nullopt;
  if (ramp.linear) return ramp.warmup + ramp.linear->over;
  return (ramp.warmup + *ramp.hold) * static_cast<Nanos::rep>(planned_steps(ramp));
}

Ramp ramp_as_run(const Plan& plan, const Scenario& scenario) {
  Ramp ramp = scenario.ramp;
  if (!plan.alternate) return ramp;
  ramp.confirm = false;
  const auto twice = [](auto& steps) {
    for (auto step = steps.begin(); step != steps.end(); step += 2) step = steps.insert(step, *step);
  };
  twice(ramp.steps);
  if (ramp.open) twice(ramp.open->steps);
  return ramp;
}

Nanos least_confirmation(const Ramp& ramp) {
  return ramp.confirm ? kFewestVisits * step_time(ramp) : Nanos(0);
}

Forecast forecast(const Ramp& ramp) {
  if (!ramp.search) {
    const std::size_t steps = planned_steps(ramp);
    const std::size_t stands = ramp.linear ? 1 : steps;
    const Nanos time = planned_time(ramp).value_or(0s) + kBetweenSteps * static_cast<Nanos::rep>(stands);
    return {.fewest_steps = steps, .most_steps = steps, .least = time, .most = time};
  }
  Forecast likely{.fewest_steps = kFewestSearchSteps,
                  .most_steps = kMostSearchSteps,
                  .least = kShortestSearch,
                  .most = kLongestSearch};
  if (ramp.hold) {
    const Nanos step = ramp.warmup + *ramp.hold + kBetweenSteps;
    likely.least = step * static_cast<Nanos::rep>(likely.fewest_steps);
    likely.most = step * static_cast<Nanos::rep>(likely.most_steps);
  }
  likely.least = std::min(likely.least, search_budget(ramp));
  likely.most = std::min(likely.most, search_budget(ramp));
  return likely;
}

std::string of_a_search(const Ramp& ramp, std::size_t step) {
  const Forecast likely = forecast(ramp);
  std::string text = step <= likely.most_steps
                         ? fmt::format(" of {} to {}", likely.fewest_steps, likely.most_steps)
                         : fmt::format(" ({} are usual)", likely.most_steps);
  if (!ramp.proof.empty()) text += ", then proof";
  if (ramp.descend) text += ramp.proof.empty() ? ", then descent" : " and descent";
  return text;
}

std::vector<std::string> plan_warnings(const Plan& plan) {
  std::vector<std::string> warnings;
  for (const Target& target : plan.targets) warn_about_target(target, plan, warnings);
  for (const Scenario& scenario : plan.scenarios) {
    warn_about_workload(scenario, plan, warnings);
    warn_about_ramp(scenario, plan, warnings);
  }
  return warnings;
}

std::string describe_plan(const Plan& plan) {
  std::string text = fmt::format("Plan {} (seed {})\n\nTargets\n", plan.name, plan.seed);
  for (const Target& target : plan.targets) text += describe_target(target);
  if (plan.bystander)
    text += fmt::format("\nBeside the load: one token asked of each target every {}\n",
                        format_duration(plan.bystander->every));
  if (!plan.guard_rails.empty()) text += "\nThe run stops when\n";
  for (const GuardLimit& limit : plan.guard_rails) text += fmt::format("  {}\n", describe_limit(limit));
  if (!plan.thresholds.empty()) text += "\nThe run exits with 4 where\n";
  for (const Threshold& threshold : plan.thresholds) text += fmt::format("  {}\n", threshold.text);

  if (plan.alternate)
    text +=
        "\nThe two targets take turns at each load, in the order A, B, B, A; nothing is confirmed after "
        "it.\n";
  if (plan.stop_when_agent_lost) text += "\nThe run stops when an agent is lost.\n";

  const std::vector<Cell> cells = cells_of(plan);
  std::size_t counted_requests = 0;
  Forecast all;
  Nanos confirming(0);
  bool after_search = false;
  text += "\nRuns, in this order\n";
  for (const Cell& cell : cells) {
    const Scenario& scenario = plan.scenarios[cell.scenario];
    const Ramp ramp = ramp_as_run(plan, scenario);
    text += fmt::format("  {}. {} on {}\n", cell.id + 1, scenario.name, plan.targets[cell.target].name);
    text += fmt::format("     workload  {}\n", describe_workload(cell.workload, plan));
    text += fmt::format("     ramp      {}\n", describe_ramp(scenario));
    text += fmt::format("     slo       {}\n", describe_slo(cell.slo));
    text += fmt::format("     time      {}\n", describe_time(ramp));
    const Forecast likely = forecast(ramp);
    all.fewest_steps += likely.fewest_steps;
    all.most_steps += likely.most_steps;
    all.least += likely.least;
    all.most += likely.most;
    if (!ramp.search && planned_time(ramp)) confirming += least_confirmation(ramp);
    counted_requests += ramp.requests.value_or(0) * ramp.steps.size();
    after_search = after_search || (ramp.search && (ramp.descend || !ramp.proof.empty()));
  }
  text += fmt::format("\nIn all {}, about {}",
                      all.fewest_steps == all.most_steps
                          ? plural(all.most_steps, "step")
                          : fmt::format("{} to {} steps", all.fewest_steps, all.most_steps),
                      describe_span(all.least, all.most));
  if (confirming > Nanos(0)) text += fmt::format(" and {} or more to confirm", format_duration(confirming));
  if (after_search) text += " and the steps after a search";
  if (counted_requests > 0)
    text += fmt::format(" and the time of {} more", plural(counted_requests, "request"));
  text += ".\n";

  const std::vector<std::string> warnings = plan_warnings(plan);
  if (warnings.empty()) return text;
  text += "\nWarnings\n";
  for (const std::string& warning : warnings) text += fmt::format("  - {}\n", warning);
  return text;
}

}  // namespace kneepoint::coordinator
