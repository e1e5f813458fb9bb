#include "coordinator/measure/steady_state.h"

#include <limits>

namespace kneepoint::coordinator {

std::size_t mser5(std::span<const double> values) {
  constexpr std::size_t kGroup = 5;
  constexpr std::size_t kFewestGroups = 10;
  constexpr std::size_t kKept = 5;
  const std::size_t groups = values.size() / kGroup;
  if (groups < kFewestGroups) return 0;
  std::vector<double> means(groups, 0.0);
  for (std::size_t i = 0; i < groups * kGroup; ++i) means[i / kGroup] += values[i] / kGroup;

  // From the end towards the start, so that each cut costs one addition (Welford).
  double mean = 0;
  double squares = 0;
  double least = std::numeric_limits<double>::infinity();
  std::size_t best = 0;
  for (std::size_t kept = 1; kept <= groups; ++kept) {
    const double value = means[groups - kept];
    const double delta = value - mean;
    mean += delta / static_cast<double>(kept);
    squares += delta * (value - mean);
    if (kept < kKept) continue;
    const double statistic = squares / static_cast<double>(kept * kept);
    if (statistic <= least) {
      least = statistic;
      best = groups - kept;
    }
  }
  return best * kGroup;
}

std::vector<double> tokens_by_half_second(const Timeline& timeline, std::uint32_t cell, std::int64_t begin,
                                          std::int64_t end) {
  std::vector<double> bins(end > begin ? static_cast<std::size_t>(2 * (end - begin)) : 0, 0.0);
  const auto& seconds = timeline.seconds();
  for (auto at = seconds.lower_bound(begin); at != seconds.end() && at->first < end; ++at) {
    for (const auto& [key, stats] : at->second.series) {
      if (key.cell != cell) continue;
      for (std::size_t half = 0; half < 2; ++half) {
        bins[static_cast<std::size_t>(2 * (at->first - begin)) + half] +=
            static_cast<double>(stats.reported_tokens[half] + stats.unreported_chunks[half]);
      }
    }
  }
  return bins;
}

}  // namespace kneepoint::coordinator
