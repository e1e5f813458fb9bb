#pragma once

#include <optional>
#include <string>

namespace kneepoint::coordinator {

/// How a host moved in time, beyond what its load explains. Times are seconds.
struct Movement {
  /// One word for scripts, of `docs/report.md`: "drifting", "stepped", "warming", "heat", "burst",
  /// "periodic", "stalls" or "wandering".
  std::string kind;
  /// When it began, since the run's zero; absent where it has no beginning (it went on all the time).
  std::optional<double> at_seconds;
  std::optional<double> period_seconds;  ///< Of what comes and goes.
  /// What is left of its throughput, at the same load: 0.6 is slower by 40 %. Of what comes and goes the
  /// lowest over the highest. Absent where it could not be told.
  std::optional<double> ratio;
  std::string explanation;  ///< Sentences, quoting their evidence, and what to do.
};

}  // namespace kneepoint::coordinator
