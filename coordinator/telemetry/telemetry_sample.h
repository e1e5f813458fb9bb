#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "coordinator/telemetry/signal.h"

namespace kneepoint::coordinator {

/// What one source said at one instant.
struct TelemetrySample {
  std::int64_t second = 0;  ///< The instant, in whole seconds since the run's zero.
  std::string
      target;  ///< The target that it tells of; empty: of all (a GPU host they share, another tenant).
  std::string source;                     ///< One of several: the URL without secrets, or "nvml".
  SignalValues values;                    ///< Counters as read.
  std::map<std::string, double> metrics;  ///< Metrics watched by name, summed over their series.
  bool operator==(const TelemetrySample&) const = default;
};

}  // namespace kneepoint::coordinator
