#include "coordinator/compare/shared_cache.h"
#include "coordinator/words/comparison.h"

#include <map>
#include <set>

namespace kneepoint::coordinator {

std::string shared_cache_remark(const std::vector<ComparedRun>& runs,
                                const std::vector<const ScenarioResult*>& results) {
  std::map<std::string, std::vector<std::size_t>> by_texts;
  for (std::size_t run = 0; run < runs.size(); ++run) {
    if (results[run] != nullptr && !results[run]->workload.texts.empty())
      by_texts[results[run]->workload.texts].push_back(run);
  }
  for (const auto& [texts, same] : by_texts) {
    // Targets of one run are two hosts, each with a cache of its own.
    std::set<std::string> ids;
    std::vector<std::string> names;
    const Step* most = nullptr;
    std::size_t most_in = 0;
    for (const std::size_t run : same) {
      ids.insert(runs[run].report.run_id);
      names.push_back(runs[run].label);
      for (const Step& step : results[run]->steps) {
        const double hits = step.cache_hits().value_or(0);
        if (hits <= 0 || (most != nullptr && hits <= *most->cache_hits())) continue;
        most = &step;
        most_in = run;
      }
    }
    if (ids.size() < 2 || most == nullptr) continue;
    return words::same_texts_and_a_cache(names, runs[most_in].label, *most);
  }
  return "";
}

}  // namespace kneepoint::coordinator
