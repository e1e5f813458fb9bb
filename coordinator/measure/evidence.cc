#include "coordinator/measure/evidence.h"

#include <cmath>
#include <cstddef>
#include <functional>
#include <numeric>
#include <vector>

#include "coordinator/measure/delivery.h"
#include "coordinator/measure/statistics.h"

namespace kneepoint::coordinator {
namespace {

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

}  // namespace

WindowEvidence evidence_of(const CutWindow& of) {
  const auto& [timeline, plan, cell, window, cut, tokens, batches, seconds] = of;
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
  if (window.rate) evidence.in_flight_growth = growth_of_in_flight(cut, batches);
  if (fills_evenly(plan, cell, window)) evidence.thinking_moved = move_of_thinking(cut, seconds);
  return evidence;
}

}  // namespace kneepoint::coordinator
