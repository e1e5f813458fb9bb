#pragma once

#include <string>
#include <vector>

#include "coordinator/measure/client_load.h"
#include "coordinator/telemetry/telemetry_series.h"

namespace kneepoint::coordinator {

/// How far client and page may differ before neither is taken for the other.
struct ReconcileLimits {
  static constexpr double kLeast = 0.9, kMost = 1.1;  ///< Engine over client.
  static constexpr double kFewestRequests = 20;       ///< Fewer that ended say nothing of a ratio.
  static constexpr double kShortest = 3;              ///< Seconds between the readings that are compared.
  /// A page is old, or stands still, from so many seconds on, and from so many times as long as a request
  /// takes: some engines count a request's tokens when it ends.
  static constexpr double kOld = 3;
  static constexpr double kResidences = 2;
  /// Requests in the engine over those in flight, and how many more at least, where the tokens agree.
  static constexpr double kHeldMost = 1.25, kHeldMore = 2;
  static constexpr int kOldest = 120;  ///< Seconds that are looked back.
};

/// Holds what the pages of a target counted against what the client saw: the second witness of every figure
/// that an engine tells. Pure.
class Reconciler {
 public:
  /// @param pages of the target. @param client and the pages' readings outlive the reconciler.
  Reconciler(const ClientLoad& client, std::vector<EnginePage> pages);

  /// What the pages are worth in [begin, end), seconds since the run's zero.
  PageCheck check(double begin, double end) const;

 private:
  struct Rate {
    double at = 0, seconds = 0, engine = 0;  ///< Until when, for how long, tokens counted.
  };
  bool rotates(double begin, double end) const;
  std::optional<double> still(double begin, double end) const;
  std::optional<double> find_lag() const;
  double residence(double begin, double end) const;

  const ClientLoad& client_;
  std::vector<EnginePage> pages_;
  std::vector<Rate> rates_;  ///< Of the pages together, between readings.
  std::optional<double> lag_;
};

}  // namespace kneepoint::coordinator
