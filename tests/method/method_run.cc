#include "tests/method/method_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>

#include "coordinator/run/run_loop.h"
#include "coordinator/verdict/build_report.h"
#include "tests/method/claims.h"
#include "tests/method/moving_cases.h"
#include "tests/method/queue_fleet.h"

namespace kneepoint::method {

using coordinator::RunLoop;
using coordinator::ScenarioResult;
using coordinator::Step;
using Require = std::function<void(bool met, std::string what)>;

Truth truth_of(const Case& of, double at) {
  Truth truth{.saturation = true_saturation(of.model, of.max, at)};
  if (of.ttft_limit == Nanos(0)) return truth;
  constexpr double kAllowed = 0.05;
  std::uint32_t pass = 0;
  std::uint32_t fail = of.max + 1;
  while (fail - pass > 1) {  // more load never makes the first token come sooner
    const std::uint32_t n = pass == 0 && fail > 8 ? std::max(1u, fail / 8) : (pass + fail) / 2;
    (true_ttft_violation(of.model, n, of.ttft_limit) <= kAllowed ? pass : fail) = n;
  }
  truth.slo_concurrency = pass;
  return truth;
}

Trial run_trial(const Case& of, std::uint64_t seed) {
  using std::chrono::seconds;
  const Case one = drawn(of, seed);
  if (!of.steps.empty())
    return run_ramp(one, {.steps = of.steps, .warmup = seconds(5), .hold = seconds(30), .confirm = true},
                    seed);
  return run_ramp(one, {.warmup = seconds(5), .search = Search{.max = of.max}}, seed);
}

Trial run_ramp(const Case& of, const Ramp& ramp, std::uint64_t seed) {
  Plan plan;
  plan.name = of.name;
  plan.targets = {{.name = "host", .urls = {"http://model"}}};
  plan.scenarios = {
      {.name = of.name, .workload = {.classes = {{.name = "all", .prompts = {"x"}}}}, .ramp = ramp}};
  if (of.model.think > 0)
    plan.scenarios[0].workload.conversation =
        Conversation{.turns = of.model.turns, .think_time = of.model.think};
  std::vector<Nanos> limits;
  if (of.ttft_limit > Nanos(0)) {
    limits.push_back(of.ttft_limit);
    plan.scenarios[0].slo = {{.metric = SloMetric::kTtft, .quantile = 0.95, .limit = of.ttft_limit}};
  }
  plan.seed = seed;
  const std::vector<Cell> cells = cells_of(plan);
  QueueFleet fleet(of.model, limits, seed);
  RunLoop loop(plan, cells, fleet, {});
  (void)loop.run();  // fails for a past only, and there is none
  coordinator::RunFacts facts{.duration = fleet.now(), .agents = {{.name = "model"}}, .seed = seed};
  facts.cut_short = loop.cut_short();
  auto report = build_report(plan, loop.timeline(), loop.windows(), facts);
  Trial trial{.result = std::move(report.results.at(0)),
              .trusted = report.verdict.valid(),
              .seconds = to_seconds(fleet.now())};
  if (!facts.cut_short.empty()) trial.cut_short = facts.cut_short.begin()->second;
  return trial;
}

void add(Score& score, const Case& of, const Truth& truth, const Trial& trial) {
  const ScenarioResult& result = trial.result;
  ++score.trials;
  score.minutes.push_back(trial.seconds / 60);
  const auto& found = result.saturation;
  if (found.concurrency) {
    ++score.answered;
    score.estimates.push_back(*found.concurrency);
    if (truth.saturation) {
      score.errors.push_back(std::abs(*found.concurrency - *truth.saturation) / *truth.saturation);
      score.widths.push_back((found.ci95->high - found.ci95->low) / *truth.saturation);
      if (found.ci95->low <= *truth.saturation && *truth.saturation <= found.ci95->high) ++score.covered;
    }
  } else if (!truth.saturation && found.lower_bound) {
    ++score.covered;
  }
  for (const auto& slo : result.slo.criteria) {
    if (!slo.concurrency) continue;
    ++score.slo_answered;
    if (*slo.concurrency > truth.slo_concurrency) ++score.false_pass;
  }
  if (trial.trusted) {
    ++score.trusted;
    if (!false_claims(of, truth, result).empty()) ++score.false_trusted;
  }
  if (of.moves() ? named_rightly(of, result.movement, trial.seconds) : result.movement.has_value())
    ++score.named;
  std::set<std::string> doubts;
  for (const auto& remark : result.verdict.remarks()) {
    if (remark.weight != coordinator::Remark::Weight::kWarning) doubts.insert(remark.code);
  }
  for (const std::string& code : doubts) ++score.doubts[code];
  ++score.kinds[result.movement ? result.movement->kind : ""];
  bool drift = false;
  for (const Step& step : result.steps) {
    ++score.rows;
    drift = drift || step.has_flag("DRIFT");
    if (step.valid) continue;
    ++score.invalid_rows;
    for (const std::string& flag : step.flags) ++score.flags[flag];
  }
  if (drift) ++score.drift_flagged;
}

void add(Score& score, const Score& other) {
  score.trials += other.trials;
  score.answered += other.answered;
  score.covered += other.covered;
  score.false_pass += other.false_pass;
  score.slo_answered += other.slo_answered;
  score.drift_flagged += other.drift_flagged;
  score.trusted += other.trusted;
  score.false_trusted += other.false_trusted;
  score.named += other.named;
  score.invalid_rows += other.invalid_rows;
  score.rows += other.rows;
  const auto append = [](std::vector<double>& into, const std::vector<double>& from) {
    into.insert(into.end(), from.begin(), from.end());
  };
  append(score.estimates, other.estimates);
  append(score.errors, other.errors);
  append(score.widths, other.widths);
  append(score.minutes, other.minutes);
  for (const auto& [flag, count] : other.flags) score.flags[flag] += count;
  for (const auto& [kind, count] : other.kinds) score.kinds[kind] += count;
  for (const auto& [code, count] : other.doubts) score.doubts[code] += count;
}

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

double mean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

namespace {

/// Of a host that moves.
void require_of_moving(const Case& of, const Score& score, const Require& require) {
  const auto n = static_cast<double>(score.trials);
  const double undecided = 1 - static_cast<double>(score.trusted) / n;
  require(undecided <= of.undecided,
          fmt::format("undecided {:.1f} % > {:.0f} %", undecided * 100, of.undecided * 100));
  if (!of.steps.empty()) return;  // a short ramp may hold less of the movement than it takes to tell it
  const double named = static_cast<double>(score.named) / n;
  require(named >= 0.90, fmt::format("named {:.1f} % < 90 %", named * 100));
}

void require_of_steady(const Case& of, bool reachable, const Score& score, const Require& require) {
  const auto n = static_cast<double>(score.trials);
  if (reachable) {
    const double accepted = of.soft ? 0.10 : 0.05;
    const double error = quantile(score.errors, 0.95);
    require(error <= accepted, fmt::format("p95 error {:.1f} % > {:.0f} %", error * 100, accepted * 100));
    require(mean(score.widths) <= 0.25,
            fmt::format("mean interval {:.1f} % > 25 %", mean(score.widths) * 100));
    const auto answered = static_cast<double>(score.answered) / n;
    require(answered >= 0.95, fmt::format("answered {:.1f} % < 95 %", answered * 100));
  } else {
    const double false_alarms = static_cast<double>(score.answered) / n;
    require(false_alarms <= 0.05, fmt::format("named a knee in {:.1f} % > 5 %", false_alarms * 100));
  }
  const double coverage = static_cast<double>(score.covered) / n;
  require(coverage >= 0.90, fmt::format("coverage {:.1f} % < 90 %", coverage * 100));
  const double false_pass = static_cast<double>(score.false_pass) / n;
  require(false_pass <= 0.05, fmt::format("false PASS {:.1f} % > 5 %", false_pass * 100));
  const double trusted = static_cast<double>(score.trusted) / n;
  require(trusted >= 0.90, fmt::format("decided {:.1f} % < 90 %", trusted * 100));
  const double named = static_cast<double>(score.named) / n;
  if (of.expects_drift) {
    const double flagged = static_cast<double>(score.drift_flagged) / n;
    require(flagged >= 0.90, fmt::format("DRIFT said in {:.1f} % < 90 %", flagged * 100));
  } else {
    require(named <= 0.05, fmt::format("said to move in {:.1f} % > 5 %", named * 100));
  }
}

}  // namespace

std::vector<std::string> misses(const Case& of, bool reachable, const Score& score) {
  std::vector<std::string> missed;
  const Require require = [&](bool met, std::string what) {
    if (!met) missed.push_back(std::move(what));
  };
  const double false_trusted = static_cast<double>(score.false_trusted) / static_cast<double>(score.trials);
  require(false_trusted <= 0.02, fmt::format("false trustworthy {:.1f} % > 2 %", false_trusted * 100));
  const double minutes = mean(score.minutes);
  require(of.minutes == 0 || minutes <= of.minutes * 4 / 3,
          fmt::format("{:.1f} min > {:.1f}", minutes, of.minutes * 4 / 3));
  if (of.moves()) {
    require_of_moving(of, score, require);
  } else {
    require_of_steady(of, reachable, score, require);
  }
  return missed;
}

}  // namespace kneepoint::method
