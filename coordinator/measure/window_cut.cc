#include "coordinator/measure/window_cut.h"

#include <algorithm>

namespace kneepoint::coordinator {

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
  const auto& seconds = timeline.seconds();
  for (auto at = seconds.lower_bound(window.begin); at != seconds.end() && at->first < window.end; ++at) {
    cut.observed = true;
    for (const auto& [key, stats] : at->second.series) {
      cut.anything.merge(stats);
      if (key.cell != window.cell || (window.requests && key.epoch != window.epoch)) continue;
      cut.seconds[static_cast<std::size_t>((at->first - window.begin) / window.grain)].merge(stats);
      cut.by_replica[key.replica].merge(stats);
      cut.by_class[key.prompt_class].merge(stats);
      cut.by_turn[key.turn].merge(stats);
    }
    cut.generator.merge(at->second.generator);
    const auto busiest = at->second.busiest_threads();
    cut.busiest_thread.insert(cut.busiest_thread.end(), busiest.begin(), busiest.end());
  }
  for (const SeriesStats& second : cut.seconds) cut.total.merge(second);
  return cut;
}

}  // namespace kneepoint::coordinator
