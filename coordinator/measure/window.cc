#include "coordinator/measure/window.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

#include "coordinator/measure/batch_means.h"
#include "coordinator/measure/delivery.h"
#include "coordinator/measure/generator_figures.h"
#include "coordinator/measure/latency.h"
#include "coordinator/measure/network.h"
#include "coordinator/measure/replicas.h"
#include "coordinator/measure/slo_check.h"
#include "coordinator/measure/statistics.h"
#include "coordinator/measure/target_health.h"
#include "coordinator/measure/token_count.h"
#include "coordinator/measure/validity.h"
#include "coordinator/measure/window_cut.h"
#include "coordinator/words/again.h"
#include "coordinator/words/rows.h"

namespace kneepoint::coordinator {
namespace {

RequestCounts counts_of(const SeriesStats& stats) {
  RequestCounts counts{.started = stats.started,
                       .completed = stats.completed(),
                       .failed = stats.failed(),
                       .by_outcome = stats.outcomes};
  for (const auto& [key, kind] : stats.failures.all()) {
    counts.failures.push_back({.outcome = std::string(to_string(key.outcome)),
                               .status = key.status == 0 ? std::nullopt : std::optional(key.status),
                               .count = kind.count,
                               .said = kind.said,
                               .request_id = kind.request_id});
  }
  std::stable_sort(counts.failures.begin(), counts.failures.end(),
                   [](const FailureKind& a, const FailureKind& b) { return a.count > b.count; });
  return counts;
}

/// A count per second, with the spread of its batches.
/// @param bins equal bins over the window.
/// @param burst how much of it comes at once.
Estimate rate(double total, std::span<const double> bins, double duration,
              const std::optional<Batches>& batches, double burst) {
  if (!batches) return {.value = total / duration};
  std::vector<double> values = batch_means(bins, batches->count);
  if (values.empty()) return {.value = total / duration};
  for (double& value : values) value *= static_cast<double>(bins.size()) / duration;
  return batch_estimate(total / duration, values, *batches, edge_error(burst, duration));
}

std::vector<double> halves_of(const WindowCut& cut, const ChunkRate& tokens) {
  std::vector<double> halves;
  for (const SeriesStats& second : cut.seconds) {
    halves.push_back(tokens.arrived(second, 0));
    halves.push_back(tokens.arrived(second, 1));
  }
  return halves;
}

Estimate token_rate(const WindowCut& cut, const ChunkRate& tokens, double duration,
                    const std::optional<Batches>& batches) {
  const std::vector<double> halves = halves_of(cut, tokens);
  // Streams tick together: each gets one token per TPOT.
  const double total = tokens.arrived(cut.total);
  const double burst = total / duration * cut.total.tpot.quantile_seconds(0.5).value_or(0);
  return rate(total, halves, duration, batches, burst);
}

LatencySummary latency(const WindowCut& cut, Histogram SeriesStats::*which,
                       const std::optional<Batches>& batches) {
  std::vector<const Histogram*> by_second;
  for (const SeriesStats& second : cut.seconds) by_second.push_back(&(second.*which));
  return summarise(cut.total.*which, by_second, batches);
}

/// @param met, missed of each second. Batches say nothing where one of them saw no request.
SloEvidence slo_evidence(std::span<const double> met, std::span<const double> missed,
                         const std::optional<Batches>& batches) {
  const auto sum = [](std::span<const double> counts) {
    return static_cast<std::uint64_t>(std::accumulate(counts.begin(), counts.end(), 0.0));
  };
  SloEvidence evidence{.met = sum(met), .missed = sum(missed)};
  if (!batches) return evidence;
  evidence.batches = *batches;
  const auto met_means = batch_means(met, batches->count);
  const auto missed_means = batch_means(missed, batches->count);
  for (std::size_t b = 0; b < met_means.size(); ++b) {
    const double n = met_means[b] + missed_means[b];
    if (n <= 0) {
      evidence.batch_ratios.clear();
      break;
    }
    evidence.batch_ratios.push_back(missed_means[b] / n);
  }
  return evidence;
}

double finished(const SeriesStats& stats) {
  return static_cast<double>(stats.completed() + stats.failed());
}

void measure_slo(Step& step, const WindowCut& cut, const Cell& cell, double duration,
                 const std::optional<Batches>& batches) {
  if (cell.slo.empty()) return;
  double lowest_quantile = 1;
  for (std::size_t i = 0; i < cell.slo.size(); ++i) {
    lowest_quantile = std::min(lowest_quantile, cell.slo[i].quantile);
    const auto count = [i](const SeriesStats& stats) {
      return i < stats.slo.size() ? stats.slo[i] : SloCount{};
    };
    const auto met = cut.series([&](const SeriesStats& s) { return static_cast<double>(count(s).met); });
    const auto missed =
        cut.series([&](const SeriesStats& s) { return static_cast<double>(count(s).missed); });
    step.slo.push_back(
        check_slo(cell.slo[i].name(), slo_evidence(met, missed, batches), 1 - cell.slo[i].quantile));
  }
  const auto bad = [](const SeriesStats& s) {
    return std::max(0.0, finished(s) - static_cast<double>(s.joint_good));
  };
  const auto good = cut.series([](const SeriesStats& s) { return static_cast<double>(s.joint_good); });
  step.slo_joint = check_slo("joint", slo_evidence(good, cut.series(bad), batches), 1 - lowest_quantile);
  step.goodput_ratio = ratio(static_cast<double>(cut.total.joint_good), finished(cut.total));
  step.goodput_requests_per_second = static_cast<double>(cut.total.joint_good) / duration;
}

/// What usage tells with its details. @param into a Step, or a Share of one.
template <class Row>
void tell_usage_details(const SeriesStats& stats, Row& into) {
  const AnswerWitnesses& told = stats.witnesses;
  const auto share = [](std::uint64_t part, std::uint64_t all) {
    return part > 0 ? ratio(static_cast<double>(part), static_cast<double>(all)) : std::nullopt;
  };
  into.cached_prompt_ratio =
      ratio(static_cast<double>(told.cached_prompt), static_cast<double>(told.cache_told_prompt));
  into.reasoning_ratio = share(told.reasoning_tokens, stats.usage_tokens);
  into.audio_prompt_ratio = share(told.audio_prompt_tokens, told.counted_prompt_tokens);
  into.audio_ratio = share(told.audio_tokens, stats.usage_tokens);
}

Share share_of(std::string name, const SeriesStats& stats, std::optional<double> tokens, double duration,
               const Cell& cell) {
  Share share{.name = std::move(name),
              .requests = counts_of(stats),
              .requests_per_second = static_cast<double>(stats.completed()) / duration,
              .output_tokens_per_second = tokens ? std::optional(*tokens / duration) : std::nullopt,
              .goodput_ratio = cell.slo.empty()
                                   ? std::nullopt
                                   : ratio(static_cast<double>(stats.joint_good), finished(stats)),
              .ttft_seconds = summarise(stats.ttft),
              .tpot_seconds = summarise(stats.tpot),
              .e2e_seconds = summarise(stats.e2e)};
  tell_usage_details(stats, share);
  return share;
}

/// Agents count the turns from the tenth on together.
constexpr std::uint32_t kLastTurn = 9;

std::optional<PromptTokens> prompt_tokens_of(const SeriesStats& stats) {
  if (stats.asked_prompts == 0) return std::nullopt;
  const auto n = static_cast<double>(stats.asked_prompts);
  return PromptTokens{.asked_mean = static_cast<double>(stats.asked_prompt_tokens) / n,
                      .achieved_mean = static_cast<double>(stats.achieved_prompt_tokens) / n};
}

std::optional<ModelNames> model_names_of(const AnswerWitnesses& witnesses) {
  if (witnesses.named_answers == 0) return std::nullopt;
  const auto n = static_cast<double>(witnesses.named_answers);
  const double mean = static_cast<double>(witnesses.model_marks) / n;
  const double squares = static_cast<double>(witnesses.model_mark_squares) / n;
  return ModelNames{.answers = n, .mean = mean, .variance = std::max(0.0, squares - mean * mean)};
}

/// A count that some answers leave out would be too low; those that tell none of their tokens tell none of
/// their prompt's.
std::optional<double> prompt_rate(const SeriesStats& stats, std::optional<double> errors, double duration) {
  const auto untold = static_cast<double>(stats.chunks_without_usage);
  const bool told = untold <= Gates::kErrors * (untold + static_cast<double>(stats.usage_chunks));
  if (stats.prompt_tokens == 0 || !told || errors.value_or(1) > Gates::kErrors) return std::nullopt;
  return static_cast<double>(stats.prompt_tokens) / duration;
}

std::optional<double> trend_of(const WindowCut& cut, const ChunkRate& tokens) {
  const auto values = cut.series([&](const SeriesStats& s) { return tokens.arrived(s); });
  const auto trend = theil_sen(values);
  const double mean = moments(values).mean;
  if (!trend || mean <= 0 || (trend->ci95.low <= 0 && trend->ci95.high >= 0)) return std::nullopt;
  return trend->slope * static_cast<double>(values.size()) / mean;
}

/// Of batches and not of seconds: those of one request in flight for long are alike, and chance looked like a
/// trend in up to a fifth of the windows. Arrivals that grew bring as much more in flight at the same
/// residence, which is no overload, so their own growth is taken off.
std::optional<double> growth_of_in_flight(const WindowCut& cut, const std::optional<Batches>& batches) {
  if (!batches) return std::nullopt;
  const auto relative = [&](const std::function<double(const SeriesStats&)>& value) {
    std::vector<double> values = batch_means(cut.series(value), batches->count);
    const double mean = moments(values).mean;
    if (mean <= 0) values.clear();
    for (double& each : values) each /= mean;
    return values;
  };
  std::vector<double> beyond = relative([](const SeriesStats& s) { return s.in_flight; });
  const auto arrived = relative([](const SeriesStats& s) { return static_cast<double>(s.arrivals); });
  if (beyond.empty() || arrived.empty()) return std::nullopt;
  for (std::size_t b = 0; b < beyond.size(); ++b) beyond[b] -= arrived[b];
  const Trend growth = batch_growth(beyond, *batches);
  if (growth.ci95.low <= 0) return std::nullopt;
  return growth.slope;
}

/// How far the number of sessions that think moved from the window's first half to its second, over its mean;
/// absent where that is chance. Sessions that begin independently are as many as a Poisson count at any
/// instant, so that two halves differ by sqrt(2/mean) at most as a standard deviation.
std::optional<double> move_of_thinking(const WindowCut& cut, double seconds) {
  constexpr double kSurely = 2;
  const auto thinking = cut.series([](const SeriesStats& s) { return s.thinking; });
  const auto half = static_cast<std::ptrdiff_t>(thinking.size() / 2);
  const double first = std::accumulate(thinking.begin(), thinking.begin() + half, 0.0);
  const double last = std::accumulate(thinking.end() - half, thinking.end(), 0.0);
  if (first + last <= 0) return std::nullopt;
  const double moved = (last - first) / ((first + last) / 2);
  if (std::abs(moved) <= kSurely * std::sqrt(2 / (cut.total.thinking / seconds))) return std::nullopt;
  return moved;
}

/// Whether sessions come at a rate that stays as it is within the step: a trace's does not.
bool fills_evenly(const Plan& plan, const Cell& cell, const StepWindow& window) {
  if (!window.rate || window.moving || !cell.workload.conversation) return false;
  const auto& open = plan.scenarios.at(cell.scenario).ramp.open;
  return open && open->steps.front().kind != ArrivalProcess::Kind::kTrace;
}

WindowEvidence evidence_of(const Timeline& timeline, const StepWindow& window, const WindowCut& cut,
                           const ChunkRate& tokens) {
  WindowEvidence evidence{.seconds = static_cast<double>(window.end - window.begin),
                          .complete = timeline.complete(window.begin, window.end),
                          .agent_lost = window.agent_lost,
                          .interrupted = window.interrupted,
                          .open_loop = window.rate.has_value(),
                          .by_requests = window.requests.has_value(),
                          .moving = window.moving,
                          .in_flight = cut.total.in_flight,
                          .waiting = cut.total.waiting,
                          .tails = static_cast<double>(cut.total.witnesses.tail_micros) * 1e-6,
                          .icl = cut.total.icl,
                          .e2e = cut.total.e2e,
                          .rx_lag = cut.generator.rx_lag,
                          .loop_gap = cut.generator.loop_gap,
                          .send_lag = cut.generator.send_lag};
  evidence.due = cut.total.arrivals;
  evidence.answer_chunks = cut.total.usage_chunks;
  evidence.answer_tokens = cut.total.usage_tokens;
  evidence.late_reads_together = cut.generator.client_coalesced;
  evidence.buffered = buffered(cut.total);
  evidence.early_first = early_first(cut.total);
  if (!window.requests && !window.rate && !window.moving) {
    evidence.hanging = hanging(cut.total, evidence.seconds);
    evidence.unconnected = unconnected(cut, window.concurrency, static_cast<double>(window.grain));
  }
  if (!window.requests) evidence.trend = trend_of(cut, tokens);
  return evidence;
}

/// A step bounded by requests has no batches: its requests are few and one after the other.
/// @param cycles In how many of the time from one request of a slot to the next what happens is alike.
std::optional<Batches> batches_of(const StepWindow& window, const WindowCut& cut, double duration,
                                  double cycles = 1) {
  if (window.requests) return std::nullopt;
  // A user is back after the request and a pause.
  const double pause = ratio(cut.total.thinking, static_cast<double>(cut.total.completed())).value_or(0);
  auto batches = plan_batches(duration, cycles * (cut.total.e2e.mean_seconds().value_or(duration) + pause));
  if (batches) batches->moving = window.moving;
  return batches;
}

/// A host that was gone for a part of the window gave the figures of the rest, spread over all of it.
void check_health(Step& step, const Timeline& timeline, const Target& target, const StepWindow& window) {
  for (const Outage& outage : find_outages(timeline, target, window.cell)) {
    if (outage.touches(window.begin, window.end))
      step.invalidate(outage.ended ? "RESTARTED" : "TARGET_DOWN", outage_in_short(outage, target));
  }
}

std::optional<TokenSource> ended_source(const ChunkRate& tokens, const SeriesStats& stats) {
  if (stats.usage_tokens == 0 && stats.chunks_without_usage == 0) return std::nullopt;
  if (stats.chunks_without_usage == 0) return TokenSource::kUsage;
  return tokens.tokens_per_chunk ? TokenSource::kEstimated : TokenSource::kChunks;
}

}  // namespace

Step measure_step(const Timeline& timeline, const Plan& plan, const Cell& cell, const StepWindow& window) {
  WindowCut cut = cut_out(timeline, window);
  double duration = static_cast<double>(std::max<std::int64_t>(window.end - window.begin, 0));
  if (window.requests && window.finished_at) duration = to_seconds(*window.finished_at - window.level_at);

  Step step{.concurrency = window.concurrency,
            .offered_rate = window.rate,
            .attempt = window.attempt,
            .scout = window.scout,
            .look = window.look};
  if (window.role == StepRole::kDescent) {
    step.role = "descending";
    step.note = words::descending();
  }
  if (window.role == StepRole::kProof) {
    step.role = "proof";
    step.agents = window.agents;
    step.note = words::proof_with(window.agents);
  }
  step.window_begin_seconds =
      window.requests ? to_seconds(window.level_at) : static_cast<double>(window.begin);
  step.duration_seconds = std::max(duration, 0.0);
  if (!cut.observed || duration <= 0) {
    apply_gates(step, {.complete = timeline.complete(window.begin, window.end),
                       .agent_lost = window.agent_lost,
                       .interrupted = window.interrupted});
    return step;
  }

  const ChunkRate tokens = chunk_rate(cut.total, counts_of_cell(timeline, window.cell));
  const std::optional<Batches> batches = batches_of(window, cut, duration);
  if (batches) step.batches = batches->count;
  step.requests = counts_of(cut.total);
  step.achieved_concurrency = cut.total.in_flight / duration;
  step.waiting = cut.total.waiting / duration;
  step.backing_off = cut.total.backing_off / duration;
  step.error_ratio = ratio(static_cast<double>(step.requests.failed), finished(cut.total));
  step.reconnects = cut.total.reconnects;
  step.network = network_of(cut.total.segments);
  step.early_stops = cut.total.early_stops;
  step.model_names = model_names_of(cut.total.witnesses);
  step.prompt_tokens = prompt_tokens_of(cut.total);
  if (window.rate) {
    step.due_per_second = static_cast<double>(cut.total.arrivals) / duration;
    step.achieved_rate = static_cast<double>(cut.total.started) / duration;
    step.backlog = cut.total.backlog / duration;
    step.ttft_intended_seconds = latency(cut, &SeriesStats::ttft_intended, batches);
    step.e2e_intended_seconds = latency(cut, &SeriesStats::e2e_intended, batches);
  }
  if (cell.workload.thinks()) step.thinking = cut.total.thinking / duration;
  if (cut.total.beside > 0) step.beside = cut.total.beside / duration;

  const auto completions =
      cut.series([](const SeriesStats& s) { return static_cast<double>(s.completed()); });
  step.requests_per_second =
      rate(static_cast<double>(cut.total.completed()), completions, duration, batches, 1);
  if (window.requests) {
    step.output_tokens_per_second = {.value = tokens.ended(cut.total) / duration};
    step.token_source = ended_source(tokens, cut.total);
  } else {
    step.output_tokens_per_second = token_rate(cut, tokens, duration, batches);
    step.token_source = tokens.source(cut.total);
    if (window.grain == 1) {
      step.half_seconds = halves_of(cut, tokens);
      step.refused = cut.series([](const SeriesStats& s) {
        return static_cast<double>(s.outcomes[static_cast<std::size_t>(Outcome::kRejected)]);
      });
    }
  }
  // Answers that come whole, from a server that does not count: their tokens are not known.
  const bool uncounted = !cell.workload.stream && !step.token_source;
  if (uncounted) step.output_tokens_per_second = {};
  if (!uncounted && step.error_ratio.value_or(1) <= Gates::kErrors)
    step.answer_tokens_mean = ratio(tokens.ended(cut.total), finished(cut.total));
  step.prompt_tokens_per_second = prompt_rate(cut.total, step.error_ratio, duration);
  tell_usage_details(cut.total, step);
  step.token_count = count_witnesses({.window = cut.total,
                                      .rate = tokens,
                                      .source = step.token_source,
                                      .tokens_per_second = step.output_tokens_per_second.value,
                                      .seconds = duration,
                                      .by_requests = window.requests.has_value(),
                                      .streamed = cell.workload.stream});
  step.delivery = delivery_of(cut.total);
  step.unanswered = cut.total.witnesses.unanswered;

  step.ttft_seconds = latency(cut, &SeriesStats::ttft, batches);
  step.ttfo_seconds = latency(cut, &SeriesStats::ttfo, batches);
  step.tpot_seconds = latency(cut, &SeriesStats::tpot, batches);
  step.icl_seconds = latency(cut, &SeriesStats::icl, batches);
  step.e2e_seconds = latency(cut, &SeriesStats::e2e, batches);
  step.connect_seconds = summarise(cut.generator.connect);
  step.generator = generator_of(cut, tokens);
  // Near the knee the queue of sessions that think comes and goes over several cycles, and misses with it.
  constexpr double kQueueCycles = 2;
  measure_slo(step, cut, cell, duration,
              cell.workload.thinks() ? batches_of(window, cut, duration, kQueueCycles) : batches);

  const auto tokens_of = [&](const SeriesStats& s) -> std::optional<double> {
    if (uncounted) return std::nullopt;
    return window.requests ? tokens.ended(s) : tokens.arrived(s);
  };
  const Target& target = plan.targets.at(cell.target);
  for (const auto& [name, stats] : replicas_of(timeline, target, cut)) {
    step.replicas.push_back(share_of(name, *stats, tokens_of(*stats), duration, cell));
  }
  if (target.urls.size() == 1 && target.connection == ConnectionUse::kReuse) check_pinning(step, cut);
  if (cell.workload.classes.size() > 1) {
    for (std::uint32_t i = 0; i < cell.workload.classes.size(); ++i) {
      const SeriesStats& stats = cut.by_class[i];
      step.classes.push_back(
          share_of(cell.workload.classes[i].name, stats, tokens_of(stats), duration, cell));
    }
  }

  if (cell.workload.conversation) {
    for (const auto& [turn, stats] : cut.by_turn) {
      const std::string name = fmt::format("{}{}", turn + 1, turn == kLastTurn ? "+" : "");
      step.turns.push_back(share_of(name, stats, tokens_of(stats), duration, cell));
    }
  }

  if (window.moving) step.warn("MOVING", "");
  if (batches && batches->short_window) {
    step.warn("SHORT_WINDOW", "");
  } else if (!batches && !window.requests) {
    step.warn("SHORT_WINDOW", words::too_short_for_intervals());
  }
  if (window.low_confidence) step.warn("LOW_CONFIDENCE", words::longest_window_not_enough());
  if (window.unsteady) step.invalidate("UNSTEADY", words::still_settling());
  check_health(step, timeline, target, window);
  WindowEvidence evidence = evidence_of(timeline, window, cut, tokens);
  if (window.rate) evidence.in_flight_growth = growth_of_in_flight(cut, batches);
  if (fills_evenly(plan, cell, window)) evidence.thinking_moved = move_of_thinking(cut, duration);
  apply_gates(step, evidence);
  if (step.has_flag("BUFFERED")) void_stream_times(step);
  if (step.has_flag("TPOT_UNKNOWN")) void_tpot(step);
  return step;
}

}  // namespace kneepoint::coordinator
