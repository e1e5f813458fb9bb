#include "coordinator/telemetry/guard_rails.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "coordinator/telemetry/endpoints.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::string_view kSum = "_sum", kCount = "_count";
/// By then a page has been tried ten times.
constexpr std::int64_t kHeardBySecond = 10;

bool looks_at(const GuardLimit& limit, const std::string& source, bool elsewhere) {
  return limit.source.empty() ? !elsewhere : source == limit.source;
}

/// The means of the histograms and summaries among `metrics` since `earlier`.
std::map<std::string, double> means_since(const std::map<std::string, double>& earlier,
                                          const std::map<std::string, double>& metrics) {
  std::map<std::string, double> means;
  for (const auto& [name, sum] : metrics) {
    if (!name.ends_with(kSum)) continue;
    const std::string base = name.substr(0, name.size() - kSum.size());
    const auto count = metrics.find(base + std::string(kCount));
    const auto sum_before = earlier.find(name);
    const auto count_before = earlier.find(base + std::string(kCount));
    if (count == metrics.end() || sum_before == earlier.end() || count_before == earlier.end()) continue;
    const double more = count->second - count_before->second;
    // Fewer than before: the server began anew, and what it counts since then is not a mean of this second.
    if (more > 0 && sum >= sum_before->second) means[base] = (sum - sum_before->second) / more;
  }
  return means;
}

}  // namespace

std::optional<OwnFigure> own_figure(std::string_view name) {
  const auto* const found =
      std::find_if(kOwnFigures.begin(), kOwnFigures.end(), [&](const auto& f) { return f.name == name; });
  return found == kOwnFigures.end() ? std::nullopt : std::optional(*found);
}

GuardRails::GuardRails(std::vector<GuardLimit> limits) {
  for (GuardLimit& limit : limits) watches_.push_back({.limit = std::move(limit)});
}

std::optional<std::string> GuardRails::observe(std::int64_t second,
                                               const std::vector<GuardReading>& readings) {
  std::optional<std::string> reason;
  for (Watch& watch : watches_) {
    const GuardLimit& limit = watch.limit;
    for (const GuardReading& reading : readings) {
      if (reading.metric != limit.metric || !std::isfinite(reading.value)) continue;
      if (!looks_at(limit, reading.source, reading.elsewhere)) continue;
      watch.heard = true;
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

std::optional<std::string> GuardRails::observe(const TelemetrySample& sample) {
  if (watches_.empty()) return std::nullopt;
  const bool elsewhere = sample.target == kGuardedElsewhere;
  // A histogram is there before anything has come into it.
  for (Watch& watch : watches_) {
    if (!looks_at(watch.limit, sample.source, elsewhere)) continue;
    watch.heard = watch.heard || sample.metrics.contains(watch.limit.metric + std::string(kCount));
  }
  std::vector<GuardReading> readings;
  const auto add = [&](std::string_view metric, double value) {
    readings.push_back({std::string(metric), sample.source, value, elsewhere});
  };
  for (const auto& [signal, value] : sample.values) {
    if (!signals()[static_cast<std::size_t>(signal)].counter) add(to_string(signal), value);
  }
  for (const auto& [name, value] : sample.metrics) add(name, value);
  auto& last = last_[sample.source];
  for (const auto& [name, value] : means_since(last, sample.metrics)) add(name, value);
  last = sample.metrics;
  return observe(sample.second, readings);
}

std::vector<std::string> GuardRails::unheard(std::int64_t second) {
  std::vector<std::string> lines;
  if (second < kHeardBySecond || std::exchange(told_, true)) return lines;
  for (const Watch& watch : watches_) {
    const GuardLimit& limit = watch.limit;
    if (watch.heard || own_figure(limit.metric)) continue;
    lines.push_back(fmt::format(
        "Guard rail {}: {} in the first {} s, so it stops nothing for now; check the name.", limit.metric,
        limit.source.empty() ? "no target named it" : limit.source + " did not name it", kHeardBySecond));
  }
  return lines;
}

std::set<std::string> GuardRails::watched() const {
  std::set<std::string> names;
  for (const Watch& watch : watches_) {
    const std::string& name = watch.limit.metric;
    if (signal_from_string(name) || own_figure(name)) continue;
    names.insert({name, name + std::string(kSum), name + std::string(kCount)});
  }
  return names;
}

}  // namespace kneepoint::coordinator
