#include "coordinator/telemetry/readings.h"

#include <algorithm>
#include <cmath>

namespace kneepoint::coordinator {

std::optional<double> value_of(const TelemetrySample& sample, Signal signal) {
  const auto found = sample.values.find(signal);
  if (found == sample.values.end()) return std::nullopt;
  return found->second;
}

std::optional<Gauge> gauge_of(const Readings& readings, Signal signal, double begin, double end) {
  Gauge gauge;
  const auto first = readings.lower_bound(static_cast<std::int64_t>(std::ceil(begin)));
  for (auto at = first; at != readings.end() && static_cast<double>(at->first) < end; ++at) {
    const auto value = value_of(at->second, signal);
    if (!value) continue;
    gauge.max = gauge.count == 0 ? *value : std::max(gauge.max, *value);
    gauge.sum += *value;
    ++gauge.count;
  }
  if (gauge.count == 0) return std::nullopt;
  return gauge;
}

double step_between(double earlier, double later) {
  return later >= earlier ? later - earlier : later;
}

std::optional<Growth> growth_of(const Readings& readings, Signal signal, double begin, double end) {
  std::optional<double> previous;
  std::optional<double> from, to;
  bool seen = false;
  double increase = 0;
  const auto first = readings.lower_bound(static_cast<std::int64_t>(std::ceil(begin)));
  for (auto at = first; at != readings.end() && static_cast<double>(at->first) <= end; ++at) {
    const auto value = value_of(at->second, signal);
    seen |= value.has_value();
    if (!value && seen) continue;  // A reading without it, once it had been there.
    const double now = value.value_or(0);
    if (previous) increase += step_between(*previous, now);
    previous = now;
    if (!from) from = at->second.instant();
    to = at->second.instant();
  }
  if (!seen || *to <= *from) return std::nullopt;
  return Growth{increase, *to - *from};
}

}  // namespace kneepoint::coordinator
