#pragma once

#include <cstdint>

#include "common/plan.h"
#include "common/second_stats.h"

namespace kneepoint::agent {

inline constexpr std::uint32_t kNoIndex = static_cast<std::uint32_t>(-1);

/// The running state of one SeriesKey and its counters in the current second.
struct Series {
  SeriesKey key;
  const Cell* cell = nullptr;
  SeriesStats stats;
  std::uint32_t exempt = 0;        // a bit per SLO limit that does not apply to its class
  std::uint32_t index = kNoIndex;  // in the current second's samples
  bool touched = false;            // has something to hand over
  std::int32_t in_flight = 0;
  std::int32_t waiting = 0;
  std::int32_t backing_off = 0;
  std::int32_t thinking = 0;
  std::int32_t beside = 0;
  std::int32_t backlog = 0;

  bool live() const {
    return in_flight != 0 || waiting != 0 || backing_off != 0 || thinking != 0 || beside != 0 || backlog != 0;
  }
};

/// A bit per limit of the cell that requests of a class are not held against.
std::uint32_t exempt_limits(const Cell& cell, std::uint32_t prompt_class);

/// Whether a limit on it is decided as soon as its event comes, or is overdue.
inline bool is_time_limit(SloMetric metric) {
  return metric == SloMetric::kTtft || metric == SloMetric::kTtfo;
}

}  // namespace kneepoint::agent
