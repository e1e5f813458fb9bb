#include "coordinator/live/run_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/json_quoted.h"
#include "common/printable.h"

namespace kneepoint::coordinator {
namespace {

/// Below this many first tokens the nearest-rank p95 is the maximum.
constexpr std::uint64_t kSmallestP95 = 20;

std::string figure(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? fmt::format("{:.5g}", *value) : "null";
}

/// What a host or an agent said, as a JSON string.
std::string said(std::string_view text) {
  return json_quoted(printable(text));
}

}  // namespace

void RunState::agent(std::uint32_t number, std::string name, std::string peer) {
  agents_[number] = {.name = std::move(name), .peer = std::move(peer)};
}

void RunState::agent_lost(std::uint32_t number, std::string_view why) {
  Agent& agent = agents_[number];
  agent.lost = why.empty() ? "lost" : std::string(why);
  agent.in_flight = 0;
}

void RunState::batch(std::uint32_t number, const SnapshotBatch& batch) {
  Agent& agent = agents_[number];
  if (agent.lost.empty()) agent.in_flight = batch.in_flight;
  agent.through = std::max(agent.through, batch.complete_through);
  if (batch.seconds.empty()) return;
  const GeneratorStats& generator = batch.seconds.back().generator;
  agent.busy = generator.busiest_thread;
  agent.lag_p99 = generator.rx_lag.quantile_seconds(0.99);
}

void RunState::note(std::string_view line) {
  lines_.emplace_back(line);
  if (lines_.size() > kMostLines) lines_.pop_front();
}

CourseSecond RunState::take(const TimelineSecond& second) {
  double in_flight = 0, tokens = 0, completed = 0, failed = 0;
  Histogram ttft;
  for (const auto& [key, stats] : second.series) {
    TokenEstimate& estimate = tokens_[key.cell];
    estimate.add(stats);
    tokens += estimate.rate().arrived(stats);
    in_flight += stats.in_flight;
    completed += static_cast<double>(stats.completed());
    failed += static_cast<double>(stats.failed());
    ttft.merge(stats.ttft);
    failures_.merge(stats.failures);
    for (std::size_t i = 0; i < kOutcomeCount; ++i) outcomes_[i] += stats.outcomes[i];
  }
  latest_ = {.in_flight = in_flight,
             .output_tokens_per_second = tokens,
             .requests_per_second = completed,
             .failures_per_second = failed,
             .ttft_p50 = ttft.quantile_seconds(0.5)};
  if (ttft.count() >= kSmallestP95) latest_.ttft_p95 = ttft.quantile_seconds(0.95);
  return latest_;
}

std::string RunState::agents_json() const {
  std::vector<const Agent*> shown;
  std::size_t lost = 0;
  for (const auto& [number, agent] : agents_) {
    shown.push_back(&agent);
    lost += agent.lost.empty() ? 0 : 1;
  }
  // Those first that a reader may have to look after.
  const auto rank = [](const Agent* a) { return std::pair(a->lost.empty(), -a->busy.value_or(0)); };
  const bool all = shown.size() <= kMostAgents;
  if (!all) {
    std::nth_element(shown.begin(), shown.begin() + kMostAgents, shown.end(),
                     [&](const Agent* a, const Agent* b) { return rank(a) < rank(b); });
    shown.resize(kMostAgents);
  }
  std::string list;
  for (const Agent* agent : shown) {
    list += fmt::format(
        R"({}{{"name":{},"peer":{},"lost":{},"in_flight":{},"through":{},"busy":{},"lag_p99":{}}})",
        list.empty() ? "" : ",", said(agent->name), said(agent->peer), said(agent->lost), agent->in_flight,
        agent->through, figure(agent->busy), figure(agent->lag_p99));
  }
  return fmt::format(R"({{"present":{},"lost":{},"list":[{}]}})", agents_.size() - lost, lost, list);
}

std::string RunState::errors_json() const {
  std::string list;
  for (const auto& [key, failure] : failures_.all()) {
    list += fmt::format(R"({}{{"kind":"{}","status":{},"count":{},"said":{},"request_id":{}}})",
                        list.empty() ? "" : ",", to_string(key.outcome), key.status, failure.count,
                        said(failure.said), said(failure.request_id));
  }
  return "[" + list + "]";
}

std::string RunState::lines_json() const {
  std::string list;
  for (const std::string& line : lines_) list += (list.empty() ? "" : ",") + said(line);
  return "[" + list + "]";
}

std::string RunState::json(const Progress& progress, std::string_view scenario,
                           std::string_view target) const {
  std::uint64_t failed = 0;
  for (const Outcome outcome : kOutcomes) {
    if (outcome != Outcome::kSuccess && outcome != Outcome::kCancelled)
      failed += outcomes_[static_cast<std::size_t>(outcome)];
  }
  const auto seconds = [](Nanos time) { return fmt::format("{:.1f}", to_seconds(time)); };
  return fmt::format(
      R"({{"phase":"{}","scenario":{},"target":{},"cell":{},"step":{},"steps":{},"elapsed":{},"left":{},)"
      R"("asked":{},"rate":{},"in_flight":{},"backing_off":{},"completed":{},"failed":{},)"
      R"("output_tokens_per_second":{},"requests_per_second":{},"ttft_p50":{},"ttft_p95":{},)"
      R"("agents":{},"errors":{},"lines":{}}})",
      to_string(progress.phase), said(scenario), said(target), progress.cell, progress.step + 1,
      progress.step_count.value_or(progress.step + 1), seconds(progress.now),
      progress.time_left ? seconds(*progress.time_left) : "null", progress.concurrency, figure(progress.rate),
      progress.in_flight, progress.backing_off, outcomes_[static_cast<std::size_t>(Outcome::kSuccess)],
      failed, figure(latest_.output_tokens_per_second), figure(latest_.requests_per_second),
      figure(latest_.ttft_p50), figure(latest_.ttft_p95), agents_json(), errors_json(), lines_json());
}

std::string RunState::json(std::string_view waiting_for) const {
  return fmt::format(R"({{"waiting":{},"agents":{},"errors":[],"lines":{}}})", said(waiting_for),
                     agents_json(), lines_json());
}

}  // namespace kneepoint::coordinator
