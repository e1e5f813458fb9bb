#include "coordinator/report/failures.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "coordinator/results/units.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

std::optional<double> longest_silence(const std::vector<Step>& steps) {
  std::optional<double> longest;
  for (const Step& step : steps) longest = std::max(longest, step.icl_seconds.max);
  return longest;
}

RequestCounts all_requests(const std::vector<Step>& steps) {
  RequestCounts all;
  std::map<std::pair<std::string, std::optional<std::uint64_t>>, FailureKind> kinds;
  for (const Step& step : steps) {
    all.started += step.requests.started;
    all.completed += step.requests.completed;
    all.failed += step.requests.failed;
    for (std::size_t i = 0; i < kOutcomeCount; ++i) all.by_outcome[i] += step.requests.by_outcome[i];
    for (const FailureKind& kind : step.requests.failures) {
      const auto [at, fresh] = kinds.try_emplace({kind.outcome, kind.status}, kind);
      if (fresh) continue;
      at->second.count += kind.count;
      if (!at->second.said.empty() || kind.said.empty()) continue;
      at->second.said = kind.said;
      at->second.request_id = kind.request_id;
    }
  }
  for (auto& [key, kind] : kinds) all.failures.push_back(std::move(kind));
  return all;
}

Table slowest_table(const ScenarioResult& result) {
  Table table{{{"X-Request-Id", 40, true},
               {"TTFT", 9},
               {.title = "N", .width = 9, .spare = 2},
               {.title = "sent at", .width = 9, .spare = 1}},
              {}};
  std::vector<std::pair<const SlowRequest*, const Step*>> all;
  for (const Step& step : result.steps) {
    for (const SlowRequest& each : step.slowest) all.emplace_back(&each, &step);
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.first->ttft_seconds > b.first->ttft_seconds;
  });
  all.resize(std::min(all.size(), kSlowestRows));
  for (const auto& [request, step] : all) {
    table.rows.push_back({request->request_id, format_time(request->ttft_seconds), row_label(*step),
                          fmt::format("{:.1f} s", request->sent_at_seconds)});
  }
  return table;
}

}  // namespace kneepoint::coordinator
