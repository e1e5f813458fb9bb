#include "coordinator/timeline/timeline.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace kneepoint::coordinator {

void Timeline::add_agent(std::uint32_t agent) {
  agents_.try_emplace(agent, Agent{.complete_through = from_ - 1});
}

void Timeline::resume(std::int64_t from) {
  earlier_.emplace_back(from, std::exchange(agents_, {}));
  from_ = from;
}

void Timeline::lose_agent(std::uint32_t agent) {
  agents_[agent].lost = true;
}

void Timeline::add(std::uint32_t agent, const SnapshotBatch& batch) {
  for (const SecondSnapshot& part : batch.seconds) {
    TimelineSecond& second = seconds_[part.second];
    for (const auto& [key, stats] : part.series) second.series[key].merge(stats);
    second.generator.merge(part.generator);
  }
  replica_names_.insert(batch.replica_names.begin(), batch.replica_names.end());
  Agent& from = agents_[agent];
  note_gap(from, batch);
  from.complete_through = std::max(from.complete_through, batch.complete_through);
}

std::vector<double> TimelineSecond::busiest_threads() const {
  return busiest.empty() ? std::vector<double>{generator.busiest_thread} : busiest;
}

void Timeline::note_gap(Agent& agent, const SnapshotBatch& batch) {
  if (batch.sequence == 0) return;
  const bool missing = batch.sequence > agent.sequence + 1;
  agent.sequence = batch.sequence;
  if (!missing) return;
  // What is missing came behind the last batch's end and before this one's beginning; both may be half there.
  std::int64_t last = batch.complete_through;
  for (const SecondSnapshot& second : batch.seconds) last = std::min(last, second.second);
  const std::int64_t first = std::max<std::int64_t>(agent.complete_through, 0);
  agent.holes.emplace_back(first, std::max(first, last));
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
      folded.generator.merge(at->second.generator);
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
  return through == std::numeric_limits<std::int64_t>::max() ? from_ - 1 : through;
}

bool Timeline::complete(std::int64_t begin, std::int64_t end) const {
  const auto life = std::find_if(earlier_.begin(), earlier_.end(),
                                 [&](const auto& earlier) { return begin < earlier.first; });
  const Agents& agents = life == earlier_.end() ? agents_ : life->second;
  return std::all_of(agents.begin(), agents.end(), [&](const auto& entry) {
    const Agent& agent = entry.second;
    return agent.complete_through >= end - 1 &&
           std::none_of(agent.holes.begin(), agent.holes.end(),
                        [&](const auto& hole) { return hole.first < end && hole.second >= begin; });
  });
}

std::size_t Timeline::agents_lost() const {
  return static_cast<std::size_t>(
      std::count_if(agents_.begin(), agents_.end(), [](const auto& entry) { return entry.second.lost; }));
}

}  // namespace kneepoint::coordinator
