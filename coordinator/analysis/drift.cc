#include "coordinator/analysis/drift.h"

#include <fmt/format.h>

#include <cmath>
#include <map>

#include "coordinator/report/units.h"

namespace kneepoint::coordinator {

void mark_drift(std::vector<Step>& steps) {
  constexpr double kTolerated = 0.03;
  constexpr double kTwoSided95 = 1.96;
  std::map<double, std::pair<const Step*, Step*>> ends;
  for (Step& step : steps) {
    if (!step.valid || !step.output_tokens_per_second.value) continue;
    auto& [first, last] = ends[step.load()];
    if (first == nullptr) first = &step;
    last = &step;
  }
  for (auto& [load, pair] : ends) {
    auto& [first, last] = pair;
    if (first == last) continue;
    const Estimate& before = first->output_tokens_per_second;
    const Estimate& after = last->output_tokens_per_second;
    const double change = (*after.value - *before.value) / *before.value;
    const double error =
        std::hypot(before.standard_error.value_or(0), after.standard_error.value_or(0)) / *before.value;
    if (std::abs(change) <= kTolerated || std::abs(change) <= kTwoSided95 * error) continue;
    last->warn("DRIFT", fmt::format("throughput at {} has moved by {:+.1f} % in {}",
                                    format_load(last->load_kind(), load), change * 100,
                                    format_time(last->window_begin_seconds - first->window_begin_seconds)));
  }
}

}  // namespace kneepoint::coordinator
