#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "coordinator/telemetry/telemetry_sample.h"

namespace kneepoint::coordinator {

/// What one source said, by second.
using Readings = std::map<std::int64_t, TelemetrySample>;

std::optional<double> value_of(const TelemetrySample& sample, Signal signal);

/// A gauge over a window.
struct Gauge {
  double sum = 0, max = 0;
  std::size_t count = 0;  ///< Of readings; at least 1.
  double mean() const { return sum / static_cast<double>(count); }
};
/// Of the readings in [begin, end), in seconds since the run's zero; absent without any.
std::optional<Gauge> gauge_of(const Readings& readings, Signal signal, double begin, double end);

/// A counter over a window.
struct Growth {
  double increase = 0;
  double seconds = 0;  ///< Between the readings that it was taken from; above 0.
  double rate() const { return increase / seconds; }
};
/// Between the first and the last reading in [begin, end], restarts of the server included; a counter that
/// appears during the window began at 0. Absent with fewer than two readings.
std::optional<Growth> growth_of(const Readings& readings, Signal signal, double begin, double end);

/// How a counter's reading follows another: a smaller one means that the server began anew.
double step_between(double earlier, double later);

}  // namespace kneepoint::coordinator
