#include "coordinator/verdict/drift.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "coordinator/measure/repeat.h"
#include "coordinator/results/throughput.h"
#include "coordinator/results/units.h"
#include "coordinator/words/again.h"

namespace kneepoint::coordinator {

void mark_drift(std::vector<Step>& steps) {
  constexpr double kTolerated = 0.03;
  std::map<double, std::pair<const Step*, Step*>> ends;
  for (Step& step : steps) {
    if (!step.valid || !throughput_of(step).value) continue;
    auto& [first, last] = ends[step.load()];
    if (first == nullptr) first = &step;
    last = &step;
  }
  for (auto& [load, pair] : ends) {
    auto& [first, last] = pair;
    if (first == last) continue;
    const auto change = row_change(*first, *last);
    if (!change || std::abs(change->throughput) <= std::max(kTolerated, change->throughput_error)) continue;
    last->warn("DRIFT", words::moved_at(format_load(last->load_kind(), load), change->throughput,
                                        last->window_begin_seconds - first->window_begin_seconds));
  }
}

}  // namespace kneepoint::coordinator
