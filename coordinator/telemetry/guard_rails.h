#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/plan.h"
#include "coordinator/telemetry/telemetry_sample.h"

namespace kneepoint::coordinator {

/// The tool's own figures that limits may name: a ratio, and two latencies in seconds.
inline constexpr std::string_view kErrorRatio = "error_ratio", kTtftP50 = "ttft_p50", kTtftP95 = "ttft_p95";
inline constexpr std::array kOwnFigures = {kErrorRatio, kTtftP50, kTtftP95};

/// One figure of one second.
struct GuardReading {
  std::string metric;
  std::string source;  ///< Whose it is; "kneepoint" for the tool's own.
  double value = 0;
  bool elsewhere = false;  ///< Of a URL that is no target's: only limits that name it look at it.
};

/// Watches limits. Pure: the same readings give the same answer. Readings of one source come in order.
class GuardRails {
 public:
  explicit GuardRails(std::vector<GuardLimit> limits);

  /// @returns why the run must stop, once a limit has been passed for as long as it says; the first such
  /// reason.
  std::optional<std::string> observe(std::int64_t second, const std::vector<GuardReading>& readings);
  /// The same with every signal and watched metric of a sample. Signals that are counters are left out: a
  /// limit on them would only tell the uptime. Of a histogram or summary the mean since the source's last
  /// sample counts.
  std::optional<std::string> observe(const TelemetrySample& sample);

  /// The metric names that a scraper has to keep for the limits: those that are neither signals nor the
  /// tool's own, with what a histogram of that name exposes.
  std::set<std::string> watched() const;

 private:
  struct Watch {
    GuardLimit limit;
    std::map<std::string, int> passed;  ///< Readings in a row, by source.
  };
  std::vector<Watch> watches_;
  std::map<std::string, std::map<std::string, double>> last_;  ///< Watched metrics by source.
};

}  // namespace kneepoint::coordinator
