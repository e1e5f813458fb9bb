#include "coordinator/telemetry/guard_rails.h"

#include <fmt/format.h>

#include <cmath>

namespace kneepoint::coordinator {

std::vector<GuardReading> guard_readings(const TelemetrySample& sample) {
  std::vector<GuardReading> readings;
  for (const auto& [signal, value] : sample.values) {
    if (signals()[static_cast<std::size_t>(signal)].counter) continue;
    readings.push_back({std::string(to_string(signal)), sample.source, value});
  }
  for (const auto& [name, value] : sample.metrics) readings.push_back({name, sample.source, value});
  return readings;
}

GuardRails::GuardRails(std::vector<GuardLimit> limits) {
  for (GuardLimit& limit : limits) watches_.push_back({std::move(limit), {}});
}

std::optional<std::string> GuardRails::observe(std::int64_t second,
                                               const std::vector<GuardReading>& readings) {
  std::optional<std::string> reason;
  for (Watch& watch : watches_) {
    const GuardLimit& limit = watch.limit;
    for (const GuardReading& reading : readings) {
      if (reading.metric != limit.metric || !std::isfinite(reading.value)) continue;
      if (reading.source.find(limit.source) == reading.source.npos) continue;
      int& passed = watch.passed[reading.source];
      passed = (limit.below ? reading.value < limit.limit : reading.value > limit.limit) ? passed + 1 : 0;
      if (passed < limit.seconds || reason) continue;
      reason =
          fmt::format("guard rail: {} of {} was {:.4g} at second {}, {} the limit of {:.4g}", limit.metric,
                      reading.source, reading.value, second, limit.below ? "below" : "above", limit.limit);
      if (limit.seconds > 1) *reason += fmt::format(", {} times in a row", passed);
    }
  }
  return reason;
}

std::vector<std::string> GuardRails::watched() const {
  std::vector<std::string> names;
  for (const Watch& watch : watches_) {
    if (!signal_from_string(watch.limit.metric)) names.push_back(watch.limit.metric);
  }
  return names;
}

}  // namespace kneepoint::coordinator
