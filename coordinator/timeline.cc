#include "coordinator/timeline.h"

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
