#pragma once

#include <cstdint>
#include <optional>

#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

/// What one cell did over the last seconds that the whole fleet has completed, for the live view only:
/// reports cut their own windows.
struct RecentRates {
  std::optional<double>
      tokens_per_second;  ///< By receive time; estimated as in TokenEstimate. Absent at first.
  std::optional<double> requests_per_second;  ///< Successful ones.
};

/// Over at most the last `seconds` complete seconds. Reads at most the last minute of the timeline, so it may
/// be called for every frame.
RecentRates recent_rates(const Timeline& timeline, std::uint32_t cell, std::int64_t seconds);

}  // namespace kneepoint::coordinator
