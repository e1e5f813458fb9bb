#include "coordinator/timeline/timeline.h"

#include <algorithm>
#include <limits>

namespace kneepoint::coordinator {

void Timeline::add_agent(std::uint32_t agent) {
  agents_[agent];
}

void Timeline::lose_agent(std::uint32_t agent) {
  agents_[agent].lost = true;
}

void Timeline::add(std::uint32_t agent, const SnapshotBatch& batch) {
  for (const SecondSnapshot& part : batch.seconds) {
    TimelineSecond& second = seconds_[part.second];
    for (const auto& [key, stats] : part.series) second.series[key].merge(stats);
    second.generators[agent].merge(part.generator);
  }
  replica_names_.insert(batch.replica_names.begin(), batch.replica_names.end());
  Agent& from = agents_[agent];
  from.complete_through = std::max(from.complete_through, batch.complete_through);
}

std::vector<double> TimelineSecond::busiest_threads() const {
  if (!busiest.empty() || generators.empty()) return busiest;
  double most = 0;
  for (const auto& [agent, stats] : generators) most = std::max(most, stats.busiest_thread);
  return {most};
}

void Timeline::fold(std::int64_t begin, std::int64_t end, std::int64_t span) {
  for (std::int64_t group = begin; group < end; group += span) {
    const std::int64_t stop = std::min(group + span, end);
    const auto first = seconds_.lower_bound(group);
    if (first == seconds_.end() || first->first >= stop) continue;
    TimelineSecond folded{.span = stop - group};
    const auto last = seconds_.lower_bound(stop);
    for (auto at = first; at != last; ++at) {
      for (const auto& [key, stats] : at->second.series) folded.series[key].merge(stats);
      for (const auto& [agent, stats] : at->second.generators) folded.generators[agent].merge(stats);
      const auto busiest = at->second.busiest_threads();
      folded.busiest.insert(folded.busiest.end(), busiest.begin(), busiest.end());
    }
    seconds_.erase(first, last);
    seconds_[group] = std::move(folded);
  }
}

std::int64_t Timeline::complete_through() const {
  std::int64_t through = std::numeric_limits<std::int64_t>::max();
  for (const auto& [id, agent] : agents_) {
    if (!agent.lost) through = std::min(through, agent.complete_through);
  }
  return through == std::numeric_limits<std::int64_t>::max() ? -1 : through;
}

bool Timeline::complete(std::int64_t, std::int64_t end) const {
  return std::all_of(agents_.begin(), agents_.end(),
                     [&](const auto& entry) { return entry.second.complete_through >= end - 1; });
}

std::size_t Timeline::agents_lost() const {
  return static_cast<std::size_t>(
      std::count_if(agents_.begin(), agents_.end(), [](const auto& entry) { return entry.second.lost; }));
}

}  // namespace kneepoint::coordinator
