#pragma once

#include <cstdint>
#include <map>
#include <optional>
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
  /// The instant of the reading, in seconds since the run's zero, where it is known better than by `second`.
  std::optional<double> at{};

  /// Of a server that does a part of each request: "prefill", "decode" or "router"; empty: all of it.
  std::string role{};

  RankValues ranks{};  ///< As EngineReading has it; `values` contains them.

  double instant() const { return at.value_or(static_cast<double>(second)); }
  bool operator==(const TelemetrySample&) const = default;
};

}  // namespace kneepoint::coordinator
