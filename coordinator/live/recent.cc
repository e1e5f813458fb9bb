#include "coordinator/live/recent.h"

#include <algorithm>

#include "coordinator/live/token_estimate.h"

namespace kneepoint::coordinator {
namespace {

/// The ratio of tokens to chunks is read off this many seconds: requests of the last few may all still be
/// running.
constexpr std::int64_t kRatioSeconds = 60;

}  // namespace

RecentRates recent_rates(const Timeline& timeline, std::uint32_t cell, std::int64_t seconds) {
  RecentRates rates;
  const std::int64_t end = timeline.complete_through() + 1;
  const std::int64_t begin = std::max<std::int64_t>(0, end - seconds);
  if (begin >= end) return rates;

  const auto& all = timeline.seconds();
  TokenEstimate usage;
  std::uint64_t completed = 0;
  SeriesStats recent;
  for (auto at = all.lower_bound(std::max<std::int64_t>(0, end - kRatioSeconds));
       at != all.end() && at->first < end; ++at) {
    for (const auto& [key, stats] : at->second.series) {
      if (key.cell != cell) continue;
      usage.add(stats);
      if (at->first < begin) continue;
      completed += stats.completed();
      for (std::size_t half = 0; half < 2; ++half) {
        recent.reported_tokens[half] += stats.reported_tokens[half];
        recent.unreported_chunks[half] += stats.unreported_chunks[half];
      }
    }
  }
  const double length = static_cast<double>(end - begin);
  rates.requests_per_second = static_cast<double>(completed) / length;
  rates.tokens_per_second = usage.rate().arrived(recent) / length;
  return rates;
}

}  // namespace kneepoint::coordinator
