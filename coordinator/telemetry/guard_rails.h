#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/telemetry/telemetry_sample.h"

namespace kneepoint::coordinator {

/// Past this the run stops, to spare the target or those who share it.
struct GuardLimit {
  /// A signal ("waiting", "kv_usage_ratio"), a metric's exposed name ("vllm:num_requests_waiting"), or one of
  /// the tool's own figures, as the caller names them ("error_ratio", "ttft_p95_seconds").
  std::string metric;
  double limit = 0;
  bool below = false;  ///< Stop where it falls below the limit instead.
  std::string source;  ///< Only readings whose source contains this; empty: any.
  int seconds = 1;     ///< For so many readings of one source in a row.
};

/// One figure of one second.
struct GuardReading {
  std::string metric;
  std::string source;  ///< Whose it is; "kneepoint" for the tool's own.
  double value = 0;
};

/// Every signal and watched metric of a sample. Counters are left out: a limit on them would only tell the
/// uptime.
std::vector<GuardReading> guard_readings(const TelemetrySample& sample);

/// Watches limits. Pure: the same readings give the same answer. Readings of one source come in order.
class GuardRails {
 public:
  explicit GuardRails(std::vector<GuardLimit> limits);

  /// @returns why the run must stop, once a limit has been passed for as long as it says; the first such
  /// reason.
  std::optional<std::string> observe(std::int64_t second, const std::vector<GuardReading>& readings);

  /// The metric names that a scraper has to keep for the limits: those that are no signals.
  std::vector<std::string> watched() const;

 private:
  struct Watch {
    GuardLimit limit;
    std::map<std::string, int> passed;  ///< Readings in a row, by source.
  };
  std::vector<Watch> watches_;
};

}  // namespace kneepoint::coordinator
