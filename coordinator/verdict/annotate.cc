#include "coordinator/verdict/annotate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "coordinator/measure/repeat.h"
#include "coordinator/measure/statistics.h"
#include "coordinator/measure/validity.h"
#include "coordinator/results/sessions.h"
#include "coordinator/results/throughput.h"
#include "coordinator/verdict/shape.h"
#include "coordinator/verdict/throughput_curve.h"
#include "coordinator/words/rows.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kNearLinear = 0.8;
constexpr double kQueueingShare = 0.05;
constexpr double kQueueingGrowth = 2;

/// Up to and with `step`, the points of smaller or equal concurrency.
std::vector<ThroughputPoint> points_up_to(const std::vector<ThroughputPoint>& points, const Step& step) {
  std::vector<ThroughputPoint> below;
  std::copy_if(points.begin(), points.end(), std::back_inserter(below),
               [&](const ThroughputPoint& p) { return p.concurrency <= step.load(); });
  return below;
}

std::string state_of(const Step& step, const std::vector<ThroughputPoint>& points,
                     const Saturation& saturation) {
  if (step.has_flag("CLIENT_BOUND")) return "CLIENT_BOUND";
  if (step.has_flag("UNSTEADY")) return "UNSTEADY";
  if (host_was_gone(step)) return "";
  if (surely_failing(step.requests)) return "COLLAPSING";
  if (!step.valid) return "";
  const auto up_to = points_up_to(points, step);
  if (up_to.empty() || up_to.back().concurrency != step.load()) return "";
  if (falls_surely(up_to, up_to.size() - 1)) return "COLLAPSING";
  if (saturation.from() && step.load() >= *saturation.from()) return "SATURATED";
  if (up_to.size() < 2) return "";
  return elasticity(up_to[up_to.size() - 2], up_to.back()).lower >= kNearLinear ? "NEAR-LINEAR"
                                                                                : "DIMINISHING";
}

/// Whether a row's median is lower beyond chance.
bool surely_lower(const LatencySummary& a, const LatencySummary& b) {
  if (a.p50_ci95 && b.p50_ci95) return a.p50_ci95->high < b.p50_ci95->low;
  return *a.p50 < *b.p50;
}

/// The baseline of the others. Where more load is as fast, the lowest load is it; a full host never is, whose
/// requests may be quick once they are let in.
void mark_lowest_latency(std::vector<Step>& steps) {
  std::vector<Step*> rows;
  for (Step& step : steps) {
    if (stands(step) && step.e2e_seconds.p50) rows.push_back(&step);
  }
  if (rows.size() < 2) return;
  std::stable_sort(rows.begin(), rows.end(), [](auto a, auto b) { return a->load() < b->load(); });
  Step* lowest = nullptr;
  for (Step* step : rows) {
    if (step->state == "SATURATED" || step->state == "COLLAPSING" || step->has_flag("RATE_NOT_REACHED") ||
        step->has_flag("OVERLOADED"))
      continue;
    if (lowest == nullptr || surely_lower(step->e2e_seconds, lowest->e2e_seconds)) lowest = step;
  }
  if (lowest != nullptr) lowest->warn("LOWEST LATENCY", "");
}

void mark_queueing(std::vector<Step>& steps) {
  std::vector<Step*> rows;
  for (Step& step : steps) {
    if (stands(step) && step.ttft_seconds.p50 && step.waiting) rows.push_back(&step);
  }
  std::stable_sort(rows.begin(), rows.end(), [](auto a, auto b) { return a->load() < b->load(); });
  for (Step* step : rows) {
    const LatencySummary& ttft = step->ttft_seconds;
    const double lower = ttft.p50_ci95 ? ttft.p50_ci95->low : *ttft.p50;
    if (lower > kQueueingGrowth * *rows.front()->ttft_seconds.p50 &&
        *step->waiting > kQueueingShare * requests_in_flight(*step)) {
      return step->warn("QUEUEING BEGINS", "");
    }
  }
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return c == '_' ? ' ' : static_cast<char>(std::tolower(c)); });
  return text;
}

/// What a row counts as in the curve, where that is not what it shows.
std::optional<std::string> correction_note(const Step& step) {
  constexpr double kWorthTelling = 0.005;
  const auto& x = throughput_of(step).value;
  if (!step.speed || !x || std::abs(step.speed->ratio - 1) < kWorthTelling) return std::nullopt;
  return words::host_speed(step.speed->ratio, *x / step.speed->ratio, throughput_unit({step}));
}

std::string note_of(const Step& step) {
  std::vector<std::string> parts;
  if (!step.valid) {
    for (const std::string& gate : failed_gates(step)) parts.push_back("INVALID " + lower_case(gate));
  }
  if (!step.state.empty() && step.state != "CLIENT_BOUND") parts.push_back(lower_case(step.state));
  for (const char* marker : {"MOVING", "LOWEST LATENCY", "QUEUEING BEGINS", "RATE_NOT_REACHED", "OVERLOADED",
                             "DRIFTING", "DRIFT"}) {
    if (step.has_flag(marker)) parts.push_back(lower_case(marker));
  }
  for (const SloCheck& check : step.slo) {
    if (check.state == "FAIL") parts.push_back(fmt::format("misses {}", check.name));
  }
  if (auto corrected = correction_note(step)) parts.push_back(std::move(*corrected));
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace

void annotate(std::vector<Step>& steps, const Saturation& saturation) {
  const auto points = throughput_points(steps);
  for (Step& step : steps) step.state = state_of(step, points, saturation);
  mark_lowest_latency(steps);
  mark_queueing(steps);
  for (Step& step : steps) step.note = note_of(step);
}

}  // namespace kneepoint::coordinator
