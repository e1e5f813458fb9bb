#include "coordinator/measure/guard_figures.h"

#include <cstdint>

namespace kneepoint::coordinator {
namespace {

constexpr std::int64_t kSeconds = 10;
constexpr std::uint64_t kFewestEnded = 5;
constexpr std::uint64_t kFewestForP95 = 20;  // below, the nearest-rank p95 is the maximum

}  // namespace

std::vector<GuardReading> guard_figures(const Timeline& timeline) {
  std::uint64_t completed = 0, failed = 0;
  Histogram ttft;
  const auto& seconds = timeline.seconds();
  const std::int64_t last = timeline.complete_through();
  for (auto at = seconds.upper_bound(last - kSeconds); at != seconds.end() && at->first <= last; ++at) {
    for (const auto& [key, stats] : at->second.series) {
      completed += stats.completed();
      failed += stats.failed();
      ttft.merge(stats.ttft);
    }
  }
  std::vector<GuardReading> readings;
  const auto add = [&](const OwnFigure& figure, double value) {
    readings.push_back({std::string(figure.name), "kneepoint", value});
  };
  if (completed + failed >= kFewestEnded) {
    add(kErrorRatio, static_cast<double>(failed) / static_cast<double>(completed + failed));
  }
  if (ttft.count() >= kFewestEnded) add(kTtftP50, *ttft.quantile_seconds(0.5));
  if (ttft.count() >= kFewestForP95) add(kTtftP95, *ttft.quantile_seconds(0.95));
  return readings;
}

}  // namespace kneepoint::coordinator
