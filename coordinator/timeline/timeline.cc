#include "coordinator/timeline/timeline.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/distribution.h"

namespace kneepoint::coordinator {
namespace {

void add_rows(std::vector<RequestRow>& kept, const std::vector<RequestRow>& rows) {
  if (rows.empty()) return;
  kept.insert(kept.end(), rows.begin(), rows.end());
  keep_rows(kept);
}

void sort_slowest_first(std::vector<RequestRow>& rows) {
  std::erase_if(rows, [](const RequestRow& row) { return !row.first; });
  std::stable_sort(rows.begin(), rows.end(), waited_longer);
}

}  // namespace

bool waited_longer(const RequestRow& a, const RequestRow& b) {
  return *a.first - a.sent > *b.first - b.sent;
}

std::uint64_t lot_of(const RequestRow& row) {
  std::uint64_t lot = row.key.cell;
  for (const std::uint64_t part : {std::uint64_t{row.key.epoch}, std::uint64_t{row.slot}, row.k})
    lot = mix_bits(lot + part);
  return lot;
}

void keep_slowest(std::vector<RequestRow>& rows) {
  sort_slowest_first(rows);
  std::map<std::uint32_t, std::size_t> kept;  // by cell
  std::erase_if(rows, [&](const RequestRow& row) { return ++kept[row.key.cell] > kSlowestRows; });
}

void keep_rows(std::vector<RequestRow>& rows) {
  sort_slowest_first(rows);
  std::map<std::uint32_t, std::vector<std::uint64_t>> lots;  // by cell; at most kDrawnRows, the lowest
  for (const RequestRow& row : rows) {
    std::vector<std::uint64_t>& lowest = lots[row.key.cell];
    const std::uint64_t lot = lot_of(row);
    lowest.insert(std::upper_bound(lowest.begin(), lowest.end(), lot), lot);
    if (lowest.size() > kDrawnRows) lowest.pop_back();
  }
  std::map<std::uint32_t, std::size_t> kept;  // by cell
  std::erase_if(rows, [&](const RequestRow& row) {
    return ++kept[row.key.cell] > kSlowestRows && lot_of(row) > lots[row.key.cell].back();
  });
}

void Timeline::add_agent(std::uint32_t agent, std::int64_t from) {
  agents_.try_emplace(agent,
                      Agent{.complete_through = std::max(from, from_) - 1, .presence = {.from = from}});
}

void Timeline::resume(std::int64_t from) {
  earlier_.emplace_back(from, std::exchange(agents_, {}));
  from_ = from;
}

void Timeline::lose_agent(std::uint32_t agent, std::int64_t until) {
  agents_[agent].presence.until = until;
}

void Timeline::add(std::uint32_t agent, const SnapshotBatch& batch) {
  Agent& from = agents_[agent];
  for (const SecondSnapshot& part : batch.seconds) {
    const std::int64_t last = std::max(from.presence.until - 1, from.presence.from);
    TimelineSecond& second = second_of_part(std::min(part.second, last));
    for (const auto& [key, stats] : part.series) second.series[key].merge(stats);
    second.generator.merge(part.generator);
    add_rows(second.rows, part.requests);
  }
  replica_names_.insert(batch.replica_names.begin(), batch.replica_names.end());
  note_gap(from, batch);
  from.complete_through = std::max(from.complete_through, batch.complete_through);
}

/// What an agent that was away brings late may belong to what has been folded meanwhile.
TimelineSecond& Timeline::second_of_part(std::int64_t number) {
  const auto after = seconds_.upper_bound(number);
  if (after != seconds_.begin()) {
    const auto last = std::prev(after);
    if (number < last->first + last->second.span) return last->second;
  }
  return seconds_[number];
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
  // The generator's figures are asked for of whole windows only, but for its busiest thread: they lie in the
  // first of them, which is most of the memory.
  TimelineSecond* whole = nullptr;
  for (std::int64_t group = begin; group < end; group += span) {
    const std::int64_t stop = std::min(group + span, end);
    const auto first = seconds_.lower_bound(group);
    if (first == seconds_.end() || first->first >= stop) continue;
    TimelineSecond folded{.span = stop - group};
    const auto last = seconds_.lower_bound(stop);
    for (auto at = first; at != last; ++at) {
      for (const auto& [key, stats] : at->second.series) folded.series[key].merge(stats);
      folded.generator.merge(at->second.generator);
      add_rows(folded.rows, at->second.rows);
      const auto busiest = at->second.busiest_threads();
      folded.busiest.insert(folded.busiest.end(), busiest.begin(), busiest.end());
    }
    seconds_.erase(first, last);
    TimelineSecond& kept = seconds_[group] = std::move(folded);
    if (whole == nullptr) {
      whole = &kept;
    } else {
      whole->generator.merge(std::exchange(kept.generator, {}));
    }
  }
}

void Timeline::restore(Coverage coverage) {
  from_ = coverage.from;
  restored_ = std::move(coverage);
}

void Timeline::restore(std::int64_t number, TimelineSecond second,
                       const std::map<std::uint32_t, std::string>& replica_names) {
  seconds_.insert_or_assign(number, std::move(second));
  replica_names_.insert(replica_names.begin(), replica_names.end());
}

std::int64_t Timeline::complete_through() const {
  if (restored_) return restored_->complete_through;
  std::int64_t through = Presence::kOpen;
  for (const auto& [id, agent] : agents_) {
    if (!agent.presence.over()) through = std::min(through, agent.complete_through);
  }
  return through == Presence::kOpen ? from_ - 1 : through;
}

bool Timeline::complete(std::int64_t begin, std::int64_t end) const {
  if (restored_) {
    return begin >= end ||
           std::none_of(restored_->missing.begin(), restored_->missing.end(),
                        [&](const auto& gap) { return gap.first < end && gap.second > begin; });
  }
  const auto life = std::find_if(earlier_.begin(), earlier_.end(),
                                 [&](const auto& earlier) { return begin < earlier.first; });
  const Agents& agents = life == earlier_.end() ? agents_ : life->second;
  return std::all_of(agents.begin(), agents.end(), [&](const auto& entry) {
    const Agent& agent = entry.second;
    const std::int64_t first = std::max(begin, agent.presence.from);
    const std::int64_t last = std::min(end, agent.presence.until);
    return last <= first || (agent.complete_through >= last - 1 &&
                             std::none_of(agent.holes.begin(), agent.holes.end(), [&](const auto& hole) {
                               return hole.first < last && hole.second >= first;
                             }));
  });
}

Coverage Timeline::coverage() const {
  if (restored_) return *restored_;
  Coverage coverage{.from = from_, .complete_through = complete_through()};
  auto& missing = coverage.missing;
  const auto look_at = [&](const Agents& agents, std::int64_t begin, std::int64_t end) {
    for (const auto& [number, agent] : agents) {
      const std::int64_t first = std::max(begin, agent.presence.from);
      const std::int64_t last = std::min(end, agent.presence.until);
      const auto miss = [&](std::int64_t from, std::int64_t until) {
        from = std::max(from, first), until = std::min(until, last);
        if (from < until) missing.emplace_back(from, until);
      };
      miss(agent.complete_through + 1, last);
      for (const auto& hole : agent.holes) miss(hole.first, hole.second + 1);
    }
  };
  std::int64_t begin = 0;
  for (const auto& [end, agents] : earlier_) {
    look_at(agents, begin, end);
    begin = end;
  }
  look_at(agents_, begin, Presence::kOpen);
  std::sort(missing.begin(), missing.end());
  std::vector<std::pair<std::int64_t, std::int64_t>> joined;
  for (const auto& gap : missing) {
    if (joined.empty() || gap.first > joined.back().second) {
      joined.push_back(gap);
    } else {
      joined.back().second = std::max(joined.back().second, gap.second);
    }
  }
  missing = std::move(joined);
  return coverage;
}

}  // namespace kneepoint::coordinator
