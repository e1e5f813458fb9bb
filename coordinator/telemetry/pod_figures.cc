#include "coordinator/telemetry/pod_figures.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace kneepoint::coordinator {
namespace {

/// "10.0.0.7:8000" of "http://10.0.0.7:8000/metrics".
std::string pod_name(std::string_view source) {
  constexpr std::string_view kPath = "/metrics";
  if (const auto scheme = source.find("://"); scheme != source.npos) source.remove_prefix(scheme + 3);
  if (source.ends_with(kPath)) source.remove_suffix(kPath.size());
  return std::string(source);
}

std::optional<double> ratio(const std::optional<Growth>& over, const std::optional<Growth>& under) {
  if (!over || !under || under->increase <= 0) return std::nullopt;
  return over->increase / under->increase;
}

/// What a page said in [begin, end], as each of its ranks would have said it on a page of its own.
std::map<std::uint64_t, Readings> ranks_of(const Readings& page, double begin, double end) {
  std::map<std::uint64_t, Readings> ranks;
  const auto first = page.lower_bound(static_cast<std::int64_t>(std::ceil(begin)));
  for (auto at = first; at != page.end() && static_cast<double>(at->first) <= end; ++at) {
    for (const auto& [rank, values] : at->second.ranks) {
      TelemetrySample& own = ranks[rank][at->first];
      own.second = at->first;
      own.at = at->second.at;
      own.values = values;
    }
  }
  return ranks;
}

PodFigures figures_of(const std::string& source, const Readings& readings, double begin, double end) {
  const auto growth = [&](Signal signal) { return growth_of(readings, signal, begin, end); };
  const auto gauge = [&](Signal signal) { return gauge_of(readings, signal, begin, end); };
  PodFigures pod;
  pod.name = pod_name(source);
  // SGLang counts requests by rank only as they leave the queue.
  auto requests = growth(Signal::kRequestsFinished);
  if (!requests) requests = growth(Signal::kQueueTimeCount);
  if (requests) pod.requests_per_second = requests->rate();
  if (const auto tokens = growth(Signal::kGenerationTokens)) pod.output_tokens_per_second = tokens->rate();
  if (const auto running = gauge(Signal::kRunning)) pod.running_mean = running->mean();
  if (const auto waiting = gauge(Signal::kWaiting)) pod.waiting_mean = waiting->mean();
  if (const auto kv = gauge(Signal::kKvUsage)) pod.kv_usage_max = kv->max;
  pod.queue_time_mean_seconds = ratio(growth(Signal::kQueueTimeSum), growth(Signal::kQueueTimeCount));
  pod.ttft_mean_seconds = ratio(growth(Signal::kServerTtftSum), growth(Signal::kServerTtftCount));
  // Little's law: so many streams that give so many tokens a second.
  if (pod.running_mean && *pod.running_mean > 0 && pod.output_tokens_per_second.value_or(0) > 0)
    pod.tpot_mean_seconds = *pod.running_mean / *pod.output_tokens_per_second;
  return pod;
}

/// Each one's part of the sum; absent where one of them does not tell.
void set_shares(std::vector<PodFigures>& pods, std::optional<double> PodFigures::*figure,
                std::optional<double> PodFigures::*share) {
  double sum = 0;
  for (const PodFigures& pod : pods) {
    if (!(pod.*figure)) return;
    sum += *(pod.*figure);
  }
  if (sum <= 0) return;
  for (PodFigures& pod : pods) pod.*share = *(pod.*figure) / sum;
}

}  // namespace

std::vector<PodFigures> pod_figures(const std::vector<EnginePage>& pages, double begin, double end) {
  std::vector<PodFigures> pods;
  for (const EnginePage& page : pages) {
    const auto ranks = ranks_of(*page.readings, begin, end);
    for (const auto& [rank, readings] : ranks) {
      pods.push_back(figures_of(page.source, readings, begin, end));
      pods.back().rank = rank;
    }
    if (ranks.empty()) pods.push_back(figures_of(page.source, *page.readings, begin, end));
  }
  if (pods.size() < 2) return {};
  set_shares(pods, &PodFigures::requests_per_second, &PodFigures::requests_share);
  set_shares(pods, &PodFigures::output_tokens_per_second, &PodFigures::tokens_share);
  return pods;
}

}  // namespace kneepoint::coordinator
