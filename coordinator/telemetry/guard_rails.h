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

/// A figure of the tool's own that limits can name (measure/guard_figures.h says what each is made of).
struct OwnFigure {
  std::string_view name;
  bool seconds = false;  ///< Else a ratio, 0 to 1.
};
inline constexpr OwnFigure kErrorRatio{.name = "error_ratio"};
inline constexpr OwnFigure kTtftP50{.name = "ttft_p50", .seconds = true};
inline constexpr OwnFigure kTtftP95{.name = "ttft_p95", .seconds = true};
inline constexpr std::array kOwnFigures = {kErrorRatio, kTtftP50, kTtftP95};
std::optional<OwnFigure> own_figure(std::string_view name);

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

  /// The limits on what a host should have told by `second` and has not: each can stop nothing, perhaps
  /// because its metric is misspelt. One line each, once, some seconds into the run.
  std::vector<std::string> unheard(std::int64_t second);

  /// The metric names that a scraper has to keep for the limits: those that are neither signals nor the
  /// tool's own, with what a histogram of that name exposes.
  std::set<std::string> watched() const;

 private:
  struct Watch {
    GuardLimit limit;
    std::map<std::string, int> passed = {};  ///< Readings in a row, by source.
    bool heard = false;                      ///< Of a source that it looks at.
  };
  std::vector<Watch> watches_;
  bool told_ = false;                                          ///< By unheard().
  std::map<std::string, std::map<std::string, double>> last_;  ///< Watched metrics by source.
};

}  // namespace kneepoint::coordinator
