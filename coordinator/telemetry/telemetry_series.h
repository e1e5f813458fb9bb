#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/telemetry/readings.h"
#include "coordinator/telemetry/step_telemetry.h"
#include "coordinator/telemetry/telemetry_sample.h"

namespace kneepoint::coordinator {

/// What one page said of an engine, by second.
struct EnginePage {
  std::string source;
  const Readings* readings;  ///< Of the series that gave it.
  std::string role = {};     ///< As TelemetrySample has it.
};

/// Everything that the sources of a run have said, by source and second. Not thread-safe.
///
/// Engine signals count for the target that their source names, and only for it. GPU signals of a source
/// without a target count for every target. NVML's count only for what no exporter tells.
class TelemetrySeries {
 public:
  /// Keeps a sample; a later one of the same source and second replaces it.
  void add(TelemetrySample sample);

  bool empty() const { return by_source_.empty(); }
  /// All of them, by second, then target and source: the order of telemetry.jsonl.
  std::vector<TelemetrySample> samples() const;

  /// Sums up the window [begin, end), in seconds since the run's zero. Gauges are means over their readings
  /// in it; counters are differences between the first and the last reading in [begin, end], over the time
  /// between these two, restarts of the server included. A counter that appears during the window, as
  /// labelled counters do with their first event, began at 0.
  StepTelemetry summarise(std::string_view target, double begin, double end) const;

  /// The pages that tell of the target's engines; where requests pass through servers of several roles, those
  /// that count whole answers.
  std::vector<EnginePage> pages(std::string_view target) const;
  /// The pages of every role.
  std::vector<EnginePage> pages_of_all_roles(std::string_view target) const;

  /// What the target's bystander felt in [begin, end); absent where there is none, or none of its requests
  /// ended.
  std::optional<BystanderFigures> bystander(std::string_view target, double begin, double end) const;
  /// What it said, by second; null where there is none.
  const Readings* bystander_readings(std::string_view target) const;

  /// One signal over time, for charts: gauges as summed up over sources, counters per second. Seconds without
  /// a reading are absent.
  std::map<std::int64_t, double> timeline(std::string_view target, Signal signal) const;

 private:
  std::vector<const Readings*> sources_of(std::string_view target, Signal signal) const;

  std::map<std::pair<std::string, std::string>, Readings> by_source_;  ///< By target and source.
};

}  // namespace kneepoint::coordinator
