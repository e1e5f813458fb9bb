#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "common/clock.h"
#include "common/histogram.h"
#include "common/second_stats.h"

namespace kneepoint::agent {

/// The distributions of a series.
enum class Metric : std::uint32_t { kTtft, kTtfo, kTpot, kIcl, kTtftIntended, kE2eIntended, kE2e };
inline constexpr std::size_t kMetricCount = 7;

/// One value of a distribution, as the event-loop thread logs it.
struct Sample {
  std::uint32_t series;  ///< Index into RecordedSecond::keys.
  Metric metric;
  Nanos value;
};

/// One second of one thread on its way out: counters are final, distributions still a log.
struct RecordedSecond {
  std::int64_t second = 0;
  std::map<SeriesKey, SeriesStats> series;
  GeneratorStats generator;
  std::vector<RequestRow> requests;
  std::vector<SeriesKey> keys;
  std::vector<Sample> samples;

  /// Adds the log to the histograms. The collecting thread's work: about 100 instructions a sample.
  /// @param scratch empty before and after; one serves a whole collection.
  SecondSnapshot resolve(DenseHistogram& scratch) &&;
};

}  // namespace kneepoint::agent
