#include "coordinator/measure/window_cut.h"

#include <algorithm>
#include <utility>

namespace kneepoint::coordinator {
namespace {

using Series = std::pair<const SeriesKey, SeriesStats>;

void add_tokens(SeriesStats& to, const SeriesStats& from) {
  for (std::size_t half = 0; half < 2; ++half) {
    to.reported_tokens[half] += from.reported_tokens[half];
    to.unreported_chunks[half] += from.unreported_chunks[half];
  }
}

/// By a part of the key. What is all of one kind is the total: to merge it again takes as long as all else.
std::map<std::uint32_t, SeriesStats> split(const std::vector<const Series*>& parts, const SeriesStats& total,
                                           std::uint32_t SeriesKey::*by) {
  std::map<std::uint32_t, SeriesStats> kinds;
  for (const Series* part : parts) kinds[part->first.*by];
  if (kinds.size() == 1) {
    kinds.begin()->second = total;
    return kinds;
  }
  for (const Series* part : parts) kinds[part->first.*by].merge(part->second);
  return kinds;
}

}  // namespace

std::vector<double> WindowCut::series(const std::function<double(const SeriesStats&)>& value) const {
  std::vector<double> values;
  values.reserve(seconds.size());
  for (const SeriesStats& second : seconds) values.push_back(value(second));
  return values;
}

WindowCut cut_out(const Timeline& timeline, const StepWindow& window) {
  WindowCut cut;
  cut.seconds.resize(
      static_cast<std::size_t>(std::max<std::int64_t>(window.end - window.begin, 0) / window.grain));
  std::vector<const Series*> parts;
  const auto& seconds = timeline.seconds();
  for (auto at = seconds.lower_bound(window.begin); at != seconds.end() && at->first < window.end; ++at) {
    cut.observed = true;
    for (const Series& part : at->second.series) {
      const auto& [key, stats] = part;
      add_tokens(cut.anything, stats);
      if (key.cell != window.cell || (window.requests && key.epoch != window.epoch)) continue;
      cut.seconds[static_cast<std::size_t>((at->first - window.begin) / window.grain)].merge(stats);
      parts.push_back(&part);
    }
    cut.generator.merge(at->second.generator);
    const auto busiest = at->second.busiest_threads();
    cut.busiest_thread.insert(cut.busiest_thread.end(), busiest.begin(), busiest.end());
  }
  for (const SeriesStats& second : cut.seconds) cut.total.merge(second);
  cut.by_replica = split(parts, cut.total, &SeriesKey::replica);
  cut.by_class = split(parts, cut.total, &SeriesKey::prompt_class);
  cut.by_turn = split(parts, cut.total, &SeriesKey::turn);
  return cut;
}

}  // namespace kneepoint::coordinator
