#include "coordinator/verdict/recommend.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>

#include "coordinator/measure/repeat.h"
#include "coordinator/results/throughput.h"
#include "coordinator/verdict/scatter.h"
#include "coordinator/verdict/slow_pod.h"
#include "coordinator/words/recommendations.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kLongPrompt = 4096;  ///< Tokens, on average.
constexpr double kBalanced = 0.10;    ///< A replica's throughput from an equal share, at most.
constexpr double kScaleEarly = 0.8;

std::string unit_of(const ScenarioResult& result) {
  return words::load_unit(result.load_kind());
}

/// The lowest valid row at or above saturation; where that is not known, the one of most throughput.
const Step* batch_row(const ScenarioResult& result) {
  const auto knee = result.saturation.from();
  const Step* best = nullptr;
  for (const Step& step : result.steps) {
    if (!stands(step) || !throughput_of(step).value || (knee && step.load() < *knee)) continue;
    const bool better = best == nullptr || (knee ? step.load() < best->load()
                                                 : *throughput_of(step).value > *throughput_of(*best).value);
    if (better) best = &step;
  }
  return best == nullptr ? nullptr : reference_row(result.steps, best->load());
}

bool has_limits(const ScenarioResult& result) {
  return result.slo.joint.has_value();
}

/// The highest concurrency that meets every limit, where one was found.
std::optional<double> within_limits(const ScenarioResult& result) {
  const auto& joint = result.slo.joint;
  if (!joint || (joint->state != "PASS" && joint->state != "BRACKETED")) return std::nullopt;
  return joint->concurrency;
}

/// Where latency still matters: within the SLO but not past saturation; without one, at the most power.
std::optional<Recommendation> interactive(const ScenarioResult& result) {
  const Saturation& saturation = result.saturation;
  // Of a range, the end up to which more load surely helps.
  const auto knee = saturation.concurrency || !saturation.ci95 ? saturation.concurrency
                                                               : std::optional(saturation.ci95->low);
  Recommendation point{.name = "interactive", .unit = unit_of(result)};
  if (const auto limit = within_limits(result)) {
    point.value = *limit;
    point.basis = words::meets_all_limits(result.load_kind());
    for (const Step& step : result.steps) {
      if (!knee || *limit <= *knee) break;
      if (!stands(step) || step.load() > *knee) continue;
      const bool first = point.value > *knee;
      point.value = first ? step.load() : std::max(point.value, step.load());
      point.basis = words::below_saturation(*limit);
    }
  } else if (!has_limits(result) && saturation.concurrency && saturation.power_concurrency &&
             result.load_kind() == LoadKind::kRequests) {
    // Power is throughput over residence, X²/N of requests. Below capacity X is the rate, and its power
    // rises.
    point.value = *saturation.power_concurrency;
    point.basis = words::most_power();
  } else {
    return std::nullopt;
  }
  double prompt = 0;
  for (const Step& step : result.steps) {
    if (step.prompt_tokens) prompt = std::max(prompt, step.prompt_tokens->achieved_mean.value_or(0));
  }
  if (prompt >= kLongPrompt) {
    point.name = "long context";
    point.basis += words::with_long_prompts(prompt);
  }
  return reference_row(result.steps, point.value) == nullptr ? std::nullopt : std::optional(point);
}

/// The largest deviation of a replica's throughput from an equal share.
std::optional<double> skew_of(const Step& step) {
  double sum = 0;
  for (const Share& share : step.replicas) sum += share.output_tokens_per_second.value_or(0);
  if (step.replicas.size() < 2 || sum <= 0) return std::nullopt;
  const double equal = sum / static_cast<double>(step.replicas.size());
  double skew = 0;
  for (const Share& share : step.replicas) {
    skew = std::max(skew, std::abs(share.output_tokens_per_second.value_or(0) / equal - 1));
  }
  return skew;
}

std::optional<Interval> scaled(const std::optional<Interval>& ci95, double factor) {
  if (!ci95) return std::nullopt;
  return Interval{ci95->low * factor, ci95->high * factor};
}

void add_capacity(std::vector<Recommendation>& all, const ScenarioResult& result, double replicas) {
  const Saturation& saturation = result.saturation;
  const Step* row = batch_row(result);
  if (replicas < 2 || !saturation.concurrency || row == nullptr) return;
  const auto skew = skew_of(*row);
  if (!skew || *skew > kBalanced) return;
  const double left = (replicas - 1) / replicas;
  all.push_back({.name = words::one_replica_less_name(),
                 .value = *saturation.concurrency * left,
                 .ci95 = scaled(saturation.ci95, left),
                 .unit = unit_of(result),
                 .basis = words::one_replica_less(replicas - 1, replicas, *skew)});
}

/// Behind one address each pod takes of the load what its page holds: the largest part is what its loss costs
/// at most. The ranks of a server are one pod: it does not go on without one of them.
void add_pod_capacity(std::vector<Recommendation>& all, const ScenarioResult& result, std::size_t behind) {
  const Saturation& saturation = result.saturation;
  const Step* row = batch_row(result);
  if (behind < 2 || !saturation.concurrency || row == nullptr || !row->telemetry) return;
  const StepTelemetry& told = *row->telemetry;
  std::map<std::string_view, double> held;
  for (const PodFigures& pod : told.pods) {
    if (!pod.running_mean) return;
    held[pod.name] += *pod.running_mean + pod.waiting_mean.value_or(0);
  }
  if (told.page.state != "covered" || held.size() != behind) return;
  double sum = 0, most = 0;
  for (const auto& [pod, requests] : held) {
    sum += requests;
    most = std::max(most, requests);
  }
  if (sum <= 0) return;
  const double left = 1 - most / sum;
  all.push_back({.name = words::one_pod_less_name(),
                 .value = *saturation.concurrency * left,
                 .ci95 = scaled(saturation.ci95, left),
                 .unit = unit_of(result),
                 .basis = words::one_pod_less(left, behind, most / sum)});
}

/// More load than `load` was measured, and surely did not bring 5 % more.
bool gains_nothing_beyond(const ScenarioResult& result, double load) {
  const Step* at = nullptr;
  for (const Step& step : result.steps) {
    if (stands(step) && step.load() >= load && (at == nullptr || step.load() < at->load())) at = &step;
  }
  if (at == nullptr || !throughput_of(*at).value) return false;
  return std::any_of(result.steps.begin(), result.steps.end(), [&](const Step& more) {
    const Estimate& x = throughput_of(more);
    return stands(more) && more.load() > at->load() && x.value &&
           (x.ci95 ? x.ci95->low : *x.value) < 1.05 * *throughput_of(*at).value;
  });
}

/// What a server is told of, it counts in requests; sessions that think are not at it all the time.
void add_limits(std::vector<Recommendation>& all, const ScenarioResult& result, double replicas,
                const std::optional<Recommendation>& point) {
  if (result.load_kind() == LoadKind::kUsers || result.load_kind() == LoadKind::kSessionRate) return;
  const auto each = [&](double value) {
    return replicas > 1 ? words::of_each_replica(value / replicas) : std::string();
  };
  const auto& ci95 = result.saturation.ci95;
  if (const auto limit = within_limits(result); limit && result.slo.joint->state == "BRACKETED") {
    all.push_back({.name = "admission limit",
                   .value = *limit,
                   .unit = unit_of(result),
                   .basis = words::last_within_limits(result.load_kind(), each(*limit))});
  } else if (!has_limits(result) && ci95 && gains_nothing_beyond(result, ci95->high)) {
    const double high = result.load_kind() == LoadKind::kRequests ? std::ceil(ci95->high) : ci95->high;
    all.push_back({.name = "admission limit",
                   .value = high,
                   .unit = unit_of(result),
                   .basis = words::beyond_only_waits(each(high))});
  }
  if (!point) return;
  const double early = kScaleEarly * point->value / replicas;
  const bool whole = result.load_kind() == LoadKind::kRequests;
  all.push_back({.name = "autoscaler threshold",
                 .value = whole ? std::max(1.0, std::floor(early)) : early,
                 .unit = words::a_replica(unit_of(result)),
                 .basis = words::room_to_start(point->name)});
}

/// Tokens a second per GPU and the price of a million tokens at one row.
void add_money(std::vector<Recommendation>& all, const Step* row, const Target& target,
               const std::string& where) {
  if (row == nullptr || !row->output_tokens_per_second.value || *row->output_tokens_per_second.value <= 0)
    return;
  const Estimate& x = row->output_tokens_per_second;
  const auto replicas = static_cast<double>(target.urls.size());
  if (target.gpus) {
    const double gpus = *target.gpus * replicas;
    all.push_back({.name = fmt::format("output per GPU, {}", where),
                   .value = *x.value / gpus,
                   .ci95 = scaled(x.ci95, 1 / gpus),
                   .unit = "tok/s",
                   .basis = words::output_over_gpus(*x.value, *row, gpus)});
  }
  if (target.cost_per_hour.value_or(0) > 0) {
    const double per_million = *target.cost_per_hour * replicas / 3600 * 1e6;
    std::optional<Interval> ci95;
    if (x.ci95 && x.ci95->low > 0) ci95 = Interval{per_million / x.ci95->high, per_million / x.ci95->low};
    all.push_back({.name = fmt::format("cost, {}", where),
                   .value = per_million / *x.value,
                   .ci95 = ci95,
                   .unit = words::per_million_tokens(),
                   .basis = words::price_over_output(*target.cost_per_hour * replicas, *x.value, *row)});
  }
}

}  // namespace

std::vector<Recommendation> recommend(const ScenarioResult& result, const Target& target) {
  std::vector<Recommendation> all;
  const Saturation& saturation = result.saturation;
  const auto replicas = static_cast<double>(target.urls.size());
  const auto point = interactive(result);
  const Step* batch = batch_row(result);
  if (point) all.push_back(*point);
  if (batch != nullptr && saturation.from()) {
    all.push_back({.name = "batch",
                   .value = batch->load(),
                   .unit = unit_of(result),
                   .basis = words::adds_next_to_nothing()});
  }
  if (point && saturation.concurrency && point->value < *saturation.concurrency) {
    all.push_back({.name = "headroom",
                   .value = (1 - point->value / *saturation.concurrency) * 100,
                   .unit = "%",
                   .basis = words::up_to_saturation(point->name)});
  }
  add_capacity(all, result, replicas);
  add_pod_capacity(all, result, pods_behind(result, target));
  if (saturation.concurrency || !saturation.ci95 || has_limits(result))
    add_limits(all, result, replicas, point);
  const std::string where = saturation.from() ? "batch" : "highest throughput";
  add_money(all, batch, target, where);
  if (const Step* row = point ? reference_row(result.steps, point->value) : nullptr; row != batch) {
    add_money(all, row, target, point ? point->name : "");
  }
  return all;
}

}  // namespace kneepoint::coordinator
